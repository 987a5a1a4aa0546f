"""A scheduler driven over virtual time, against receivers that answer after the assumed time.

Responsible for the plan's little world: replies, one machine, deferred ones that come back.
Not for what is made of it. A lane moves `each` messages at a time; what is left over at its end
counts as what it is.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping

from severally.model.lane import Grant, Lane, Limits
from severally.pace.bounds import Assumptions
from severally.pace.calendar import Calendar, Hours
from severally.pace.limiter import spacing_of
from severally.pace.scheduler import Scheduler, Settings


class VirtualRun:
    """`finish`: when each lane's last message is answered. `answered`: (second, how many).

    `began`: the Unix second from which time is counted here.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        routes: Mapping[str, Limits],
        each: Mapping[str, float],
        assumptions: Assumptions,
        settings: Settings,
        rng: random.Random,
        began: float = 0.0,
    ) -> None:
        self.scheduler = Scheduler({}, routes, settings, rng)
        for key, lane in lanes.items():
            self.scheduler.add_lane(lane, each.get(key, 1.0))
        self.finish: dict[str, float] = dict.fromkeys(lanes, 0.0)
        self.answered: list[tuple[float, float]] = []
        self._each = each
        self._tail = {
            key: _tail(lane, routes[lane.route], assumptions, settings)
            for key, lane in lanes.items()
        }
        self._assumptions = assumptions
        self._owed: dict[str, float] = dict.fromkeys(lanes, 0.0)
        self._left: dict[tuple[str, int], float] = {}
        self._events: list[tuple[float, int, str, int, int, bool]] = []
        self._sequence = 0
        self._machine_free = 0.0
        self._began = began
        self._calendar: Calendar[tuple[str, int]] = Calendar()
        self._asleep: dict[tuple[str, int], int] = {}

    def arrive(
        self, lane: str, cohort: int, messages: float, units: int, hours: Hours | None = None
    ) -> None:
        """So many messages of a cohort wait from the start, moved as so many units."""
        key = lane, cohort
        self._left[key] = messages
        if hours is not None and not self._calendar.watch(key, hours, self._began):
            self._asleep[key] = 0
        self._wait(key, units)

    def _wait(self, key: tuple[str, int], units: int) -> None:
        """They may leave from now on, or when their hours begin."""
        if key in self._asleep:
            self._asleep[key] += units
        else:
            self.scheduler.arrive(*key, units)

    def _look(self, now: float) -> None:
        """Whose hours have ended or begun."""
        for key, is_open in self._calendar.changed(self._began + now).items():
            if is_open:
                self.scheduler.arrive(*key, self._asleep.pop(key))
            else:
                self._asleep[key] = self.scheduler.withdraw(*key)

    def _next_change(self) -> float | None:
        """In how many seconds somebody's hours begin or end who is not through yet."""
        if not any(self._asleep.values()) and not self.scheduler.waiting:
            return None
        change = self._calendar.next_change() - self._began
        return None if math.isinf(change) else change

    def hold(self, lane: str, seconds: float) -> None:
        """The lane is silent so long from the start."""
        self.scheduler.hold(lane, seconds)

    def go(self) -> None:
        """Until nothing is left. Time is in seconds from the start."""
        now = 0.0
        while True:
            self._look(now)
            for grant in self.scheduler.step(now):
                self._serve(grant)
            wake = self.scheduler.next_wake(now)
            event = self._events[0][0] if self._events else None
            times = [t for t in (wake, event, self._next_change()) if t is not None]
            if not times:
                return
            now = max(now, min(times))
            while self._events and self._events[0][0] <= now:
                self._happen(heapq.heappop(self._events))

    def _serve(self, grant: Grant) -> None:
        """Each unit is answered by itself; those of a run arrive together."""
        step = grant.count if not grant.spacing else 1
        for first in range(0, grant.count, step):
            self._answer(grant.lane, grant.cohort, grant.at + first * grant.spacing, step)

    def _answer(self, lane: str, cohort: int, slot: float, units: int) -> None:
        """Where what is left is less than the units stand for, it takes that much less."""
        each = self._each.get(lane, 1.0)
        messages = min(units * each, self._left[lane, cohort])
        self._left[lane, cohort] -= messages
        assumptions = self._assumptions
        self._machine_free = max(self._machine_free, slot) + messages / assumptions.machine_per_s
        per_unit = messages / units
        free = max(slot + per_unit * assumptions.service(lane), self._machine_free)
        first_s, next_s = self._tail[lane]
        done = max(slot + first_s + max(0.0, per_unit - 1) * next_s, self._machine_free)
        late = self._put_off(lane, messages, each)
        self._push(free, lane, cohort, units, False)
        self.answered.append((done, messages - late * each))
        if late:
            self._push(free + assumptions.deferred_s, lane, cohort, late, True)
        if messages > late * each:
            self.finish[lane] = max(self.finish[lane], done)

    def _put_off(self, lane: str, messages: float, each: float) -> int:
        """How many whole units of these come back later."""
        share = self._assumptions.put_off(lane)
        if not share:
            return 0
        self._owed[lane] += share * messages / each
        late = min(int(self._owed[lane] + 1e-9), int(messages / each))
        self._owed[lane] -= late
        return late

    def _push(self, at: float, lane: str, cohort: int, count: int, again: bool) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at, self._sequence, lane, cohort, count, again))

    def _happen(self, event: tuple[float, int, str, int, int, bool]) -> None:
        _, _, lane, cohort, count, again = event
        if not again:
            self.scheduler.finish(lane, cohort, count)
            return
        # a retry is not put off a second time: it brings back what it owed
        self._owed[lane] -= self._assumptions.put_off(lane) * count
        self._left[lane, cohort] += count * self._each.get(lane, 1.0)
        self._wait((lane, cohort), count)


def _tail(
    lane: Lane, route: Limits, assumptions: Assumptions, settings: Settings
) -> tuple[float, float]:
    """Within one unit: seconds to the first reply, and from each to the next.

    As spaced by the rates; where the lane's connections are slower than those, one after the
    other on one of them.
    """
    service = assumptions.service(lane.key)
    spacing = max(spacing_of(each.rate, settings.jitter_s) for each in (lane.limits, route))
    most = min(each.connections or 1_000_000 for each in (lane.limits, route))
    return service, service if not spacing or service > most * spacing else spacing
