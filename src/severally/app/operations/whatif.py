"""What would make it quicker: the same question with one thing changed, asked once more.

Responsible for which changes are worth asking about. Every figure is a plan of its own; none is a
division of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from severally.app.lanes import lane_of
from severally.app.operations.forecast import Forecast
from severally.app.operations.results import WhatIf
from severally.app.sections import MxRoute
from severally.model.lane import Limits, Rate
from severally.pace.plan import Plan

UNITS = 3_000
RELAY = Limits(connections=20)
"""A relay of the plainest kind, where none is configured."""
API = Limits(Rate(100, 1), 50)
"""What a provider's API takes of a customer who has sent for a while (judgement; each account has
a quota of its own)."""
TIMES = "times"
"""Of a row: it leaves at other times."""
_DAY_MIN = 24 * 60
_CHANGED = 0.98
"""A change that wins less than 2 % is not worth a row."""


def rows(asked: Forecast, planned: Plan, others: Sequence[Forecast]) -> list[WhatIf]:
    """The quickest first. `others`: the same by other routes of the workspace."""
    asked = replace(asked, units=UNITS)
    found = [
        WhatIf(text, round(replace(other, units=UNITS).run().makespan_s, 3), "route")
        for text, other in _routes(asked, others)
    ]
    for kind, changes in (("setting", _changes(asked, planned)), (TIMES, _times(asked))):
        for text, other in changes:
            then = other.run().makespan_s
            if then < _CHANGED * planned.makespan_s:
                found.append(WhatIf(text, round(then, 3), kind))
    return sorted(found, key=lambda each: each.estimate_s)


def _changes(asked: Forecast, planned: Plan) -> Iterator[tuple[str, Forecast]]:
    """One setting other than it is."""
    workspace = asked.workspace
    route = workspace.routes[asked.route]
    for receiver, rate in _slowest(asked, planned):
        double = Rate(2 * rate.count, rate.unit_s)
        yield f"{receiver} at {_spoken(double)}", replace(asked, rates={receiver: double})
    if isinstance(route, MxRoute):
        yield "a second source address", replace(asked, sources=2)
    limits = workspace.route_limits(asked.route)
    if limits.rate is not None:
        double = Rate(2 * limits.rate.count, limits.rate.unit_s)
        text = f"route {asked.route} at {_spoken(double)}"
        yield text, asked.with_route(Limits(double, limits.connections))
    if limits.connections is not None:
        text = f"route {asked.route} with {2 * limits.connections} connections"
        wider = Limits(limits.rate, 2 * limits.connections)
        yield text, replace(asked.with_route(wider), in_flight=2 * asked.in_flight)
    in_flight = 2 * asked.in_flight
    yield f"[sending] max_in_doubt = {in_flight}", replace(asked, in_flight=in_flight)
    yield "a machine twice as fast", replace(asked, machine_per_s=2 * asked.machine_per_s)


def _times(asked: Forecast) -> Iterator[tuple[str, Forecast]]:
    """At other times than it is to leave."""
    times = asked.times
    if window := times.window:
        without = msgspec.structs.replace(times, window=None)
        yield "without the window", replace(asked, times=without)
        if not window.overnight and (window.opens, window.closes) != (0, _DAY_MIN):
            opens, closes = max(0, window.opens - 60), min(_DAY_MIN, window.closes + 60)
            wider = msgspec.structs.replace(window, opens=opens, closes=closes)
            longer = msgspec.structs.replace(times, window=wider)
            yield f"window {wider}", replace(asked, times=longer)
    if times.start > asked.began:
        yield "starting now", replace(asked, times=msgspec.structs.replace(times, start=0.0))


def _slowest(asked: Forecast, planned: Plan) -> Iterator[tuple[str, Rate]]:
    """The lane that ends last, where it is its rate that holds it back."""
    for receiver in asked.receivers:
        lane = lane_of(asked.workspace, asked.route, receiver)
        last = planned.lanes[0] if planned.lanes else None
        rate = asked.rate_of(receiver)
        if last and lane.key == last.lane and last.bound == "rate" and rate:
            yield receiver, rate


def _routes(asked: Forecast, others: Sequence[Forecast]) -> Iterator[tuple[str, Forecast]]:
    """Other ways out: those that are configured, and for a direct route those one could have."""
    workspace = asked.workspace
    for other in others:
        yield f"by route {other.route}", other
    if not isinstance(workspace.routes[asked.route], MxRoute):
        return
    if not others:
        yield "by a relay with 20 connections", asked.by_way_of(RELAY)
    yield "by a provider's API of 100/s", asked.by_way_of(API)


def _spoken(rate: Rate) -> str:
    """`1,200/min`."""
    count, _, unit = str(rate).partition("/")
    return f"{int(count):,}/{unit}"
