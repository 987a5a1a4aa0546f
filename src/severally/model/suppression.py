"""Who is not to be written to: by address and kind of notice, with source, time and expiry.

The policy stands here as data, so that whoever hears something and the ledger that keeps it
mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from severally.model.event import NOBODY, PASSING, Event, EventKind, Party
from severally.model.notice import Kind

ALL = "all"
"""The scope that bars every kind of notice, security notices too."""
SCOPES = (ALL, *(kind.value for kind in Kind))
DAY_S = 86_400.0
SOFT_COUNT = 3
SOFT_WITHIN_S = 90 * DAY_S
SOFT_FOR_S = 30 * DAY_S
"""Three deliveries that failed softly within 90 days bar an address for 30; then it is tried
again. Judgement: mailings are rare here, so three of them are weeks apart."""
_LESS_THAN_SECURITY = (Kind.SERVICE.value, Kind.MARKETING.value)


class Why(StrEnum):
    """Why an address is suppressed."""

    INVALID = "invalid"
    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    PERSON = "person"
    IMPORT = "import"


class Suppression(msgspec.Struct, frozen=True):
    """One address that gets no notices of one kind (`scope`, or `all`).

    `source` is where that comes from; `at` since when, `expires` until when (Unix seconds;
    0.0 for ever).
    """

    party: Party
    scope: str
    why: Why
    source: str
    at: float
    expires: float = 0.0

    def holds(self, now: float) -> bool:
        """Whether it is in force at `now`."""
        return not self.expires or self.expires > now

    def bars(self, kind: Kind) -> bool:
        """Whether it is about notices of this kind."""
        return self.scope in (ALL, kind.value)


def stronger(one: Suppression, other: Suppression) -> Suppression:
    """Of two for one address and scope the one that is kept: the longer, then the older."""
    kept, left = sorted((one, other), key=_strength, reverse=True)
    if left.party.box and not kept.party.box:
        return msgspec.structs.replace(kept, party=left.party)
    return kept


def _strength(one: Suppression) -> tuple[float, float, str, str]:
    return one.expires or math.inf, -one.at, one.why.value, one.source


def following(event: Event, soft_times: Sequence[float]) -> list[Suppression]:
    """What an event means for its address. `soft_times` are the times of all soft failures that
    were heard of at this address, this one included, one for each delivery.

    A block suppresses nobody. A complaint bars everything but security notices.
    """
    source = f"{event.source}, delivery {event.delivery}"

    def bar(scope: str, why: Why, at: float = event.at, expires: float = 0.0) -> Suppression:
        return Suppression(event.party, scope, why, source, at, expires)

    if event.kind in NOBODY:
        return [bar(ALL, Why(event.kind.value))]
    if event.kind is EventKind.COMPLAINT:
        return [bar(scope, Why.COMPLAINT) for scope in _LESS_THAN_SECURITY]
    if event.kind is EventKind.UNSUBSCRIBE:
        return [bar(event.notice.value, Why.UNSUBSCRIBE)]
    if event.kind in PASSING and (last := _added_up(soft_times)) is not None:
        until = last + SOFT_FOR_S
        return [bar(scope, Why.SOFT, last, until) for scope in _LESS_THAN_SECURITY]
    return []


def _added_up(times: Sequence[float]) -> float | None:
    """The latest time by which enough soft failures had come together."""
    ordered = sorted(times)
    ends = zip(ordered, ordered[SOFT_COUNT - 1 :], strict=False)
    return max((last for first, last in ends if last - first <= SOFT_WITHIN_S), default=None)


def exclusion(why: Why) -> tuple[int, str, str, str]:
    """What stands as the reply of a delivery that was excluded for it."""
    return 0, "", "", f"suppressed/{why.value}"
