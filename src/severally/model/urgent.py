"""Urgent messages: one recipient each, triggered by an event, belonging to no mailing.

A message goes through the states of a delivery: ready → claimed → attempting → accepted, or
deferred, refused, expired, blocked; held while it is part of a flood, and withdrawn when the
flood was told in one message; excluded where its recipient is suppressed. What a crash leaves
attempting is tried again with the same Message-ID: a duplicate that a receiver can tell is
better than a reset that never came.
"""

from __future__ import annotations

import base64
from enum import StrEnum

import msgspec

from severally.model.delivery import DeliveryState

AUDIENCE = "urgent"
"""What the rows of urgent messages are encrypted for, and their tokens made from."""
IDENT_BITS = 62
"""An ident is random, so that no backup put back can ever give one twice."""


class KeyScope(StrEnum):
    """Whom a key may write to."""

    TEST = "test"
    """Nobody: messages are composed and checked, then thrown away. Not in a live workspace."""
    TEAM = "team"
    """The addresses of `[urgent] team`."""
    LIVE = "live"
    """Everybody the workspace may send to."""


class ApiKey(msgspec.Struct, frozen=True):
    """One program's key. `hash` is the SHA-256 of the secret, which has 256 bits and is shown
    once. `per_minute` requests at most. Times are Unix seconds; 0.0 means never."""

    id: str
    name: str
    scope: KeyScope
    hash: bytes
    per_minute: int
    made_at: float
    made_by: str = ""
    expires_at: float = 0.0
    revoked_at: float = 0.0

    def flaw(self, now: float) -> str:
        """Why it opens nothing now, or empty."""
        if self.revoked_at:
            return "this key was revoked"
        return "this key has expired" if self.expires_at and now >= self.expires_at else ""


class UrgentNotice(msgspec.Struct, frozen=True):
    """One version of a notice that may be sent any number of times once it is approved.

    `digest` is over all that decides what people get. `expires_s`: how long a message of it makes
    sense. `approved_at` 0.0 means not yet.
    """

    digest: str
    name: str
    event: str
    expires_s: float
    proposed_at: float
    proposed_by: str = ""
    approved_at: float = 0.0
    approved_by: str = ""

    @property
    def short(self) -> str:
        """Enough of the digest to be read out."""
        return self.digest[:12]


class Urgent(msgspec.Struct, frozen=True):
    """One message as it was accepted. Nothing personal is in the clear.

    `idem` and `body` are hashes of the caller's Idempotency-Key and request; `person` is the
    blind index of the address; `salt` and `box` hold the encrypted recipient. `due`: when it may
    be sent first. `exempt`: security notices, which no cap on a person holds back.
    """

    ident: int
    digest: str
    event: str
    exempt: bool
    key: str
    scope: KeyScope
    reference: str
    idem: bytes
    body: bytes
    person: bytes
    salt: bytes
    box: bytes
    accepted_at: float
    due: float
    expires_at: float


class Standing(msgspec.Struct, frozen=True):
    """Where a message stands. `doubts`: attempts after which the receiver may have it although
    it never said so. `into`: the message that told of it together with others. `date` is the
    second of the first attempt, kept for all of them."""

    state: DeliveryState
    attempts: int = 0
    doubts: int = 0
    due: float = 0.0
    date: int = 0
    route: str = ""
    code: int = 0
    enhanced: str = ""
    text: str = ""
    into: int = 0


class Tracked(msgspec.Struct, frozen=True):
    """A message and where it stands."""

    urgent: Urgent
    standing: Standing


class Happening(msgspec.Struct, frozen=True):
    """One thing that happened to a message; `text` holds nothing personal."""

    at: float
    what: str
    route: str = ""
    text: str = ""


class Change(msgspec.Struct, frozen=True):
    """A message's new standing, and what happened to it."""

    ident: int
    state: DeliveryState
    happening: Happening
    attempts: int = 0
    doubts: int = 0
    due: float = 0.0
    date: int = 0
    code: int = 0
    enhanced: str = ""
    text: str = ""


class Caps(msgspec.Struct, frozen=True):
    """What is let through before something is wrong.

    More than `few` of one event to one person within `window_s` are held, to be told in one
    message. Above `per_person` an hour (security notices aside) or `per_event` a minute,
    nothing more is accepted; 0 means no limit. `barred`: why nothing at all is accepted for this
    person, or empty.
    """

    few: int = 3
    window_s: float = 600.0
    per_person: int = 30
    per_event: int = 0
    barred: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What became of one message that was to be accepted.

    `ident` is the earlier one's where the Idempotency-Key was used before (`repeated`), by the
    same request or, in `conflict`, by another. `capped`: not accepted, and why.
    """

    ident: int
    state: DeliveryState
    repeated: bool = False
    conflict: bool = False
    capped: str = ""


class Flood(msgspec.Struct, frozen=True):
    """Held messages of one event to one person: the newest stands for all of them."""

    newest: Urgent
    count: int


class Backlog(msgspec.Struct, frozen=True):
    """What waits: how many in each state, and since when (Unix seconds; 0.0 for nothing)."""

    counts: dict[DeliveryState, int]
    oldest: float = 0.0


def shown(ident: int) -> str:
    """`u-` and 13 letters and digits: how callers name a message."""
    text = base64.b32encode(ident.to_bytes(8, "big")).decode().rstrip("=").lower()
    return f"u-{text}"


def ident_of(text: str) -> int | None:
    """The inverse of `shown`; None for what it never gives."""
    try:
        raw = base64.b32decode(text[2:].upper() + "===") if len(text) == 15 else b""
    except ValueError:
        return None
    ident = int.from_bytes(raw, "big")
    return ident if len(raw) == 8 and ident < 1 << IDENT_BITS and shown(ident) == text else None
