"""What is written into the ledger: attempts and records in turns, acts, figures of lanes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from severally.model.delivery import DeliveryState
from severally.model.event import Event


class Attempts(msgspec.Struct, frozen=True):
    """Deliveries of one mailing to be marked `attempting`, unless it was halted since
    `halt_epoch`."""

    mailing: str
    halt_epoch: int
    deliveries: Sequence[int]


class Record(msgspec.Struct, frozen=True, gc=False):
    """What became of one delivery: its new state and why.

    From `attempting`: accepted, deferred (with `due`), refused, in_doubt, or ready/deferred
    where it failed before the final dot. From `claimed`: ready, deferred or blocked.
    `due` is Unix seconds. `rule` names the reply rule, or is empty.
    What goes from `attempting` to ready, or to deferred without code, text and rule, failed
    before the final dot: it does not count as an attempt, and without words keeps the last.
    """

    delivery: int
    state: DeliveryState
    code: int = 0
    enhanced: str = ""
    text: str = ""
    rule: str = ""
    due: float = 0.0


class Turn(msgspec.Struct, frozen=True):
    """One durable step of the delivering process, all or nothing.

    `events` are what its records say about their recipients, see `Ledger.add_events`.
    """

    epoch: int
    now: float
    attempts: Sequence[Attempts] = ()
    records: Sequence[Record] = ()
    events: Sequence[Event] = ()


class TurnResult(msgspec.Struct, frozen=True):
    """`halted` are mailings whose attempts were not marked; all others' were."""

    halted: frozenset[str] = frozenset()


class LaneStat(msgspec.Struct, frozen=True):
    """What a lane did for a mailing. Times are Unix seconds; `peak_rate` messages accepted or
    answered in its busiest second; `peak_connections` in use at once."""

    lane: str
    first_at: float = 0.0
    last_at: float = 0.0
    peak_rate: int = 0
    peak_connections: int = 0


class Act(msgspec.Struct, frozen=True):
    """One thing somebody or the program did to a mailing; no personal data in `detail`.

    `who` is the operator's name; empty for the program itself.
    """

    at: float
    mailing: str
    what: str
    detail: str = ""
    who: str = ""
