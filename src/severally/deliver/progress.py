"""What a person watching a mailing sees: counts per lane, rates, what is in the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from severally.model.delivery import OPEN, DeliveryState
from severally.model.entries import LaneStat
from severally.model.lane import Lane
from severally.pace.scheduler import LaneView

_RATE_WINDOW_S = 5


class LaneProgress(msgspec.Struct, frozen=True):
    """One lane of one mailing. `rate` is messages/s over the last five seconds, `held_s` how
    long the lane stays silent still, `note` what the receiver last said against us. `asleep` of
    them are outside their hours; the first of those may leave in `opens_s`."""

    lane: str
    counts: dict[DeliveryState, int]
    rate: float
    limit: str
    connections: int
    held_s: float = 0.0
    note: str = ""
    asleep: int = 0
    opens_s: float = 0.0

    @property
    def total(self) -> int:
        """All deliveries of the lane."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """Those that something is still going to happen to by itself."""
        return sum(self.counts.get(state, 0) for state in OPEN)


class LaneNow(msgspec.Struct, frozen=True):
    """What pacing and the fleet say of a lane at this moment; see LaneProgress."""

    limit: str
    connections: int
    held_s: float


def lanes_now(
    lanes: Mapping[str, Lane],
    views: Mapping[str, LaneView],
    connections: Callable[[str], int],
    now: float,
) -> Callable[[str], LaneNow]:
    """How to look a lane up."""
    return lambda lane: LaneNow(
        str(lanes[lane].limits.rate or ""),
        connections(lane),
        max(0.0, views[lane].held_until - now),
    )


class Progress(msgspec.Struct, frozen=True):
    """One mailing at one moment. `elapsed_s` since this process began to send it; `left_s`: how
    long it takes still, planned anew, where whoever looks did that."""

    mailing: str
    lanes: tuple[LaneProgress, ...]
    elapsed_s: float
    sealed: int
    refused: int
    left_s: float | None = None

    @property
    def counts(self) -> dict[DeliveryState, int]:
        """Over all lanes."""
        total: dict[DeliveryState, int] = {}
        for lane in self.lanes:
            for state, count in lane.counts.items():
                total[state] = total.get(state, 0) + count
        return total


class LaneMeter:
    """Counts one mailing's answered messages on one lane, second by second."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.note = ""
        self._first = 0.0
        self._last = 0.0
        self._peak = 0
        self._seconds: deque[list[int]] = deque(maxlen=_RATE_WINDOW_S + 1)

    def count(self, wall: float) -> None:
        """One message was answered at this time (Unix seconds)."""
        second = int(wall)
        self._first = self._first or wall
        self._last = wall
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])
        self._peak = max(self._peak, self._seconds[-1][1])

    def rate(self, wall: float) -> float:
        """Messages/s over the last full five seconds."""
        since = int(wall) - _RATE_WINDOW_S
        recent = sum(n for second, n in self._seconds if since <= second < int(wall))
        return recent / _RATE_WINDOW_S

    def stat(self, connections: int) -> LaneStat:
        """For the ledger."""
        return LaneStat(self.lane, self._first, self._last, self._peak, connections)
