"""The recipients of a mailing one by one, in memory: who stands where, who is withdrawn."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from severally.ledger import rules
from severally.ledger.halted import check_withdrawal
from severally.ledger.memory.deliveries import Deliveries, last_record
from severally.ledger.memory.staging import FrozenRows
from severally.model.delivery import DeliveryState
from severally.model.entries import LaneStat, Record
from severally.model.mailing import Cohort, Frozen, Mailing


class Book(msgspec.Struct):
    """A mailing and what belongs to it."""

    mailing: Mailing
    frozen: Frozen
    cohorts: list[Cohort]
    lanes: dict[str, str]
    stats: dict[str, LaneStat]
    sealed: int = 0
    refused: int = 0


class Listing:
    """The part of the ledger in memory that names recipients."""

    _lock: threading.RLock
    _audiences: dict[str, FrozenRows]
    _books: dict[str, Book]
    _mailing_of: dict[int, str]
    _deliveries: Deliveries

    def _book(self, mailing_id: str) -> Book:
        try:
            return self._books[mailing_id]
        except KeyError:
            raise rules.no_mailing(mailing_id) from None

    def names(self, deliveries: Sequence[int]) -> Mapping[int, str]:
        """Delivery -> its recipient's id."""
        with self._lock:
            found = ((number, self._deliveries.one(number)) for number in deliveries)
            return {n: self._ids(self._mailing_of[d.cohort])[d.place] for n, d in found}

    def _ids(self, mailing_id: str) -> Sequence[str]:
        return self._audiences[self._book(mailing_id).mailing.audience].ids

    def recipients_in(
        self, mailing_id: str, state: DeliveryState, most: int = 1000
    ) -> Sequence[tuple[str, Record]]:
        """Recipient ids in that state with their last record, in audience order."""
        with self._lock:
            found = itertools.islice(self.everyone(mailing_id, (state,)), most)
            return [(name, record) for name, _, record in found]

    def everyone(
        self, mailing_id: str, states: Collection[DeliveryState]
    ) -> Iterator[tuple[str, float, Record]]:
        """Every recipient in one of these states, in order of deliveries."""
        with self._lock:
            book, ids = self._book(mailing_id), self._ids(mailing_id)
            found = list(self._deliveries.in_states(book.cohorts, states))
        return ((ids[d.place], d.at, last_record(n, d)) for n, d in found)

    def withdraw(self, mailing_id: str, now: float, reason: str, most: int) -> int:
        """Up to `most` that were not sent and have not ended; how many."""
        with self._lock:
            book = self._book(mailing_id)
            check_withdrawal(book.mailing, self._deliveries.total(book.cohorts))
            return self._deliveries.withdraw(book.cohorts, now, reason, most)
