"""A staged mailing in a workspace of a test's own: sentinels with mailboxes, and its course."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from severally.app.config import load
from severally.app.lanes import lane_of
from severally.app.office import Office, open_office
from severally.app.operations import audiences, delivering, drafts
from severally.app.operations.results import Report
from severally.app.wiring import Wiring
from severally.model.mailing import Mailing, MailingState
from severally.stage.arrival import AT_ONCE
from severally.stage.steps import allot
from tests.workshop import Workshop

IN_DIALOGUE = Wiring(bounce_curves=lambda: (AT_ONCE, AT_ONCE))
"""A receiver that says everything in the dialogue: what is not refused then never bounces."""

STAGING = """
[staging]
canary = 700
chunk = 100
trickle = "1s"
patience = "60s"
sentinel_patience = "60s"
"""


def staged(shop: Workshop, sentinels: Sequence[str], signed: bool = True) -> None:
    """Two locales, `[staging]` in small, a signature; `sentinels` as `[sentinels.NAME]` tables."""
    settings = shop.root / "severally.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text + STAGING + "\n".join(sentinels), "utf-8")
    if signed:
        sign(shop)
    shop.edit(
        "notices/index-change/notice.toml",
        'locales = ["en", "zh-Hans", "zh-Hant", "ja", "ko", "ru", "es", "pt-BR", "fr", "de", '
        '"ar", "tr"]',
        'locales = ["en", "de"]',
    )


def sign(shop: Workshop) -> None:
    """Give the sender a key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    file = shop.root / "keys" / "dkim.pem"
    file.touch(mode=0o600)
    file.write_bytes(pem)
    entry = '{ domain = "exchange.example", selector = "s1", key_file = "keys/dkim.pem" }'
    shop.edit("severally.toml", "[routes.main]", f"dkim = [{entry}]\n\n[routes.main]")


def maildir_sentinel(name: str, locale: str, folder: Path) -> str:
    """One that is read on this machine."""
    return (
        f'[sentinels.{name}]\naddress = "sentinel-{name}@exchange.example"\n'
        f'locale = "{locale}"\nmaildir = {json.dumps(str(folder / f"sentinel-{name}"))}\n'
    )


def rehearsed(office: Office, audience: Path) -> Mailing:
    """What `propose` and `approve` leave behind, without their checks."""
    frozen = drafts.freeze(office, draft := drafts.compiled(office, "index-change"), "main")
    with audiences.reading(office, audience, draft.notice, "main") as read:
        people = read.staging.freeze(audience.name, 1.0)
        lanes = {each: lane_of(office.workspace, "main", each).key for each in read.receivers}
    plan = office.workspace.staging.plan(people.count, draft.notice.locales)
    made = Mailing(
        "m-staged",
        "index-change",
        people.id,
        people.count,
        "d",
        MailingState.REHEARSED,
        "main",
        created_at=office.wiring.clock.wall(),
        step=-1,
    )
    steps = allot(office.ledger.strata(people.id), [step.count for step in plan.steps])
    frozen = msgspec.structs.replace(frozen, staging=plan)
    office.ledger.create_mailing(made, frozen, lanes, 1.0, steps)
    return made


def conduct(
    root: Path, audience: Path, seconds: float = 60.0, wiring: Wiring | None = None
) -> Report:
    """See it through to its end, or to what stops it, for so long."""
    wiring = wiring or IN_DIALOGUE
    with open_office(load(root), wiring) as office:
        mailing = rehearsed(office, audience)
        until = wiring.clock.wall() + seconds
        return delivering.see_through(office, mailing.id, until, lambda _: None, lambda _: None)
