"""What came back about a delivery: events, and what a delivery's state is once they are known.

An event counts once for each delivery and kind; neither order nor repeats change anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from severally.model.delivery import DeliveryState
from severally.model.notice import Kind


class EventKind(StrEnum):
    """What was heard. The words are stored and shown in reports."""

    DELIVERED = "delivered"
    """The receiver says that it lies in the mailbox."""
    INVALID = "invalid"
    """There is no such mailbox or domain."""
    HARD = "hard"
    """The mailbox exists and takes no mail any more."""
    SOFT = "soft"
    """It failed for something that passes."""
    FULL = "full"
    """The mailbox is full."""
    BLOCKED = "blocked"
    """Refused for what we are or send: ours to mend, never the recipient's fault."""
    COMPLAINT = "complaint"
    """The recipient called it spam."""
    UNSUBSCRIBE = "unsubscribe"
    """The recipient wants no more notices of this kind."""


_E = EventKind
_S = DeliveryState

BOUNCES = (_E.INVALID, _E.HARD, _E.BLOCKED, _E.FULL, _E.SOFT)
"""Kinds that mean it never arrived, the gravest first."""
PASSING = frozenset({_E.SOFT, _E.FULL})
"""Kinds that say something about an address only when they add up."""
NOBODY = frozenset({_E.INVALID, _E.HARD})
"""Kinds after which nobody can be reached at the address."""

SETTLED = frozenset({_S.ACCEPTED, _S.IN_DOUBT, _S.DELIVERED, _S.BOUNCED, _S.COMPLAINED})
"""States that events move. A delivery in doubt is settled by whatever is heard of it."""
WAITING = frozenset({_S.READY, _S.CLAIMED, _S.ATTEMPTING, _S.DEFERRED, _S.HELD})
"""States in which an event waits: the outcome of the attempt it is about is not recorded yet."""


class Party(msgspec.Struct, frozen=True):
    """An address as the ledger may know it: its blind index, and itself encrypted.

    `salt` and `box` are empty where only the index is known (an import of keyed hashes).
    """

    blind: bytes
    salt: bytes = b""
    box: bytes = b""


class Event(msgspec.Struct, frozen=True):
    """One thing heard about one delivery. `at` is when it happened (Unix seconds).

    `source` is the way it came: `dsn`, `arf`, `smtp`, `one-click`, `mailto`, `webhook NAME`.
    `notice` is the kind of the notice. Code, enhanced code and text are the receiver's words,
    addresses blotted out; `rule` names the rule that classified them.
    """

    delivery: int
    kind: EventKind
    at: float
    source: str
    party: Party
    notice: Kind
    code: int = 0
    enhanced: str = ""
    text: str = ""
    rule: str = ""

    @property
    def words(self) -> tuple[int, str, str, str]:
        """As a delivery's reply; the rule begins with the kind."""
        rule = f"{self.kind.value}/{self.rule}" if self.rule else f"{self.kind.value}/"
        return self.code, self.enhanced, self.text, rule


def kind_of(rule: str) -> EventKind | None:
    """The kind in a reply's rule that an event wrote; None for the rules of a dialogue."""
    kind, slash, _ = rule.partition("/")
    return EventKind(kind) if slash and kind in set(EventKind) else None


def earlier(one: Event, other: Event) -> Event:
    """Of two accounts of the same thing the one that counts, whichever came first."""
    return min(one, other, key=lambda e: (e.at, e.source, *e.words))


def settled(
    state: DeliveryState, heard: Mapping[EventKind, Event]
) -> tuple[DeliveryState, Event] | None:
    """The state of a delivery of which this was heard, and the event that decides; None where
    it stays. A complaint says most, then that it never arrived, then that it did."""
    if state not in SETTLED:
        return None
    order = ((_E.COMPLAINT, _S.COMPLAINED), *((kind, _S.BOUNCED) for kind in BOUNCES))
    for kind, new in (*order, (_E.DELIVERED, _S.DELIVERED)):
        if kind in heard:
            return new, heard[kind]
    return None
