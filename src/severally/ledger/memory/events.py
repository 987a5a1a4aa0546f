"""What came back, and who is not to be written to, in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from severally.ledger import rules
from severally.ledger.hearing import EXCLUDABLE, heard, in_force, no_delivery, why_of
from severally.ledger.memory.deliveries import Deliveries
from severally.ledger.memory.listing import Book
from severally.ledger.memory.staging import FrozenRows
from severally.model.delivery import Claim, DeliveryState
from severally.model.entries import Act, Record
from severally.model.event import PASSING, WAITING, Event, EventKind, earlier, settled
from severally.model.mailing import Cohort
from severally.model.notice import Kind
from severally.model.suppression import (
    SCOPES,
    Suppression,
    Why,
    exclusion,
    following,
    stronger,
)


class MemoryEvents:
    """The parts of the ledger that hear, and that know who is not to be written to."""

    _lock: threading.RLock
    _audiences: dict[str, FrozenRows]
    _books: dict[str, Book]
    _mailing_of: dict[int, str]
    _deliveries: Deliveries

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[int, dict[EventKind, Event]] = {}
        self._waiting: set[int] = set()
        self._soft: dict[bytes, dict[int, float]] = {}
        self._suppressions: dict[tuple[bytes, str], Suppression] = {}
        self._excluding: dict[str, Kind] = {}

    def _write(self, *acts: Act) -> None:
        raise NotImplementedError

    def _book(self, mailing_id: str) -> Book:
        raise NotImplementedError

    # --- events

    def add_events(self, events: Sequence[Event], now: float) -> int:
        """Keep them, move their deliveries' states, suppress whom they say; how many were new."""
        with self._lock:
            for event in events:
                if not self._deliveries.knows(event.delivery):
                    raise no_delivery(event.delivery)
            return self._hear(events, now)

    def _hear(self, events: Sequence[Event], now: float) -> int:
        new = [event for event in events if self._add(event, now)]
        self._write(*heard(new, now))
        return len(new)

    def _add(self, event: Event, now: float) -> bool:
        known = self._events.setdefault(event.delivery, {})
        before = known.get(event.kind)
        kept = event if before is None else earlier(before, event)
        if kept is before:
            return False
        known[event.kind] = kept
        self._settle(event.delivery)
        if before is not None:
            return False
        self._suppress(following(event, self._soft_times(event)), now)
        return True

    def _soft_times(self, event: Event) -> list[float]:
        if event.kind not in PASSING:
            return []
        times = self._soft.setdefault(event.party.blind, {})
        times[event.delivery] = min(event.at, times.get(event.delivery, event.at))
        return list(times.values())

    def _settle(self, delivery: int) -> None:
        state = self._deliveries.one(delivery).state
        self._waiting.discard(delivery)
        if state in WAITING:
            self._waiting.add(delivery)
        found = settled(state, self._events[delivery])
        if found is not None:
            new, event = found
            self._deliveries.settle(delivery, Record(delivery, new, *event.words))

    def _settle_waiting(self) -> None:
        """Look again at the deliveries that events wait for."""
        for delivery in sorted(self._waiting):
            self._settle(delivery)

    def events_of(self, delivery: int) -> Sequence[Event]:
        """All that was heard about one delivery, by kind."""
        with self._lock:
            return [event for _, event in sorted(self._events.get(delivery, {}).items())]

    def whereabouts(self, delivery: int) -> tuple[Cohort, Claim] | None:
        """The cohort of a delivery and its recipient's encrypted row."""
        with self._lock:
            if not self._deliveries.knows(delivery):
                return None
            one = self._deliveries.one(delivery)
            book = self._book(self._mailing_of[one.cohort])
            cohort = next(each for each in book.cohorts if each.id == one.cohort)
            rows = self._audiences[book.mailing.audience]
            return cohort, rows.claimed(one.place, delivery, max(one.date, 0), one.attempts)

    # --- suppressions

    def suppress(self, suppressions: Sequence[Suppression], now: float) -> int:
        """Keep the stronger of each and the one that was there; how many changed anything."""
        with self._lock:
            return self._suppress(suppressions, now)

    def _suppress(self, suppressions: Iterable[Suppression], now: float) -> int:
        changed = 0
        for new in suppressions:
            key = (new.party.blind, new.scope)
            old = self._suppressions.get(key)
            kept = new if old is None else stronger(old, new)
            if kept != old:
                self._suppressions[key] = kept
                changed += 1
                if kept.holds(now):
                    self._leave_out(kept, now)
        return changed

    def _leave_out(self, one: Suppression, now: float) -> None:
        for mailing_id, kind in self._excluding.items():
            if one.bars(kind) and self._book(mailing_id).mailing.state not in rules.FINAL:
                self._exclude(mailing_id, {one.party.blind: one.why}, now)

    def lift(self, blind: bytes, scope: str | None) -> int:
        """Forget what bars this address from one scope, or from all; how many."""
        with self._lock:
            gone = [k for k in self._suppressions if k[0] == blind and scope in (None, k[1])]
            for key in gone:
                del self._suppressions[key]
            return len(gone)

    def suppressed(self, blind: bytes, kind: Kind, now: float) -> Suppression | None:
        """What bars this address from notices of this kind now; the strongest."""
        with self._lock:
            return in_force(self._of(blind), kind, now)

    def _of(self, blind: bytes) -> list[Suppression]:
        found = ((blind, scope) for scope in sorted(SCOPES))
        return [self._suppressions[key] for key in found if key in self._suppressions]

    def suppressions(self) -> Iterator[Suppression]:
        """All, by blind index."""
        with self._lock:
            return iter([each for _, each in sorted(self._suppressions.items())])

    def barred(self, kind: Kind, now: float) -> Mapping[bytes, Why]:
        """Every address that gets no notices of this kind now, and why."""
        with self._lock:
            found: dict[bytes, list[Suppression]] = {}
            for (blind, _), each in sorted(self._suppressions.items()):
                found.setdefault(blind, []).append(each)
            strongest = ((blind, in_force(each, kind, now)) for blind, each in found.items())
            return {blind: one.why for blind, one in strongest if one is not None}

    def exclude(self, mailing_id: str, kind: Kind, now: float) -> Mapping[Why, int]:
        """Exclude every recipient of the mailing who is suppressed and was not written to."""
        with self._lock:
            self._book(mailing_id)
            self._excluding[mailing_id] = kind
            return self._exclude(mailing_id, self.barred(kind, now), now)

    def _exclude(self, mailing_id: str, whys: Mapping[bytes, Why], now: float) -> Counter[Why]:
        book = self._book(mailing_id)
        blinds = self._audiences[book.mailing.audience].blinds
        waiting = list(self._deliveries.in_states(book.cohorts, EXCLUDABLE))
        counted: Counter[Why] = Counter()
        for number, delivery in waiting:
            why = whys.get(blinds[delivery.place])
            if why is not None:
                said = Record(number, DeliveryState.EXCLUDED, *exclusion(why))
                self._deliveries.settle(number, said, now)
                counted[why] += 1
        return counted

    def exclusions(self, mailing_id: str) -> Mapping[Why, int]:
        """How many of its recipients are excluded, by reason."""
        with self._lock:
            excluded = (DeliveryState.EXCLUDED,)
            found = self._deliveries.in_states(self._book(mailing_id).cohorts, excluded)
            rules_ = (delivery.reply.rule for _, delivery in found if delivery.reply)
            return Counter(why for rule in rules_ if (why := why_of(rule)) is not None)
