"""`urgent send`: one message, kept as the HTTP API keeps it, and seen through to its end.

Where nobody sends urgent messages for the workspace, this process does until the message is
final; else it watches.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from severally.app.office import Office
from severally.app.operations.signing import act_as
from severally.app.urgent.asking import Ask, Asking, To
from severally.app.urgent.carrying import catalogue_of, cipher_of, sending
from severally.app.urgent.desk import accepted
from severally.deliver.urgent.courier import Courier, Watch
from severally.model.delivery import OPEN, DeliveryState
from severally.model.entries import Act
from severally.model.errors import UsageError
from severally.model.operator import Role
from severally.model.urgent import ApiKey, Happening, KeyScope, Tracked, ident_of, shown

POLL_S = 0.05
BY_HAND = ApiKey("by-hand", "by hand", KeyScope.LIVE, b"", 0, 0.0)
"""What messages sent from the command line are kept under."""
_WAITING = OPEN - {DeliveryState.HELD}


@dataclass(frozen=True)
class Order:
    """What was asked for at the prompt."""

    notice: str
    to: str
    values: Mapping[str, str]
    locale: str = ""
    timezone: str = ""
    reference: str = ""
    name: str = ""


class UrgentStory(msgspec.Struct, frozen=True):
    """A message's end, or where it stands, and what happened. Times are Unix seconds."""

    id: str
    state: str
    event: str
    reference: str
    accepted_at: float
    expires_at: float
    attempts: int
    possible_duplicate: bool
    route: str
    happenings: tuple[Happening, ...]

    @property
    def exit_code(self) -> int:
        """0 for what is final, 5 for what is not."""
        return 5 if self.state in {state.word for state in OPEN} else 0


def send(office: Office, order: Order, wait_s: float, code: str) -> UrgentStory:
    """Keep it, and wait for its end so long. Raises Refused with every field that is wrong."""
    who = act_as(office, "urgent send", Role.OPERATOR, code=code).name
    clock = office.wiring.clock
    asking = Asking(office.workspace, office.keys, cipher_of(office), catalogue_of(office))
    ask = Ask(
        order.notice, To(order.to), order.locale, order.timezone, dict(order.values),
        order.reference,
    )  # fmt: skip
    name = order.name or secrets.token_hex(16)
    checked = asking.checked(ask, BY_HAND, name, clock.wall())
    answer = accepted(office.ledger, office.workspace.urgent, checked)
    if answer.conflict:
        raise UsageError("--name was used for another message; leave it away, or choose another")
    if who and not answer.repeated:
        office.ledger.add_act(Act(clock.wall(), "", "urgent sent", shown(answer.ident), who))
    asyncio.run(_see_through(office, answer.ident, wait_s))
    return story(office, shown(answer.ident))


async def _see_through(office: Office, ident: int, wait_s: float) -> None:
    until = office.wiring.clock.monotonic() + wait_s
    async with sending(office, Watch()) as courier:
        await _until_final(office, ident, courier, until)


async def _until_final(office: Office, ident: int, courier: Courier | None, until: float) -> None:
    running = asyncio.ensure_future(courier.run()) if courier else None
    try:
        while office.wiring.clock.monotonic() < until and not (running and running.done()):
            if _found(office, ident).standing.state not in _WAITING:
                break
            await asyncio.sleep(POLL_S)
    finally:
        if running is not None:
            running.cancel()
            for failed in await asyncio.gather(running, return_exceptions=True):
                if isinstance(failed, Exception):
                    raise failed


def story(office: Office, message: str) -> UrgentStory:
    """Where a message stands, and what happened. Raises UsageError where there is none."""
    ident = ident_of(message)
    found = None if ident is None else office.ledger.urgent(ident)
    if found is None:
        raise UsageError(f"there is no urgent message {message!r}")
    urgent, standing = found.urgent, found.standing
    return UrgentStory(
        message,
        standing.state.word,
        urgent.event,
        urgent.reference,
        urgent.accepted_at,
        urgent.expires_at,
        standing.attempts,
        standing.doubts > 0,
        standing.route,
        tuple(office.ledger.urgent_happenings(urgent.ident)),
    )


def _found(office: Office, ident: int) -> Tracked:
    found = office.ledger.urgent(ident)
    assert found is not None
    return found
