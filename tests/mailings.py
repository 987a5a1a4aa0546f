"""The sample notice, compiled and frozen as `send` freezes it, for tests below the command line."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

import msgspec

from severally.model.delivery import Ticket, delivery_token
from severally.model.mailing import Frozen
from severally.model.notice import Kind
from severally.model.recipient import Recipient
from severally.model.sender import DkimKey, Sender
from severally.notice.compiling import compile_notice

SENDER = Sender(
    "notices",
    "notices@exchange.example",
    "Example Exchange",
    "bounces@exchange.example",
    "support@exchange.example",
)
MARKETING = msgspec.structs.replace(
    SENDER,
    unsubscribe="leave@exchange.example",
    unsubscribe_url="https://exchange.example/leave",
)
DATE = 1_795_000_000


@functools.cache
def sample(kind: Kind = Kind.SERVICE, dkim: tuple[DkimKey, ...] = ()) -> Frozen:
    """Frozen with every locale of the sample notice; marketing has both ways to unsubscribe."""
    folder = Path(str(resources.files("severally.app"))) / "sample"
    compiled = compile_notice(folder / "notices" / "index-change", folder / "layouts")
    sender = MARKETING if kind is Kind.MARKETING else SENDER
    return Frozen(
        msgspec.structs.replace(compiled.notice, kind=kind),
        msgspec.structs.replace(sender, dkim=dkim),
        compiled.stencils,
        "main",
    )


def ticket(delivery: int = 1) -> Ticket:
    return Ticket(delivery, delivery_token(b"k" * 32, delivery), DATE)


def customer(
    number: int = 1, address: str = "", locale: str = "en", timezone: str = "Europe/Berlin"
) -> Recipient:
    return Recipient(
        f"c{number:05}",
        address or f"user.{number:05}@gmail.example",
        locale,
        timezone,
        {
            "first_name": f"Name{number:05}",
            "account": f"AC-{number:06}",
            "position": f"{number}.25 USD",
        },
    )
