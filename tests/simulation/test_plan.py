"""The plan against the sending loop itself, message by message, on virtual time."""

from __future__ import annotations

import random

import pytest
from tests.virtual import EXACT, Result, send

from severally.model.lane import Lane, Limits, Rate
from severally.pace.bounds import Assumptions
from severally.pace.plan import Plan, plan

REPLY_S = 0.05


def both(total: int, seed: int) -> tuple[Plan, Result]:
    """Thirteen lanes, ten with rates, planned and sent to `total` recipients or so."""
    rng = random.Random(seed)
    rates = (300, 600, 1_200, 2_400)
    limits = {
        f"r{n}": Limits(Rate(rng.choice(rates), 60), rng.choice((2, 5, 10))) for n in range(10)
    }
    limits |= {f"c{n}": Limits(connections=2) for n in range(3)}
    weights = {name: rng.lognormvariate(0, 1) for name in limits}
    sizes = {
        name: max(1, int(total * weight / sum(weights.values())))
        for name, weight in weights.items()
    }
    planned = plan(
        {f"main/{name}": Lane("main", name, each) for name, each in limits.items()},
        {"main": Limits()},
        [(f"main/{name}", n, count) for n, (name, count) in enumerate(sizes.items())],
        Assumptions(default_service_s=REPLY_S, machine_per_s=1e6),
        EXACT.pacing,
        random.Random(0),
    )
    return planned, send(sizes, limits)


def worst(planned: Plan, sent: Result) -> float:
    """The greatest difference of any lane's finish, as a share."""
    pairs = [
        (lane.finish_s, sent.finish[lane.lane.removeprefix("main/")] + REPLY_S)
        for lane in planned.lanes
    ]
    return max(abs(plan_s / sent_s - 1) for plan_s, sent_s in pairs)


@pytest.mark.parametrize("seed", [3, 4])
def test_every_lane_ends_when_the_plan_says(seed: int) -> None:
    planned, sent = both(2_000, seed)
    assert worst(planned, sent) < 0.01


def test_a_plan_of_many_moves_several_at_a_time_and_says_the_same() -> None:
    planned, sent = both(24_000, 3)
    assert planned.makespan_s == pytest.approx(max(sent.finish.values()), rel=0.01)
