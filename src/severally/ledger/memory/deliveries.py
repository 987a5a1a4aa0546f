"""The deliveries of a ledger in memory: their states, their tally, what is ready or due.

Not responsible for epochs, mailings or what a turn may do: the ledger and its rules are.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from severally.ledger.frontier import Frontier
from severally.ledger.halted import WITHDRAWABLE
from severally.ledger.rules import Standing, deltas
from severally.model.delivery import DeliveryState
from severally.model.entries import Record
from severally.model.mailing import Cohort

_D = DeliveryState
_READY, _DEFERRED = _D.READY, _D.DEFERRED


class Delivery(msgspec.Struct, gc=False):
    """One delivery. `place` is its recipient's in the audience; `date` -1 before a claim;
    `at` is the time of its last record."""

    cohort: int
    place: int
    state: DeliveryState = _D.READY
    attempts: int = 0
    epoch: int = 0
    date: int = -1
    due: float | None = None
    reply: Record | None = None
    at: float = 0.0


class Deliveries:
    """All deliveries by number."""

    def __init__(self) -> None:
        self._all: dict[int, Delivery] = {}
        self._cohorts: dict[int, Cohort] = {}
        self._tally: Counter[tuple[int, int]] = Counter()
        self._frontiers: dict[int, Frontier] = {}
        self._due: dict[int, list[tuple[float, int]]] = {}

    def add(self, cohort: Cohort, places: Sequence[int]) -> None:
        """A cohort of ready ones, one for each recipient's place in the audience."""
        self._cohorts[cohort.id] = cohort
        self._tally[cohort.id, +_READY] = cohort.count
        for number, place in enumerate(places, cohort.first):
            self._all[number] = Delivery(cohort.id, place)

    # --- claiming

    def take_ready(
        self, cohort: Cohort, count: int, epoch: int, now: float
    ) -> list[tuple[int, Delivery]]:
        """Claim up to `count` ready ones, in order."""
        frontier = self._frontiers.setdefault(cohort.id, Frontier(cohort))
        taken = [number for number in frontier.take_returned(count) if self._is_ready(number)]
        fresh = filter(self._is_ready, range(frontier.next, cohort.last + 1))
        taken += itertools.islice(fresh, max(count - len(taken), 0))
        if taken:
            frontier.passed(taken[-1] if len(taken) >= count else cohort.last)
        return [self._take(number, epoch, now) for number in taken]

    def _is_ready(self, number: int) -> bool:
        return self._all[number].state is _READY

    def take_due(
        self, cohort: Cohort, count: int, epoch: int, now: float
    ) -> list[tuple[int, Delivery]]:
        """Claim up to `count` deferred ones whose time has come, the oldest first."""
        waiting = self._due.get(cohort.id, [])
        taken: list[tuple[int, Delivery]] = []
        while waiting and waiting[0][0] <= now and len(taken) < count:
            due, number = heapq.heappop(waiting)
            if self._is_due(number, due):
                taken.append(self._take(number, epoch, now))
        return taken

    def _is_due(self, number: int, due: float) -> bool:
        """False for what left this state, or was put off again, and is still in the heap."""
        delivery = self._all[number]
        return delivery.state is _DEFERRED and delivery.due == due

    def _take(self, number: int, epoch: int, now: float) -> tuple[int, Delivery]:
        delivery = self._all[number]
        self._move(delivery, _D.CLAIMED)
        delivery.epoch = epoch
        if delivery.date < 0:
            delivery.date = int(now)
        return number, delivery

    def next_due(self, cohorts: Iterable[Cohort]) -> list[tuple[int, float, int]]:
        """Deferred ones as (cohort id, due to the next whole second, how many)."""
        found: Counter[tuple[float, int]] = Counter()
        for cohort in cohorts:
            for due, number in set(self._due.get(cohort.id, [])):
                if self._is_due(number, due):
                    found[float(math.ceil(due)), cohort.id] += 1
        return [(cohort, due, n) for (due, cohort), n in sorted(found.items())]

    # --- changing

    def let_go(self, now: float) -> Iterator[tuple[Cohort, Counter[DeliveryState]]]:
        """Take everything out of the old holder's hands; where it went, by cohort."""
        self._frontiers.clear()
        held = {c for (c, state), n in self._tally.items() if n and state in _IN_HAND}
        for cohort in (self._cohorts[number] for number in sorted(held)):
            numbers = range(cohort.first, cohort.last + 1)
            moved = (n for n in numbers if self._all[n].state in _IN_HAND)
            yield cohort, Counter(self._let_go(number, now) for number in moved)

    def _let_go(self, number: int, now: float) -> DeliveryState:
        delivery = self._all[number]
        if delivery.state is _D.ATTEMPTING:
            delivery.reply = delivery.due = None
            delivery.at = now
            self._move(delivery, _D.IN_DOUBT)
        elif delivery.attempts or delivery.due is not None:
            self._defer(number, delivery, now if delivery.due is None else delivery.due)
            self._move(delivery, _D.DEFERRED)
        else:
            self._move(delivery, _D.READY)
        return delivery.state

    def _move(self, delivery: Delivery, state: DeliveryState) -> None:
        # + makes a plain integer, which is hashed without calling Python
        self._tally[delivery.cohort, +delivery.state] -= 1
        self._tally[delivery.cohort, +state] += 1
        delivery.state = state

    def _defer(self, number: int, delivery: Delivery, due: float) -> None:
        delivery.due = due
        heapq.heappush(self._due.setdefault(delivery.cohort, []), (due, number))

    def standings(self, numbers: Iterable[int]) -> dict[int, Standing]:
        """What a turn needs to know of these; unknown ones are left out."""
        found = ((number, self._all.get(number)) for number in numbers)
        return {
            number: Standing(d.cohort, d.state, d.attempts, d.epoch, d.state, d.due)
            for number, d in found
            if d is not None
        }

    def keep(self, standings: Mapping[int, Standing], recorded: Iterable[int], now: float) -> None:
        """Store what a turn made of them; those of `recorded` had a record."""
        for number, standing in standings.items():
            self._keep(number, standing)
        for number in recorded:
            self._all[number].at = now
        self._tally.update(deltas(standings.values()))

    def _keep(self, number: int, standing: Standing) -> None:
        delivery = self._all[number]
        delivery.state, delivery.attempts = standing.state, standing.attempts
        delivery.due = standing.due
        if standing.reply is not None:
            delivery.reply = standing.reply
        if standing.state is _DEFERRED and standing.due is not None:
            self._defer(number, delivery, standing.due)
        frontier = self._frontiers.get(delivery.cohort)
        if standing.state is _READY and frontier is not None:
            frontier.returned(number)

    def doubt(self, cohort: int, mark: int, now: float) -> int:
        """Put everything up to the mark that is not final in doubt; how many."""
        known = self._cohorts.get(cohort)
        numbers = range(known.first, min(known.last, mark) + 1) if known else ()
        open_ones = [d for n in numbers if (d := self._all[n]).state in _NOT_FINAL]
        for delivery in open_ones:
            delivery.reply = delivery.due = None
            delivery.at = now
            self._move(delivery, _D.IN_DOUBT)
        return len(open_ones)

    def withdraw(self, cohorts: Sequence[Cohort], now: float, reason: str, most: int) -> int:
        """Withdraw up to `most` that were not sent and have not ended; how many."""
        found = list(itertools.islice(self.in_states(cohorts, WITHDRAWABLE), most))
        for number, delivery in found:
            delivery.reply = Record(number, _D.WITHDRAWN, text=reason)
            delivery.due = None
            delivery.at = now
            self._move(delivery, _D.WITHDRAWN)
        return len(found)

    def settle(self, number: int, record: Record, now: float | None = None) -> None:
        """Move one by what was heard, or decided, outside a turn. Without `now` it keeps the
        time of its last record."""
        delivery = self._all[number]
        delivery.reply = record
        delivery.due = None
        delivery.at = delivery.at if now is None else now
        self._move(delivery, record.state)

    # --- looking

    def knows(self, number: int) -> bool:
        """Whether there is such a delivery."""
        return number in self._all

    def total(self, cohorts: Sequence[Cohort]) -> Counter[DeliveryState]:
        """How many of all these are in each state."""
        return sum((Counter(self.tally(cohort)) for cohort in cohorts), Counter())

    def tally(self, cohort: Cohort) -> dict[DeliveryState, int]:
        """How many are in each state (zeros left out)."""
        return {state: n for state in _D if (n := self._tally[cohort.id, +state])}

    def recount(self, cohort: Cohort) -> dict[DeliveryState, int]:
        """The same, counted one by one."""
        return dict(Counter(self._all[n].state for n in range(cohort.first, cohort.last + 1)))

    def seen(self, cohort: Cohort, now: float) -> dict[tuple[DeliveryState, str, int], int]:
        """(state, rule, age in whole minutes) -> how many of those that were tried."""
        return Counter(
            (d.state, d.reply.rule if d.reply else "", int(max(0.0, now - d.at) / 60))
            for number in range(cohort.first, cohort.last + 1)
            if (d := self._all[number]).state not in (_READY, _D.CLAIMED, _D.EXCLUDED)
        )

    def one(self, number: int) -> Delivery:
        """One delivery, as it stands."""
        return self._all[number]

    def in_states(
        self, cohorts: Sequence[Cohort], states: Collection[DeliveryState]
    ) -> Iterator[tuple[int, Delivery]]:
        """Those in one of these states, in order."""
        numbers = itertools.chain.from_iterable(range(c.first, c.last + 1) for c in cohorts)
        return ((n, d) for n in numbers if (d := self._all[n]).state in states)


_IN_HAND = frozenset({_D.CLAIMED, _D.ATTEMPTING})
_NOT_FINAL = _IN_HAND | {_READY, _DEFERRED}


def last_record(number: int, delivery: Delivery) -> Record:
    """The delivery's state with the words that were last said about it."""
    said = delivery.reply or Record(number, delivery.state)
    return Record(
        number, delivery.state, said.code, said.enhanced, said.text, said.rule, delivery.due or 0.0
    )
