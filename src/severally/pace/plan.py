"""What will happen: the very scheduler that sends, run on a virtual clock.

Responsible for finishing times per lane and of the whole, and for what bounds them. Never a
division of a total by a rate: every limit, hold and shared budget acts as it will.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from severally.model.lane import Lane, Limits, Rate
from severally.pace.scheduler import Scheduler, Settings

_CURVE_POINTS = 200
_GRAINS = 20_000
"""Above this many recipients the plan moves several at a time: limits, service times and
counts are scaled alike, so the same decisions are taken more coarsely."""


class Assumptions(msgspec.Struct, frozen=True):
    """What the plan cannot know. `service_s`: seconds from a message's slot to its reply, per
    lane or `default_service_s`. `machine_per_s`: messages/s that this machine can compose,
    seal and hand over. `deferred`: share of a lane's first attempts that are put off, and
    `deferred_s` for how long."""

    default_service_s: float = 0.05
    service_s: Mapping[str, float] = {}
    machine_per_s: float = 2_000.0
    deferred: Mapping[str, float] = {}
    deferred_s: float = 900.0


class LanePlan(msgspec.Struct, frozen=True):
    """One lane. `finish_s` from the start; `bound` is rate, connections, route or machine."""

    lane: str
    count: int
    finish_s: float
    bound: str


class Plan(msgspec.Struct, frozen=True):
    """The whole. `curve` holds (seconds, messages answered), about 200 points."""

    lanes: tuple[LanePlan, ...]
    makespan_s: float
    bottleneck: str
    curve: tuple[tuple[float, int], ...]

    @property
    def count(self) -> int:
        """All recipients."""
        return sum(lane.count for lane in self.lanes)


class _Run:
    """The virtual world: replies come after the assumed time, the machine is one server."""

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        routes: Mapping[str, Limits],
        assumptions: Assumptions,
        settings: Settings,
        rng: random.Random,
    ) -> None:
        self.scheduler = Scheduler(lanes, routes, settings, rng)
        self.finish: dict[str, float] = dict.fromkeys(lanes, 0.0)
        self.answered: list[tuple[float, int]] = []
        self._assumptions = assumptions
        self._owed: dict[str, float] = dict.fromkeys(lanes, 0.0)
        self._events: list[tuple[float, int, str, int, int, bool]] = []
        self._sequence = 0
        self._machine_free = 0.0

    def go(self) -> None:
        """Until nothing is left. Time is in seconds from the start."""
        now = 0.0
        while True:
            for grant in self.scheduler.step(now):
                self._serve(grant.lane, grant.cohort, grant.count, grant.at, grant.spacing)
            wake = self.scheduler.next_wake(now)
            event = self._events[0][0] if self._events else None
            times = [t for t in (wake, event) if t is not None]
            if not times:
                return
            now = max(now, min(times))
            while self._events and self._events[0][0] <= now:
                self._happen(heapq.heappop(self._events))

    def _serve(self, lane: str, cohort: int, count: int, at: float, spacing: float) -> None:
        """Each message is answered by itself; those of a run arrive together."""
        assumptions = self._assumptions
        service = assumptions.service_s.get(lane, assumptions.default_service_s)
        share = assumptions.deferred.get(lane, 0.0)
        step = max(1, count if not spacing else 1)
        for first in range(0, count, step):
            slot = at + first * spacing
            self._machine_free = max(self._machine_free, slot) + step / assumptions.machine_per_s
            done = max(slot + service, self._machine_free)
            self._owed[lane] += share * step
            late = int(self._owed[lane])
            self._owed[lane] -= late
            self._push(done, lane, cohort, step, False)
            self.answered.append((done, step - late))
            if late:
                self._push(done + assumptions.deferred_s, lane, cohort, late, True)
            if step > late:
                self.finish[lane] = max(self.finish[lane], done)

    def _push(self, at: float, lane: str, cohort: int, count: int, again: bool) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at, self._sequence, lane, cohort, count, again))

    def _happen(self, event: tuple[float, int, str, int, int, bool]) -> None:
        _, _, lane, cohort, count, again = event
        if again:
            # a retry is not put off a second time: it brings back what it owed
            self._owed[lane] -= self._assumptions.deferred.get(lane, 0.0) * count
            self.scheduler.arrive(lane, cohort, count)
        else:
            self.scheduler.finish(lane, cohort, count)


def plan(
    lanes: Mapping[str, Lane],
    routes: Mapping[str, Limits],
    cohorts: Iterable[tuple[str, int, int]],
    assumptions: Assumptions,
    settings: Settings,
    rng: random.Random,
) -> Plan:
    """Run `cohorts` (lane, cohort id, recipients left) to the end; times count from now."""
    left = [(lane, cohort, count) for lane, cohort, count in cohorts if count]
    grain = max(1, sum(count for _, _, count in left) // _GRAINS)
    run = _Run(
        {key: _coarse_lane(lane, grain) for key, lane in lanes.items()},
        {name: _coarse(limits, grain) for name, limits in routes.items()},
        _coarse_assumptions(assumptions, grain),
        msgspec.structs.replace(
            settings, horizon_s=settings.horizon_s * grain, jitter_s=settings.jitter_s * grain
        ),
        rng,
    )
    counts: dict[str, int] = dict.fromkeys(lanes, 0)
    for lane, cohort, count in left:
        counts[lane] += count
        run.scheduler.arrive(lane, cohort, math.ceil(count / grain))
    run.go()
    planned = [
        LanePlan(key, counts[key], run.finish[key], _bound(lanes[key], routes, assumptions))
        for key in sorted(lanes, key=lambda key: (-run.finish[key], key))
        if counts[key]
    ]
    makespan = max((lane.finish_s for lane in planned), default=0.0)
    return Plan(
        tuple(planned), makespan, planned[0].lane if planned else "", _curve(run.answered, grain)
    )


def _bound(lane: Lane, routes: Mapping[str, Limits], assumptions: Assumptions) -> str:
    """Which limit has the largest time per message when the lane runs alone."""
    service = assumptions.service_s.get(lane.key, assumptions.default_service_s)
    route = routes[lane.route]
    candidates = {
        "rate": lane.limits.rate.spacing if lane.limits.rate else 0.0,
        "connections": service / lane.limits.connections if lane.limits.connections else 0.0,
        "route": max(
            route.rate.spacing if route.rate else 0.0,
            service / route.connections if route.connections else 0.0,
        ),
        "machine": 1 / assumptions.machine_per_s,
    }
    return max(candidates, key=lambda name: candidates[name])


def _curve(answered: Sequence[tuple[float, int]], grain: int) -> tuple[tuple[float, int], ...]:
    ordered = sorted(answered)
    if not ordered:
        return ()
    every = max(1, len(ordered) // _CURVE_POINTS)
    points: list[tuple[float, int]] = []
    total = 0
    for index, (at, count) in enumerate(ordered):
        total += count * grain
        if index % every == 0 or index == len(ordered) - 1:
            points.append((at, total))
    return tuple(points)


def _coarse(limits: Limits, grain: int) -> Limits:
    if limits.rate is None:
        return limits
    rate = Rate(limits.rate.count, limits.rate.unit_s * grain)
    return msgspec.structs.replace(limits, rate=rate)


def _coarse_lane(lane: Lane, grain: int) -> Lane:
    return msgspec.structs.replace(lane, limits=_coarse(lane.limits, grain))


def _coarse_assumptions(assumptions: Assumptions, grain: int) -> Assumptions:
    return msgspec.structs.replace(
        assumptions,
        default_service_s=assumptions.default_service_s * grain,
        service_s={lane: s * grain for lane, s in assumptions.service_s.items()},
        machine_per_s=assumptions.machine_per_s / grain,
    )
