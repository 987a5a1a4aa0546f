"""`simulate`: the very scheduler over any number of recipients, on a clock that jumps.

Responsible for the figures that decide how many machines a mailing needs. Nothing is read but
counts; nothing is kept or sent, and no DNS is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from severally.app.lanes import OTHER
from severally.app.office import Office
from severally.app.operations import capacity, drafts
from severally.app.operations.forecast import Forecast
from severally.app.operations.results import SimulatedLane, SimulateResult
from severally.app.sections import MxRoute
from severally.app.wiring import known_domains
from severally.pace.plan import Plan

UNITS = 100_000
_SEARCH = 20_000
_BEYOND = 1_000_000_000
"""More than anybody has in flight or makes in a second: no limit."""
ENOUGH = 1.02
"""So many workers are enough with which it takes 2 % longer than with any number of them."""
_WORKERS_MOST = 4_096
SPEED = 2_000.0
"""Messages/s of one worker where no notice says it better (docs/performance.md)."""
_SLOWEST = 12


def simulate(
    office: Office,
    mix: Mapping[str, int],
    notice: str | None,
    route_name: str | None,
    workers: int | None,
    speed: float | None,
) -> SimulateResult:
    """How a mailing of this mix would go. Raises UsageError where the route is not known."""
    workspace = office.workspace
    route = workspace.choose_route(route_name)
    began = office.wiring.clock.monotonic()
    if notice is not None:
        frozen = drafts.freeze(office, drafts.compiled(office, notice), route)
        speed = capacity.per_second(office, frozen)
    per_worker = speed or SPEED
    receivers = located(office, route, mix)
    asked = Forecast(workspace, route, receivers, per_worker, workspace.max_in_doubt, UNITS)

    def by(count: int, units: int = UNITS) -> Forecast:
        return _workers(asked, count, units)

    alone = by(1).run()
    unbounded = _unbounded(asked).run()
    needed = workers or _enough(lambda count: by(count, _SEARCH).run(), unbounded, per_worker)
    planned = alone if needed == 1 else by(needed).run()
    longest = by(needed, _SEARCH).longest().run()
    return SimulateResult(
        route,
        planned.count,
        len(mix),
        len(receivers),
        needed,
        per_worker,
        round(planned.count / per_worker / 3600, 3),
        round(planned.makespan_s, 3),
        round(max(planned.makespan_s, longest.makespan_s), 3),
        round(alone.makespan_s, 3),
        round(unbounded.makespan_s, 3),
        planned.limit,
        planned.limit_of,
        tuple(
            SimulatedLane(lane.lane, lane.count, round(lane.finish_s, 3), lane.bound)
            for lane in planned.lanes[:_SLOWEST]
        ),
        tuple((round(at, 3), done) for at, done in planned.curve),
        round(office.wiring.clock.monotonic() - began, 3),
    )


def located(office: Office, route: str, mix: Mapping[str, int]) -> dict[str, int]:
    """Recipients by receiver: providers as the program knows them without asking DNS; on a direct
    route every other domain is taken to have mail hosts of its own."""
    known = known_domains(office.workspace).locate(list(mix))
    direct = isinstance(office.workspace.routes[route], MxRoute)
    receivers: dict[str, int] = {}
    for domain, count in mix.items():
        receiver = known[domain].receiver
        if direct and receiver == OTHER:
            receiver = domain
        receivers[receiver] = receivers.get(receiver, 0) + count
    return receivers


def _workers(asked: Forecast, count: int, units: int) -> Forecast:
    return replace(
        asked,
        machine_per_s=asked.machine_per_s * count,
        in_flight=asked.in_flight * count,
        units=units,
    )


def _unbounded(asked: Forecast) -> Forecast:
    return replace(asked, machine_per_s=_BEYOND, in_flight=_BEYOND, units=_SEARCH)


def _enough(run: Callable[[int], Plan], unbounded: Plan, per_worker: float) -> int:
    """The fewest workers that make it as fast as receivers and route allow; by bisection."""

    def enough(count: int) -> bool:
        return run(count).makespan_s <= ENOUGH * unbounded.makespan_s

    below = 0
    most = max(1, math.floor(unbounded.count / per_worker / max(unbounded.makespan_s, 1e-9)))
    while most < _WORKERS_MOST and not enough(most):
        below, most = most, min(2 * most, _WORKERS_MOST)
    while most - below > 1:
        middle = (below + most) // 2
        below, most = (below, middle) if enough(middle) else (middle, most)
    return most
