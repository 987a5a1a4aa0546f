"""What no schedule can beat: the least time that each limit alone allows.

Responsible for naming the bottleneck. Not for the estimate, which comes from the scheduler.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from severally.model.lane import Lane, Limits
from severally.pace.scheduler import Settings


class Assumptions(msgspec.Struct, frozen=True):
    """What the plan cannot know. `service_s`: seconds from a message's slot to its reply, per
    lane or `default_service_s`. `machine_per_s`: messages/s that this machine can compose,
    seal and hand over. `deferred`: share of a lane's first attempts that are put off (of every
    lane's: `default_deferred`), and `deferred_s` for how long."""

    default_service_s: float = 0.05
    service_s: Mapping[str, float] = {}
    machine_per_s: float = 2_000.0
    deferred: Mapping[str, float] = {}
    default_deferred: float = 0.0
    deferred_s: float = 900.0

    def service(self, lane: str) -> float:
        """Seconds from a message's slot to its reply."""
        return self.service_s.get(lane, self.default_service_s)

    def put_off(self, lane: str) -> float:
        """The share of a lane's first attempts that is put off."""
        return self.deferred.get(lane, self.default_deferred)


def per_message(
    lane: Lane, route: Limits, assumptions: Assumptions, settings: Settings
) -> dict[str, float]:
    """Seconds per message that each limit allows at least, if the lane had it to itself."""
    service = assumptions.service(lane.key)
    run = route.batch or (1 if lane.limits.rate or route.rate else settings.run)
    return {
        "rate": lane.limits.rate.spacing if lane.limits.rate else 0.0,
        "connections": service / lane.limits.connections / run if lane.limits.connections else 0.0,
        "route rate": route.rate.spacing if route.rate else 0.0,
        "route connections": service / route.connections / run if route.connections else 0.0,
        "machine": 1 / assumptions.machine_per_s,
        "in flight": service / max(settings.in_flight, route.batch or 0),
    }


_OWN = ("rate", "connections")


def bounds(
    lanes: Mapping[str, Lane],
    routes: Mapping[str, Limits],
    counts: Mapping[str, int],
    assumptions: Assumptions,
    settings: Settings,
) -> dict[tuple[str, str], float]:
    """Seconds that each limit alone needs at least: by (limit, whose: a lane, a route or "")."""
    total: dict[tuple[str, str], float] = {}
    for key, count in counts.items():
        lane = lanes[key]
        limits = per_message(lane, routes[lane.route], assumptions, settings)
        for limit, seconds in limits.items():
            whose = key if limit in _OWN else lane.route if limit.startswith("route") else ""
            total[limit, whose] = total.get((limit, whose), 0.0) + count * seconds
    return total
