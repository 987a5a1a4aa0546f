"""The supply of sealed messages: claims ahead of need, has them composed, keeps them waiting.

Responsible for each cohort having about `ahead_s` seconds of sealed messages in memory and
no more, and for deferred ones being claimed when they are due. Not for when they leave.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from severally.deliver.parcel import Parcel
from severally.deliver.settings import Settings
from severally.model.delivery import Claim, DeliveryState
from severally.model.entries import Record
from severally.model.envelope import Blocked, Checked, Refusal, Sealed
from severally.model.mailing import Cohort
from severally.pace.calendar import Hours
from severally.ports import Bench, Ledger

Claiming = Callable[[Cohort, int, int, float], Sequence[Claim]]


class Receiving(Protocol):
    """Who is told what the supply came upon."""

    def arrived(self, store: Store, count: int) -> None: ...
    def refused(self, store: Store, refusal: Refusal) -> None: ...
    def blocked(self, store: Store, blocked: Blocked) -> None: ...
    def spare(self, parcels: Sequence[Parcel]) -> None:
        """Claimed for a store that is closed or asleep meanwhile: to be given back."""
        ...


@dataclass(slots=True)
class Store:
    """One cohort's sealed messages in waiting, and what is known of the rest of it.

    `closed`: given up here. `locked`: its step of the ramp may not leave yet. `asleep`: it is
    outside its `hours`. `returning`: so many are on their way back to the ledger; `returned`: so
    many came there to be claimed as new. `rank` and `timer` are the supply's: where it stands
    among the needy, and the due time that is watched.
    """

    cohort: Cohort
    lane: str
    waiting: deque[Parcel] = field(default_factory=deque)
    pending: int = 0
    under_way: int = 0
    returning: int = 0
    returned: int = 0
    exhausted: bool = False
    closed: bool = False
    locked: bool = False
    asleep: bool = False
    hours: Hours | None = None
    goal: int = 0
    rank: float = math.inf
    timer: float = math.inf
    dues: list[tuple[float, int]] = field(default_factory=list)
    due_of: dict[float, int] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Nothing of this cohort is left to do, now or later."""
        return (
            self.exhausted
            and not self.waiting
            and not self.pending
            and not self.under_way
            and not self.returning
            and not self.due_of
        )

    @property
    def shut(self) -> bool:
        """Nothing may be claimed for it now."""
        return self.closed or self.locked or self.asleep

    @property
    def low(self) -> bool:
        """Half of what should wait, or less, is there or on its way."""
        return (len(self.waiting) + self.pending) * 2 <= self.goal

    def defer(self, due: float, count: int = 1) -> None:
        """Remember that so many come due, to the second (Unix)."""
        second = math.ceil(due)
        if second not in self.due_of:
            heapq.heappush(self.dues, (second, second))
        self.due_of[second] = self.due_of.get(second, 0) + count

    def next_due(self) -> float:
        """The second at which the next deferred one is due, or infinity."""
        return self.dues[0][0] if self.dues else math.inf

    def take_due(self, now: float, most: int) -> int:
        """How many, up to `most`, are due by `now`; they count as taken."""
        taken = 0
        while self.dues and self.dues[0][0] <= now and taken < most:
            second = self.dues[0][0]
            count = min(self.due_of[second], most - taken)
            taken += count
            self.due_of[second] -= count
            if not self.due_of[second]:
                del self.due_of[second]
                heapq.heappop(self.dues)
        return taken


class Supply:
    """Keeps the stores filled, the emptiest first, with `bench.width + 1` batches at work.

    Stores in need stand in a heap by how long they last, those that wait for a retry in another
    by its time; so what is decided costs the same for ten lanes and for ten thousand. Entries
    that no longer hold are dropped when they come up.

    `reserve(cohort, upto)` returns when it is said outside the ledger that sending may come so
    far (`marks`).
    """

    def __init__(
        self,
        ledger: Ledger,
        bench: Bench,
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
        wall: Callable[[], float],
        speed: Callable[[str], float],
        receiving: Receiving,
        settings: Settings,
        reserve: Callable[[Cohort, int], None],
    ) -> None:
        self.epoch = 0
        self.stores: dict[int, Store] = {}
        self._ledger = ledger
        self._bench = bench
        self._off_loop = off_loop
        self._wall = wall
        self._speed = speed
        self._receiving = receiving
        self._batch = settings.batch
        self._ahead_s = settings.ahead_s
        self._most = settings.ready
        self._reserve = reserve
        self._wake = asyncio.Event()
        self._held = 0
        self._count = 0
        self._needy: list[tuple[float, int, Store]] = []
        self._later: list[tuple[float, int, Store]] = []

    def add(self, store: Store) -> None:
        """Start to supply a cohort."""
        self.stores[store.cohort.id] = store

    def close_mailing(self, mailing: str) -> list[Parcel]:
        """Stop supplying a mailing; its waiting parcels are handed back, to be returned."""
        parcels: list[Parcel] = []
        for store in self.stores.values():
            if store.cohort.mailing == mailing:
                store.closed = True
                parcels.extend(self.emptied(store))
        return parcels

    def emptied(self, store: Store) -> list[Parcel]:
        """All that waits in a store; it waits there no longer."""
        parcels = list(store.waiting)
        store.waiting.clear()
        self._held -= len(parcels)
        return parcels

    def take(self, cohort: int, count: int) -> list[Parcel]:
        """The next `count` waiting parcels of a cohort."""
        store = self.stores[cohort]
        waiting = store.waiting
        taken = [waiting.popleft() for _ in range(min(count, len(waiting)))]
        self._held -= len(taken)
        if store.low:
            self.nudge(store)
        elif self._needy:
            self._wake.set()  # there may be room for others again
        return taken

    def put_back(self, store: Store, parcel: Parcel) -> None:
        """One that was taken and not tried: the next to leave."""
        store.waiting.appendleft(parcel)
        self._held += 1

    def going_back(self, store: Store, record: Record) -> Callable[[], None]:
        """One that was claimed is not done with: it is ready again, or put off. To be called when
        that is on disk: a claim made before then does not find it."""
        store.returning += 1

        def on_disk() -> None:
            store.returning -= 1
            if record.state is DeliveryState.DEFERRED:
                store.defer(record.due)
            else:
                store.returned += 1
                store.exhausted = False
            self.nudge(store)
            self._receiving.arrived(store, 0)

        return on_disk

    def next_due(self) -> float:
        """When the next deferred delivery comes due (Unix) that a store has use for, or infinity.

        Where enough waits already, it is looked for again when some of that has left.
        """
        while self._later:
            due, _, store = self._later[0]
            if due == store.timer == store.next_due() and store.low and not store.shut:
                return due
            heapq.heappop(self._later)
            if due == store.timer:
                store.timer = math.inf
                if store.low and not store.shut:
                    self._watch(store)
        return math.inf

    def nudge(self, store: Store | None = None) -> None:
        """Something may be missing: in this store, or somewhere."""
        for each in (store,) if store else self.stores.values():
            self._look(each)
        self._wake.set()

    def _look(self, store: Store) -> None:
        """Put a store among the needy, or among those that wait for a retry, if it is either."""
        if store.shut:
            return
        if store.exhausted and store.next_due() > self._wall():
            if store.low:
                self._watch(store)
            return
        self._rank(store)

    def _watch(self, store: Store) -> None:
        due = store.next_due()
        if due < store.timer:
            store.timer = due
            self._count += 1
            heapq.heappush(self._later, (due, self._count, store))

    def _rank(self, store: Store) -> None:
        """Measure it anew; below half of what it should have it is needy."""
        store.goal = self._goal(store)
        level = (len(store.waiting) + store.pending) / store.goal
        if level <= 0.5 and level < store.rank:
            store.rank = level
            self._count += 1
            heapq.heappush(self._needy, (level, self._count, store))

    async def run(self) -> None:
        """Fill until cancelled. Raises what the first worker failed with."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._bench.width + 1):
                    group.create_task(self._worker())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _worker(self) -> None:
        while True:
            while (need := self._neediest()) is None:
                self._wake.clear()
                await self._wake.wait()
            store, count = need
            store.pending += count
            self._held += count
            self._look(store)  # it may need more than one batch
            try:
                await self._fill(store, count)
            finally:
                store.pending -= count
                self._held -= count
                self.nudge(store)

    def _neediest(self) -> tuple[Store, int] | None:
        """The store whose supply lasts the shortest, if it is below half of what it should be."""
        while self._needy:
            level, _, store = heapq.heappop(self._needy)
            if level != store.rank:
                continue  # it has a newer entry, or none
            store.rank = math.inf
            self._look(store)
            if store.rank > level:
                continue  # better off by now: it stands where it belongs
            have = len(store.waiting) + store.pending
            if have and self._held >= self._most:
                return None
            store.rank = math.inf
            return store, min(self._batch, store.goal - have)
        return None

    def _goal(self, store: Store) -> int:
        speed = self._speed(store.lane)
        if math.isinf(speed):
            return self._batch * 2 * (self._bench.width + 1)
        return max(4, min(self._batch * 4, int(speed * self._ahead_s)))

    async def _fill(self, store: Store, count: int) -> None:
        claims = await self._claim(store, count)
        if not claims:
            self._receiving.arrived(store, 0)
            return
        checked = await self._bench.work(store.cohort.mailing, claims)
        parcels = self._sort(store, claims, checked)
        if store.closed or store.asleep:
            self._receiving.spare(parcels)
            return
        store.waiting.extend(parcels)
        self._held += len(parcels)
        self._receiving.arrived(store, len(parcels))

    async def _claim(self, store: Store, count: int) -> Sequence[Claim]:
        """Due retries first: they are oldest and few."""
        now = self._wall()
        claims: list[Claim] = []
        due = store.take_due(now, count)
        if due:
            claims += await self._off_loop(
                lambda: self._marked(store.cohort, self._ledger.claim_due, due, now)
            )
        fresh = count - len(claims)
        if fresh and not store.exhausted and not store.closed:
            returned = store.returned
            got = await self._off_loop(
                lambda: self._marked(store.cohort, self._ledger.claim, fresh, now)
            )
            if store.returned == returned:  # else it may have looked too early
                store.exhausted = len(got) < fresh
            claims += got
        return claims

    def _marked(self, cohort: Cohort, claim: Claiming, count: int, now: float) -> Sequence[Claim]:
        """Claim, and have it said outside the ledger before any of it can be sent."""
        claims = claim(cohort, count, self.epoch, now)
        if claims:
            self._reserve(cohort, max(each.delivery for each in claims))
        return claims

    def _sort(
        self, store: Store, claims: Sequence[Claim], checked: Sequence[Checked]
    ) -> list[Parcel]:
        by_id = {claim.delivery: claim for claim in claims}
        parcels: list[Parcel] = []
        for result in checked:
            match result:
                case Sealed():
                    claim = by_id[result.deliveries[0]]
                    parcels.append(
                        Parcel(
                            result,
                            claim.delivery,
                            store.cohort.mailing,
                            store.cohort.id,
                            store.lane,
                            claim.attempts,
                            claim.date,
                        )
                    )
                case Refusal():
                    self._receiving.refused(store, result)
                case Blocked():
                    self._receiving.blocked(store, result)
        return parcels
