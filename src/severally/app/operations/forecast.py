"""One question to the scheduler: these recipients, this way out, this machine - when is it done?

Responsible for what every estimate assumes, in one place: `plan`, its what-if rows, `simulate` and
the estimate before a send ask here. Not for how the answer is shown.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from severally.app.config import Workspace
from severally.app.lanes import lane_of
from severally.app.sections import ApiRoute, MxRoute
from severally.app.wiring import sending_settings
from severally.model.lane import Lane, Limits, Rate
from severally.model.learned import Learned
from severally.model.schedule import Schedule
from severally.pace.bounds import Assumptions
from severally.pace.calendar import Hours
from severally.pace.plan import UNITS, Plan
from severally.pace.plan import plan as run_plan

RELAY_S = 0.05
"""From a message's slot to its reply, on a relay of one's own (judgement)."""
DIRECT_S = 0.3
"""The same at a receiving provider across the Internet, which looks at what it is given
(judgement; a lane that was sent to before has its own, measured)."""
API_S = 0.5
"""The same for one request to a provider's API, a whole batch of messages (judgement)."""
PUT_OFF = 0.05
"""In the longest case: the share of first attempts that is put off, for `[retries] first`."""
HALF = 0.5
"""In the longest case: what receivers take of limits that nobody has seen them keep."""


@dataclass(frozen=True)
class Forecast:
    """`machine_per_s`: messages/s made and handed over; `in_flight`: the most on the way at once.

    `share` of every rate; `deferred` share of first attempts; `rates` in place of those that hold,
    by receiver; `sources` addresses that the route sends from, each with the limits of one.
    `way`: other limits of the whole route; `relayed`: somebody else takes it to the receivers;
    `near`: whoever answers is on this machine. `times` hold, counted from `began` (Unix); `zones`:
    recipients by time zone, of receivers whose windows matter. `learned`: what lanes were found to
    take before.
    """

    workspace: Workspace
    route: str
    receivers: Mapping[str, int]
    machine_per_s: float
    in_flight: int
    units: int = UNITS
    share: float = 1.0
    deferred: float = 0.0
    rates: Mapping[str, Rate | None] = field(default_factory=dict)
    sources: int = 1
    way: Limits | None = None
    relayed: bool = False
    near: bool = False
    times: Schedule = field(default_factory=Schedule)
    zones: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    began: float = 0.0
    learned: Mapping[str, Learned] = field(default_factory=dict)

    def with_route(self, limits: Limits) -> Forecast:
        """The same with other limits of the whole route."""
        return replace(self, way=limits)

    def by_way_of(self, limits: Limits) -> Forecast:
        """The same through somebody who takes mail for everybody, so much of it."""
        return replace(self, way=limits, relayed=True)

    def run(self) -> Plan:
        """The plan. Times in seconds from the start."""
        lanes: dict[str, Lane] = {}
        cohorts: list[tuple[str, int, int]] = []
        hours: dict[int, Hours] = {}
        for receiver, zone, count in self.parts():
            for source in range(self.sources):
                lane = self._lane(receiver, source)
                lanes[lane.key] = lane
                part = count // self.sources + (source < count % self.sources)
                if self.times != Schedule():
                    hours[len(cohorts)] = Hours(self.times, zone)
                cohorts.append((lane.key, len(cohorts), part))
        pacing = sending_settings(self.workspace).pacing
        way = self.workspace.route_limits(self.route) if self.way is None else self.way
        return run_plan(
            lanes,
            {self.route: way},
            cohorts,
            self._assumptions(),
            msgspec.structs.replace(pacing, in_flight=self.in_flight),
            random.Random(0),
            units=self.units,
            hours=hours,
            began=self.began,
            held={key: self._held(key) for key in lanes},
        )

    def parts(self) -> Iterator[tuple[str, str, int]]:
        """(receiver, time zone, recipients); zones where there is a window."""
        for receiver, count in self.receivers.items():
            if self.times.window is None or receiver not in self.zones:
                yield receiver, "", count
            else:
                for zone, here in self.zones[receiver].items():
                    yield receiver, zone, here

    def _lane(self, receiver: str, source: int) -> Lane:
        lane = lane_of(self.workspace, self.route, receiver)
        rate = self.rates.get(receiver) or self.rate_of(receiver)
        if rate is not None and self.share != 1.0:
            rate = Rate(max(1, math.floor(rate.count * self.share)), rate.unit_s)
        limits = Limits() if self.relayed else msgspec.structs.replace(lane.limits, rate=rate)
        name = f"{lane.source} (address {source + 1})" if source else lane.source
        return msgspec.structs.replace(lane, limits=limits, source=name)

    def rate_of(self, receiver: str) -> Rate | None:
        """The rate in force, or the one that the receiver was found to take if that is less."""
        lane = lane_of(self.workspace, self.route, receiver)
        rate, known = lane.limits.rate, self.learned.get(lane.key)
        found = known.rate_at(self.began) if known else math.inf
        if found >= (1 / rate.spacing if rate else math.inf):
            return rate
        return Rate(max(1, math.floor(found * 3600)), 3600)

    def _held(self, lane: str) -> float:
        known = self.learned.get(lane)
        return known.held_s(self.began) if known else 0.0

    def _assumptions(self) -> Assumptions:
        return Assumptions(
            self._service_s(),
            machine_per_s=self.machine_per_s,
            default_deferred=self.deferred,
            deferred_s=self.workspace.retries.first_s,
        )

    def _service_s(self) -> float:
        if self.relayed or self.near:
            return RELAY_S
        match self.workspace.routes[self.route]:
            case MxRoute():
                return DIRECT_S
            case ApiRoute():
                return API_S
            case _:
                return RELAY_S

    def longest(self) -> Forecast:
        """The same where receivers take half of what they are said to take, and put some off."""
        return replace(self, share=self.share * HALF, deferred=PUT_OFF)
