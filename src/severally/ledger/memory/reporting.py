"""What became of a mailing over time, in memory: sums by receiver group, locale and slot."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence

from severally.ledger.memory.deliveries import Deliveries, Delivery
from severally.ledger.memory.listing import Book
from severally.ledger.memory.staging import FrozenRows
from severally.model.event import Event, EventKind
from severally.model.observed import Figure


class MemoryReporting:
    """The part of the ledger that sums up."""

    _lock: threading.RLock
    _audiences: dict[str, FrozenRows]
    _deliveries: Deliveries
    _events: dict[int, dict[EventKind, Event]]

    def _book(self, mailing_id: str) -> Book:
        raise NotImplementedError

    def states_over_time(self, mailing_id: str, since: float, width_s: float) -> Sequence[Figure]:
        """Every delivery once, by state."""
        with self._lock:
            counted = Counter(
                (receiver, locale, one.state.word, _slot(one.at, since, width_s))
                for receiver, locale, _, one in self._each(mailing_id)
            )
        return [Figure(*each, count) for each, count in sorted(counted.items())]

    def events_over_time(self, mailing_id: str, since: float, width_s: float) -> Sequence[Figure]:
        """Every event once, by kind."""
        with self._lock:
            counted = Counter(
                (receiver, locale, event.kind.value, _slot(event.at, since, width_s))
                for receiver, locale, number, _ in self._each(mailing_id)
                for event in self._events.get(number, {}).values()
            )
        return [Figure(*each, count) for each, count in sorted(counted.items())]

    def _each(self, mailing_id: str) -> Iterator[tuple[str, str, int, Delivery]]:
        book = self._book(mailing_id)
        strata = self._audiences[book.mailing.audience].strata
        for cohort in book.cohorts:
            for number in range(cohort.first, cohort.last + 1):
                one = self._deliveries.one(number)
                yield cohort.receiver, strata[one.place][1], number, one


def _slot(at: float, since: float, width_s: float) -> int:
    return int(max(0.0, at - since) / width_s)
