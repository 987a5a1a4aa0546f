"""What will happen: the very scheduler that sends, run on a virtual clock.

Responsible for finishing times per lane and of the whole, and for what bounds them. Never a
division of a total by a rate: every limit, hold and shared budget acts as it will.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from severally.model.lane import Lane, Limits
from severally.pace.bounds import Assumptions, bounds, per_message
from severally.pace.calendar import Hours
from severally.pace.scheduler import Settings
from severally.pace.virtual_run import VirtualRun

_CURVE_POINTS = 200
UNITS = 20_000
"""Above this many recipients a plan moves several at a time, as one unit that keeps its lane's
slots, its connection and the machine so much longer. So the same decisions are taken, only
more coarsely; a lane of less than one unit is moved at once, as what it is."""


class LanePlan(msgspec.Struct, frozen=True):
    """One lane. `finish_s` from the start; `bound` is the limit it would meet first alone:
    rate, connections, route rate, route connections, machine or in flight."""

    lane: str
    count: int
    finish_s: float
    bound: str


class Plan(msgspec.Struct, frozen=True):
    """The whole. `bottleneck` is the lane that ends last. `limit`, `limit_of`: the limit that
    needs the longest (as `LanePlan.bound`) and whose it is, a lane's, a route's or nobody's;
    nothing can be quicker than `least_s`. `curve` holds (seconds, answered), some 200 points."""

    lanes: tuple[LanePlan, ...]
    makespan_s: float
    bottleneck: str
    curve: tuple[tuple[float, int], ...]
    limit: str = ""
    limit_of: str = ""
    least_s: float = 0.0

    @property
    def count(self) -> int:
        """All recipients."""
        return sum(lane.count for lane in self.lanes)


def plan(
    lanes: Mapping[str, Lane],
    routes: Mapping[str, Limits],
    cohorts: Iterable[tuple[str, int, int]],
    assumptions: Assumptions,
    settings: Settings,
    rng: random.Random,
    *,
    units: int = UNITS,
    held: Mapping[str, float] | None = None,
    hours: Mapping[int, Hours] | None = None,
    began: float = 0.0,
) -> Plan:
    """Run `cohorts` (lane, cohort id, recipients left) to the end; times count from `began` (Unix).

    `units`: how many things are moved at most, about. `held`: seconds that lanes are silent.
    `hours`: of cohorts that may not leave at all times.
    """
    left = [(lane, cohort, count) for lane, cohort, count in cohorts if count]
    counts: dict[str, int] = {}
    for lane, _, count in left:
        counts[lane] = counts.get(lane, 0) + count
    grain = max(1.0, sum(counts.values()) / units)
    each = {lane: count / math.ceil(count / grain) for lane, count in counts.items()}
    pacing = msgspec.structs.replace(settings, horizon_s=settings.horizon_s * grain)
    mine = {lane: lanes[lane] for lane in counts}
    run = VirtualRun(mine, routes, each, assumptions, pacing, rng, began)
    for lane, seconds in (held or {}).items():
        if lane in mine and seconds > 0:
            run.hold(lane, seconds)
    for lane, cohort, count in left:
        units_here = math.ceil(count / each[lane] - 1e-9)
        run.arrive(lane, cohort, count, units_here, (hours or {}).get(cohort))
    run.go()
    return _made(run, mine, routes, counts, assumptions, settings)


def _made(
    run: VirtualRun,
    lanes: Mapping[str, Lane],
    routes: Mapping[str, Limits],
    counts: Mapping[str, int],
    assumptions: Assumptions,
    settings: Settings,
) -> Plan:
    def bound(key: str) -> str:
        limits = per_message(lanes[key], routes[lanes[key].route], assumptions, settings)
        return max(limits, key=lambda limit: limits[limit])

    planned = tuple(
        LanePlan(key, counts[key], run.finish[key], bound(key))
        for key in sorted(counts, key=lambda key: (-run.finish[key], key))
    )
    if not planned:
        return Plan((), 0.0, "", ())
    least = bounds(lanes, routes, counts, assumptions, settings)
    limit, whose = max(least, key=lambda each: least[each])
    return Plan(
        planned,
        planned[0].finish_s,
        planned[0].lane,
        _curve(run.answered, sum(counts.values())),
        limit,
        whose,
        least[limit, whose],
    )


def _curve(answered: Sequence[tuple[float, float]], total: int) -> tuple[tuple[float, int], ...]:
    ordered = sorted(answered)
    every = max(1, len(ordered) // _CURVE_POINTS)
    points: list[tuple[float, int]] = []
    done = 0.0
    for index, (at, count) in enumerate(ordered):
        done += count
        if index % every == 0 or index == len(ordered) - 1:
            points.append((at, min(total, round(done))))
    return tuple(points)
