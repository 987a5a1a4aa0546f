"""One mailing while this process sends it: its stores, meters, and our picture of its counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from severally.deliver.progress import LaneMeter, LaneNow, LaneProgress, Progress
from severally.deliver.supply import Store
from severally.model.delivery import OPEN, DeliveryState
from severally.model.mailing import Mailing
from severally.model.notice import Kind
from severally.pace.retry import RetryPlan


class Underway:
    """`ours`: this process was asked to see it through (others were handed over).

    `halting` holds the reason of a halt the ledger has not been told yet. `released`: nothing
    more of it is granted, what was claimed goes back.
    """

    def __init__(
        self,
        mailing: Mailing,
        stores: list[Store],
        tally: Mapping[int, Mapping[DeliveryState, int]],
        started: float,
        ours: bool,
        retry: RetryPlan,
        kind: Kind,
    ) -> None:
        self.mailing = mailing
        self.kind = kind
        self.retry = retry
        self.stores = stores
        self.started = started
        self.ours = ours
        self._by_lane: dict[str, list[Store]] = {}
        for store in stores:
            self._by_lane.setdefault(store.lane, []).append(store)
        self.meters = {store.lane: LaneMeter(store.lane) for store in stores}
        self.sealed = 0
        self.refused = 0
        self.halting: str | None = None
        self.released = False
        self.unlock(mailing.step)
        self._counts = {s.cohort.id: dict(tally.get(s.cohort.id, {})) for s in stores}

    @property
    def finished(self) -> bool:
        """Nothing of it is left to do, now or later."""
        return all(store.finished for store in self.stores)

    def unlock(self, step: int) -> bool:
        """Let every step up to this one leave; True where that is more than before."""
        changed = False
        for store in self.stores:
            locked = store.cohort.step > step
            changed |= store.locked and not locked
            store.locked = locked
        return changed

    @property
    def still(self) -> bool:
        """Nothing of it is composing or under way here."""
        return not any(store.under_way or store.pending for store in self.stores)

    def count(self, cohort: int, state: DeliveryState, retried: bool = False) -> None:
        """Move one from where it was claimed from to `state`."""
        counts = self._counts[cohort]
        source = DeliveryState.DEFERRED if retried else DeliveryState.READY
        counts[source] = counts.get(source, 0) - 1
        counts[state] = counts.get(state, 0) + 1

    def lane_counts(self, lane: str) -> dict[DeliveryState, int]:
        """Deliveries of a lane by state."""
        total: dict[DeliveryState, int] = {}
        for store in self._by_lane[lane]:
            for state, count in self._counts[store.cohort.id].items():
                total[state] = total.get(state, 0) + count
        return total

    def picture(self, now: float, wall: float, lane_now: Callable[[str], LaneNow]) -> Progress:
        """For whoever watches. `now` is monotonic, `wall` Unix seconds."""
        lanes = tuple(
            self._lane(meter, wall, lane_now(meter.lane)) for meter in self.meters.values()
        )
        return Progress(self.mailing.id, lanes, now - self.started, self.sealed, self.refused)

    def _lane(self, meter: LaneMeter, wall: float, lane: LaneNow) -> LaneProgress:
        return LaneProgress(
            meter.lane,
            self.lane_counts(meter.lane),
            meter.rate(wall),
            lane.limit,
            lane.connections,
            lane.held_s,
            meter.note,
            *self._asleep(meter.lane, wall),
        )

    def _asleep(self, lane: str, wall: float) -> tuple[int, float]:
        """How many are outside their hours, and in how long the first may leave."""
        asleep, opens = 0, math.inf
        for store in self._by_lane[lane]:
            left = sum(self._counts[store.cohort.id].get(state, 0) for state in OPEN)
            if store.asleep and store.hours and left:
                asleep += left
                opens = min(opens, store.hours.next_open(wall) - wall)
        return asleep, 0.0 if math.isinf(opens) else opens
