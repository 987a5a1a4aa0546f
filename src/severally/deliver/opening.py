"""Opening hours: which cohorts may leave now, and what is done when that changes.

Responsible for nothing of a cohort leaving, or being kept ready, outside its hours. Not for when
those are (`pace.calendar`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from severally.deliver.parcel import Parcel, Run
from severally.deliver.supply import Store, Supply
from severally.pace.calendar import Calendar, Hours
from severally.pace.scheduler import Scheduler
from severally.ports import Clock


class Opening:
    """`give_back`: parcels that were claimed and are not to leave now."""

    def __init__(
        self,
        clock: Clock,
        supply: Supply,
        scheduler: Scheduler,
        give_back: Callable[[Sequence[Parcel]], None],
    ) -> None:
        self._clock = clock
        self._wall = clock.wall
        self._supply = supply
        self._scheduler = scheduler
        self._give_back = give_back
        self._calendar: Calendar[int] = Calendar()

    def watch(self, store: Store, hours: Hours) -> None:
        """Hold this store to its hours from now on."""
        store.hours = hours
        store.asleep = not self._calendar.watch(store.cohort.id, hours, self._wall())

    def forget(self, stores: Sequence[Store]) -> None:
        """They are no longer under way."""
        self._calendar.forget(store.cohort.id for store in stores)

    def look(self) -> None:
        """Put to sleep and wake up whose hours have ended or begun."""
        for cohort, is_open in self._calendar.changed(self._wall()).items():
            store = self._supply.stores[cohort]
            store.asleep = not is_open
            if is_open:
                self._supply.nudge(store)
            else:
                self._scheduler.withdraw(store.lane, cohort)
                self._give_back(self._supply.emptied(store))

    def in_time(self, run: Run) -> bool:
        """Whether this run may leave now, or when its slot comes."""
        hours = self._supply.stores[run.cohort].hours
        ahead_s = max(0.0, run.at - self._clock.monotonic())
        return hours is None or hours.open(self._wall() + ahead_s)

    def next_change(self) -> float:
        """When to look again (Unix), or infinity."""
        return self._calendar.next_change()
