"""The bounce test and the arrival curve: monotone, bounded, and right about good and bad."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from severally.stage.arrival import AT_ONCE, Curve, assumed, learned
from severally.stage.bounce_test import BounceTest, Group, Verdict

ages = st.floats(0, 200_000, allow_nan=False)
groups = st.lists(
    st.builds(
        lambda domain, age, count, share: Group(f"d{domain}", age, count, int(count * share)),
        st.integers(0, 20),
        ages,
        st.integers(0, 200),
        st.floats(0, 1),
    ),
    max_size=30,
)


@given(st.lists(ages, max_size=300), ages, ages)
def test_a_learned_curve_rises_within_0_and_1(heard: list[float], a: float, b: float) -> None:
    curve = learned(heard)
    low, high = sorted((a, b))
    assert 0.0 <= curve.at(low) <= curve.at(high) <= 1.0


@given(st.lists(st.floats(0, 50_000), min_size=60, max_size=300), st.floats(0, 60_000))
def test_a_learned_curve_is_the_share_that_was_heard(heard: list[float], age: float) -> None:
    known = sum(each <= age for each in heard) / len(heard)
    assert abs(learned(heard).at(age) - known) < 0.1 + sum(abs(h - age) < 2 for h in heard)


def test_the_assumed_curve_knows_a_fifth_at_once_and_half_after_its_time() -> None:
    curve = assumed(0.8, 7_200.0)
    assert curve.at(0.0) == 1 - 0.8
    assert math.isclose(curve.at(7_200.0), 1 - 0.8 / math.e, abs_tol=0.01)
    assert curve.age_of(0.99) < 12 * 3_600


@given(groups)
def test_more_bounces_are_never_better(seen: list[Group]) -> None:
    worse = [Group(g.domain, g.age_s, g.count, min(g.count, g.bounced + 1)) for g in seen]
    test = BounceTest()
    assert test.score(worse, AT_ONCE, AT_ONCE).score >= test.score(seen, AT_ONCE, AT_ONCE).score


@given(groups)
def test_a_pass_was_good_by_the_late_curve_and_known_enough(seen: list[Group]) -> None:
    test = BounceTest()
    score = test.score(seen, AT_ONCE, assumed())
    assert score.known <= score.messages + 1e-6
    if score.verdict is Verdict.PASS:
        assert score.known >= test.least_known
        assert score.rate < test.bad
    if score.verdict is Verdict.HALT:
        assert score.rate > test.good


def test_clumps_widen_the_bound_and_independent_bounces_do_not() -> None:
    clumped = [Group(f"d{i}", 0.0, 20, 20 if i < 2 else 0) for i in range(60)]
    spread = [Group(f"d{i}", 0.0, 20, 1 if i < 40 else 0) for i in range(60)]
    test = BounceTest()
    wide = test.score(clumped, AT_ONCE, AT_ONCE)
    narrow = test.score(spread, AT_ONCE, AT_ONCE)
    assert wide.bounced == narrow.bounced
    assert wide.bound > 3 * narrow.bound
    assert narrow.verdict is Verdict.HALT


def test_late_bounces_are_not_taken_for_health() -> None:
    """80 % late by two hours: ten minutes after the canary a bad send must not pass."""
    rng = random.Random(7)
    for _ in range(20):
        bounced = sum(rng.random() < 0.02 and rng.random() < 0.23 for _ in range(1_200))
        seen = [Group(f"d{i}", 600.0, 1, int(i < bounced)) for i in range(1_200)]
        assert BounceTest().score(seen, AT_ONCE, assumed()).verdict is not Verdict.PASS


def test_a_curve_is_zero_before_its_first_point() -> None:
    assert Curve((10.0, 20.0), (0.5, 1.0)).at(5.0) == 0.0
