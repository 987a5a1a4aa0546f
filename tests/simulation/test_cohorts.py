"""A plan that moves many at a time says what one that moves each message says."""

from __future__ import annotations

import random

import pytest

from severally.model.lane import Lane, Limits, Rate
from severally.pace.bounds import Assumptions
from severally.pace.plan import Plan, plan
from severally.pace.scheduler import Settings

ROUTES = (
    Limits(),
    Limits(Rate(60, 1)),
    Limits(connections=40),
    Limits(Rate(3_000, 60), 25),
)


def world(seed: int, total: int, count: int) -> tuple[dict[str, Lane], list[tuple[str, int, int]]]:
    """Lanes of all sizes and limits, the k-th with 1/(k + 2) of the largest's recipients."""
    rng = random.Random(seed)
    weights = [1 / (k + 2) for k in range(count)]
    lanes = [
        Lane("main", f"r{k}", Limits(Rate(rng.choice((120, 300, 1_200)), 60), rng.choice((2, 9))))
        for k in range(count)
    ]
    sizes = [max(1, int(total * weight / sum(weights))) for weight in weights]
    cohorts = [(lane.key, n, size) for n, (lane, size) in enumerate(zip(lanes, sizes, strict=True))]
    return {lane.key: lane for lane in lanes}, cohorts


def planned(seed: int, units: int, total: int = 10_000, lanes: int = 40) -> Plan:
    made, cohorts = world(seed, total, lanes)
    rng = random.Random(seed + 1_000)
    settings = Settings(jitter_s=0.0, in_flight=rng.choice((60, 10_000)))
    assumed = Assumptions(rng.choice((0.05, 0.4)), machine_per_s=rng.choice((50.0, 1e6)))
    route = ROUTES[seed % len(ROUTES)]
    return plan(made, {"main": route}, cohorts, assumed, settings, rng, units=units)


@pytest.mark.parametrize("seed", range(8))
def test_cohorts_end_when_their_messages_do(seed: int) -> None:
    each, cohorts = planned(seed, 10_000), planned(seed, 4_000)
    assert cohorts.count == each.count
    assert cohorts.makespan_s == pytest.approx(each.makespan_s, rel=0.01)
    assert cohorts.makespan_s >= 0.99 * cohorts.least_s
    assert (cohorts.limit, cohorts.limit_of) == (each.limit, each.limit_of)


def test_a_hundred_million_are_no_more_work_than_a_hundred_thousand() -> None:
    """What is moved is bounded, whatever the count; everybody is in the curve's end."""
    found = planned(0, 2_000, total=100_000_000, lanes=300)
    assert found.curve[-1][1] == found.count >= 99_000_000
    assert found.makespan_s == pytest.approx(found.least_s, rel=0.02)
