"""Opening hours: which cohorts may leave now, and what is done when that changes.

Responsible for nothing of a cohort leaving, or being kept ready, outside its hours. Not for when
those are (`pace.calendar`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from severally.deliver.parcel import Parcel, Run
from severally.deliver.supply import Store, Supply
from severally.pace.calendar import Calendar, Hours
from severally.pace.scheduler import Scheduler
from severally.ports import Clock


class Opening:
    """`give_back`: parcels that were claimed and are not to leave now. `flush`: until everything
    that was given back stands in the ledger, so that it can be claimed again."""

    def __init__(
        self,
        clock: Clock,
        supply: Supply,
        scheduler: Scheduler,
        give_back: Callable[[Sequence[Parcel]], None],
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._wall = clock.wall
        self._supply = supply
        self._scheduler = scheduler
        self._give_back = give_back
        self._flush = flush
        self._calendar: Calendar[int] = Calendar()

    def watch(self, store: Store, hours: Hours) -> None:
        """Hold this store to its hours from now on."""
        store.hours = hours
        store.asleep = not self._calendar.watch(store.cohort.id, hours, self._wall())

    def forget(self, stores: Sequence[Store]) -> None:
        """They are no longer under way."""
        self._calendar.forget(store.cohort.id for store in stores)

    async def look(self) -> None:
        """Put to sleep and wake up whose hours have ended or begun."""
        changes = self._calendar.changed(self._wall())
        if any(changes.values()):
            await self._flush()
        for cohort, is_open in changes.items():
            store = self._supply.stores[cohort]
            store.asleep = not is_open
            if is_open:
                self._supply.nudge(store)
            else:
                self._scheduler.withdraw(store.lane, cohort)
                self.doze(store, self._supply.emptied(store))

    def doze(self, store: Store, parcels: Sequence[Parcel]) -> None:
        """What was claimed of a sleeping store goes back, and is looked for when it wakes up."""
        for parcel in parcels:
            if parcel.attempts:
                store.defer(self._wall())
            else:
                store.exhausted = False
        self._give_back(parcels)

    def in_time(self, run: Run) -> bool:
        """Whether this run may leave now, or when its slot comes."""
        hours = self._supply.stores[run.cohort].hours
        ahead_s = max(0.0, run.at - self._clock.monotonic())
        return hours is None or hours.open(self._wall() + ahead_s)

    def next_change(self) -> float:
        """When to look again (Unix), or infinity."""
        return self._calendar.next_change()
