"""Routes that hand over whole requests: a request is one batch, and counts as its messages."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from severally.model.lane import Grant, Lane, Limits, Rate
from severally.pace.bounds import Assumptions
from severally.pace.plan import plan
from severally.pace.scheduler import Scheduler, Settings

PACING = Settings(jitter_s=0.0)


def made(route: Limits, waiting: int, lane: Limits | None = None) -> tuple[Scheduler, str]:
    one = Lane("main", "other", lane or Limits())
    both = Scheduler({one.key: one}, {"main": route}, PACING, random.Random(1))
    both.arrive(one.key, 1, waiting)
    return both, one.key


def test_one_batch_may_be_larger_than_what_may_be_in_flight() -> None:
    one, _ = made(Limits(batch=1_000), 2_500)
    (grant,) = one.step(0.0)
    assert (grant.count, one.together(grant)) == (1_000, 1_000)
    assert one.step(0.0) == []


def test_beside_a_route_with_batches_others_keep_their_bound() -> None:
    lanes = [Lane("api", "other", Limits()), Lane("relay", "other", Limits())]
    routes = {"api": Limits(batch=1_000), "relay": Limits()}
    both = Scheduler({lane.key: lane for lane in lanes}, routes, PACING, random.Random(1))
    both.arrive("relay/other", 1, 5_000)
    assert sum(grant.count for grant in both.step(0.0)) <= PACING.in_flight


@given(
    st.sampled_from([Rate(10, 1), Rate(600, 60), Rate(7, 1)]),
    st.integers(1, 50),
    st.integers(1, 120),
)
def test_a_rate_holds_in_every_window_however_large_the_requests(
    rate: Rate, batch: int, waiting: int
) -> None:
    one, lane = made(Limits(rate, batch=batch), waiting)
    now, left = 0.0, []
    while (wake := one.next_wake(now)) is not None or now == 0.0:
        now = max(now, wake or 0.0)
        for grant in one.step(now):
            left += _requests(one, grant, now)
            one.finish(lane, grant.cohort, grant.count)
        if not one.snapshot(now)[lane].waiting:
            break
    assert sum(count for _, count in left) == waiting
    for at, _ in left:
        within = sum(count for when, count in left if at - 1e-9 <= when < at + rate.unit_s - 1e-6)
        assert within <= rate.count + batch


def _requests(one: Scheduler, grant: Grant, now: float) -> list[tuple[float, int]]:
    size, found = one.together(grant), []
    for first in range(0, grant.count, size):
        count = min(size, grant.count - first)
        last = grant.at + (first + count - 1) * grant.spacing
        found.append((one.depart(grant.lane, last, now, count), count))
    return found


def test_a_plan_knows_the_batch_and_the_time_a_request_takes() -> None:
    lane = Lane("main", "other", Limits())

    def takes(route: Limits) -> float:
        found = plan(
            {lane.key: lane},
            {"main": route},
            [(lane.key, 1, 10_000)],
            Assumptions(0.5, machine_per_s=1e9),
            PACING,
            random.Random(1),
        )
        return found.makespan_s

    assert round(takes(Limits(batch=1_000)), 1) == 5.0  # ten requests, one after the other
    assert round(takes(Limits(connections=1, batch=500)), 1) == 10.0
    assert takes(Limits()) > 40.0
