"""What the ledger says of mailings under way: what may be done, and what became of deliveries."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from severally.model.delivery import DeliveryState
from severally.model.mailing import MailingState


class Orders(NamedTuple):
    """What the ledger says that may be done with a mailing, see `Mailing`."""

    state: MailingState
    halt_epoch: int
    step: int


class Arrival(msgspec.Struct, frozen=True):
    """A message as it arrived at a mailbox of ours: its bytes, the folder, when (Unix seconds)."""

    raw: bytes
    folder: str
    at: float


class Answered(StrEnum):
    """What became of a link that was followed."""

    RIGHT = "right"
    WRONG = "wrong"
    """Nothing is there, or it leads where the notice does not say."""
    UNKNOWN = "unknown"
    """It did not say: too slow, not reached, not for programs."""


class Followed(NamedTuple):
    """One link, and why it is not right; the words name hosts."""

    answered: Answered
    why: str


class Seen(msgspec.Struct, frozen=True):
    """Deliveries of one receiver group and step that are in one state, by one reply rule, since
    `age_s` seconds (whole minutes)."""

    step: int
    receiver: str
    state: DeliveryState
    rule: str
    age_s: float
    count: int


class Figure(msgspec.Struct, frozen=True):
    """So many of one receiver group and locale: `what` is a delivery state's word or an event's
    kind, `slot` when it was (see `ports.reporting`)."""

    receiver: str
    locale: str
    what: str
    slot: int
    count: int
