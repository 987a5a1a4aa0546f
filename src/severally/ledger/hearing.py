"""What every ledger must agree on about events and suppressions. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from severally.model.delivery import DeliveryState
from severally.model.entries import Act
from severally.model.errors import LedgerError
from severally.model.event import Event
from severally.model.notice import Kind
from severally.model.suppression import Suppression, Why, stronger

EXCLUDABLE = frozenset({DeliveryState.READY, DeliveryState.DEFERRED})
"""What is left out of a mailing when its address is suppressed; what is in hand still leaves."""

_encode = msgspec.msgpack.Encoder().encode


def heard(events: Sequence[Event], now: float) -> list[Act]:
    """What a batch of new events adds to the record: how many, and their SHA-256. No party of
    them is in it, so that it says nothing once an address is erased."""
    if not events:
        return []
    root = hashlib.sha256(
        _encode([(e.delivery, e.kind, e.at, e.source, *e.words) for e in events])
    ).hexdigest()
    return [Act(now, "", "events", f"{len(events)} events, root {root}")]


def no_delivery(delivery: int) -> LedgerError:
    """What is said of a delivery that is not there."""
    return LedgerError(f"there is no delivery {delivery}; nothing was written")


def in_force(found: Iterable[Suppression], kind: Kind, now: float) -> Suppression | None:
    """The strongest that bars notices of this kind now."""
    kept: Suppression | None = None
    for each in found:
        if each.bars(kind) and each.holds(now):
            kept = each if kept is None else stronger(kept, each)
    return kept


def why_of(rule: str) -> Why | None:
    """The reason in the reply of an excluded delivery."""
    said, slash, why = rule.partition("/")
    return Why(why) if slash and said == "suppressed" else None
