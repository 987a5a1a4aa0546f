"""What must hold in pacing for every input: limits, slots, retries, counts."""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from severally.model.lane import UNITS, Lane, Limits, Rate, parse_rate
from severally.model.outcome import Action, Scope, Verdict
from severally.pace.bounds import Assumptions
from severally.pace.limiter import Limiter, spacing_of
from severally.pace.plan import plan
from severally.pace.retry import RetryPlan
from severally.pace.scheduler import Scheduler, Settings
from severally.sim.virtual import most_in

trials.register_profile("patient", deadline=None)
trials.load_profile("patient")

rates = st.builds(Rate, st.integers(1, 5_000), st.sampled_from((1, 60, 3600)))
limits = st.builds(
    Limits, st.none() | rates, st.none() | st.integers(1, 20), st.none() | st.integers(1, 50)
)


@given(rates, st.sampled_from(sorted(UNITS)))
def test_a_rate_is_read_as_it_is_written(rate: Rate, unit: str) -> None:
    assert parse_rate(str(rate)) == rate
    assert parse_rate(f" {rate.count} / {unit} ") == Rate(rate.count, UNITS[unit])
    assert parse_rate("0") is None


@given(st.text(max_size=20))
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    try:
        rate = parse_rate(text)
    except ValueError as error:
        assert "600/min" in str(error)
    else:
        assert rate is None or rate.count > 0


@given(
    rates,
    st.floats(0, 0.5),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 20), st.floats(0, 1)), max_size=40),
)
def test_no_window_holds_more_than_the_rate_and_one(
    rate: Rate, jitter_s: float, asked: list[tuple[float, int, float]]
) -> None:
    """However slots are asked for, and however late (up to the jitter) each arrives."""
    limiter = Limiter(spacing_of(rate, jitter_s))
    now, arrivals = 0.0, []
    for pause, count, late in asked:
        now += pause
        first = limiter.take(now, count)
        arrivals += [first + k * limiter.spacing + late * jitter_s for k in range(count)]
    assert most_in(arrivals, rate.unit_s) <= rate.count + 1


@given(rates, st.floats(0, 1e6), st.floats(0, 100))
def test_free_slots_are_those_up_to_the_horizon(rate: Rate, now: float, ahead: float) -> None:
    limiter = Limiter(spacing_of(rate, 0.0))
    count = limiter.free_until(now, now + ahead)
    first = limiter.take(now, count)
    assert first == now
    assert limiter.first(0.0) > now + ahead - 1e-6
    assert now + (count - 1) * limiter.spacing <= now + ahead + 1e-6


class _Machine:
    """A scheduler under load, with everything it grants checked."""

    def __init__(
        self, lanes: list[Lane], route: Limits, in_flight: int, seed: int, counts: list[int]
    ) -> None:
        self.rng = random.Random(seed)
        self.lanes = {lane.key: lane for lane in lanes}
        self.settings = Settings(jitter_s=0.0, in_flight=in_flight)
        self.scheduler = Scheduler(self.lanes, {"main": route}, self.settings, self.rng)
        self.route = route
        self.slots: dict[str, list[float]] = {key: [] for key in self.lanes}
        self.flying: Counter[str] = Counter()
        self.given: Counter[tuple[str, int]] = Counter()
        self.asked: Counter[tuple[str, int]] = Counter()
        for number, key in enumerate(self.lanes):
            self.asked[key, number] = counts[number]
            self.scheduler.arrive(key, number, counts[number])

    def run(self) -> float:
        now, sequence = 0.0, 0
        events: list[tuple[float, int, str, int, int]] = []
        while True:
            for grant in self.scheduler.step(now):
                self.flying[grant.lane] += grant.count
                self.given[grant.lane, grant.cohort] += grant.count
                for k in range(grant.count):
                    at = grant.at + k * grant.spacing
                    assert at >= now - 1e-9
                    self.slots[grant.lane].append(at)
                    sequence += 1
                    ends = at + self.rng.random() * 0.3
                    heapq.heappush(events, (ends, sequence, grant.lane, grant.cohort, 1))
            self._check()
            wake = self.scheduler.next_wake(now)
            times = [t for t in (wake, events[0][0] if events else None) if t is not None]
            if not times:
                return now
            assert min(times) >= now or events
            now = max(now, min(times))
            while events and events[0][0] <= now:
                _, _, lane, cohort, count = heapq.heappop(events)
                self.flying[lane] -= count
                self.scheduler.finish(lane, cohort, count)

    def _check(self) -> None:
        assert sum(self.flying.values()) <= self.settings.in_flight
        for key, lane in self.lanes.items():
            if lane.limits.connections is not None:
                spaced = lane.limits.rate or self.route.rate
                each = 1 if spaced else self.settings.run
                assert self.flying[key] <= lane.limits.connections * each
        if self.route.connections is not None:
            each = 1 if self.route.rate else self.settings.run
            assert sum(self.flying.values()) <= self.route.connections * each


@given(
    st.lists(st.tuples(limits, st.integers(1, 60)), min_size=1, max_size=6),
    limits,
    st.integers(1, 120),
    st.integers(0, 1_000),
)
def test_the_scheduler_keeps_every_limit_and_forgets_nobody(
    lanes: list[tuple[Limits, int]], route: Limits, in_flight: int, seed: int
) -> None:
    made = [Lane("main", f"r{n}", each) for n, (each, _) in enumerate(lanes)]
    machine = _Machine(made, route, in_flight, seed, [count for _, count in lanes])
    machine.run()
    assert machine.given == machine.asked
    for key, lane in machine.lanes.items():
        if lane.limits.rate is not None:
            rate = lane.limits.rate
            assert most_in(machine.slots[key], rate.unit_s) <= rate.count + 1
    if route.rate is not None:
        every = [at for slots in machine.slots.values() for at in slots]
        assert most_in(every, route.rate.unit_s) <= route.rate.count + 1


@given(
    st.lists(st.tuples(rates, st.integers(1, 40)), min_size=1, max_size=5), st.integers(0, 1_000)
)
def test_a_lane_goes_on_as_if_it_was_alone(lanes: list[tuple[Rate, int]], seed: int) -> None:
    """Lanes with rates only: each one's slots are those it has when nobody else is there."""
    made = [Lane("main", f"r{n}", Limits(rate)) for n, (rate, _) in enumerate(lanes)]
    counts = [count for _, count in lanes]
    together = _Machine(made, Limits(), 10_000, seed, counts)
    together.run()
    for lane, count in zip(made, counts, strict=True):
        alone = _Machine([lane], Limits(), 10_000, seed, [count])
        alone.run()
        assert together.slots[lane.key] == pytest.approx(alone.slots[lane.key], abs=1e-6)


@given(
    st.integers(1, 40),
    st.floats(0, 4 * 86_400),
    st.floats(0, 7_200),
    st.integers(0, 1_000),
)
def test_a_retry_is_never_early_and_ends(
    attempts: int, age: float, asked: float, seed: int
) -> None:
    retries = RetryPlan()
    now = 1_800_000_000.0
    due = retries.next_due(now, attempts, now - age, asked, random.Random(seed))
    if due is None:
        assert age > retries.give_up_s - (retries.most_s + asked) * (1 + retries.jitter)
    else:
        assert due >= now + min(asked or retries.first_s, retries.most_s)
        assert due <= now - age + retries.give_up_s


@given(st.integers(0, 1_000))
def test_a_recipient_is_tried_a_bounded_number_of_times(seed: int) -> None:
    retries, rng = RetryPlan(), random.Random(seed)
    now, attempts = 1_800_000_000.0, 0
    first = now
    due: float | None = now
    while due is not None:
        now, attempts = due, attempts + 1
        due = retries.next_due(now, attempts, first, 0.0, rng)
    assert 20 < attempts < 40
    assert now - first > retries.give_up_s - 1.1 * retries.most_s


@given(
    st.lists(st.tuples(limits, st.integers(0, 300)), min_size=1, max_size=5), st.integers(0, 100)
)
def test_a_plan_counts_everybody_and_never_beats_a_limit(
    lanes: list[tuple[Limits, int]], seed: int
) -> None:
    made = [Lane("main", f"r{n}", each) for n, (each, _) in enumerate(lanes)]
    cohorts = [
        (lane.key, n, count) for n, (lane, (_, count)) in enumerate(zip(made, lanes, strict=True))
    ]
    found = plan(
        {lane.key: lane for lane in made},
        {"main": Limits()},
        cohorts,
        Assumptions(),
        Settings(jitter_s=0.0),
        random.Random(seed),
    )
    assert found.count == sum(count for _, count in lanes)
    assert found.makespan_s == max((each.finish_s for each in found.lanes), default=0.0)
    by_key = {lane.key: lane for lane in made}
    for each in found.lanes:
        rate = by_key[each.lane].limits.rate
        if rate is not None:
            assert each.finish_s >= (each.count - 1) * rate.spacing - 1e-6
    points = list(found.curve)
    assert points == sorted(points)
    if points:
        assert points[-1][1] == found.count


@given(st.sampled_from(list(Action)), st.floats(0, 10_000), st.integers(0, 100))
def test_no_verdict_makes_a_lane_faster_than_its_limit(
    action: Action, pause_s: float, seed: int
) -> None:
    lane = Lane("main", "a", Limits(Rate(10, 1), 4))
    scheduler = Scheduler(
        {lane.key: lane}, {"main": Limits()}, Settings(jitter_s=0.0), random.Random(seed)
    )
    scheduler.arrive(lane.key, 0, 100)
    slots: list[float] = []
    now = 0.0
    for _ in range(60):
        for grant in scheduler.step(now):
            slots += [grant.at + k * grant.spacing for k in range(grant.count)]
            scheduler.observe(now, lane.key, Verdict(action, Scope.LANE, "x", pause_s))
            scheduler.finish(lane.key, 0, grant.count)
        wake = scheduler.next_wake(now)
        if wake is None or math.isinf(wake):
            break
        now = wake
    assert most_in(slots, 1.0) <= 11
