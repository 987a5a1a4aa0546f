"""A gate's answer for each thing that can be seen at it."""

from __future__ import annotations

import msgspec
import pytest

from severally.stage.arrival import AT_ONCE, assumed
from severally.stage.bounce_test import BounceTest, Group, Verdict
from severally.stage.gates import Answer, Arrived, Evidence, Gate, LaneSeen, SentinelSeen

LATE = assumed()


def lane(count: int, bounced: int = 0, **more: int) -> LaneSeen:
    clean = tuple(Group(f"d{i}.example", 90_000.0, 1, 0) for i in range(count - bounced))
    bad = tuple(Group(f"b{i}.example", 90_000.0, 1, 1) for i in range(bounced))
    return LaneSeen((*clean, *bad), attempts=count, **more)


def seen(**more: object) -> Evidence:
    given = {"audience": 23_000, "lanes": {"main/google": lane(1_200, 4)}, **more}
    return msgspec.convert(given, Evidence)


def answer(evidence: Evidence) -> Answer:
    return Gate().decide(evidence, AT_ONCE, LATE).answer


def test_a_good_canary_passes() -> None:
    assert answer(seen()) is Answer.PASS


def test_a_bad_canary_halts_and_says_its_figures() -> None:
    decision = Gate().decide(seen(lanes={"main/google": lane(600, 25)}), AT_ONCE, LATE)
    assert decision.answer is Answer.HALT
    assert any("25 hard bounces of 600" in reason.words for reason in decision.reasons)


def test_nothing_sent_is_no_pass() -> None:
    assert answer(seen(lanes={"main/google": LaneSeen(())})) is Answer.WAIT


def test_undecided_waits_and_then_asks_a_person() -> None:
    lanes = {"main/google": lane(200, 1)}
    assert answer(seen(lanes=lanes)) is Answer.WAIT
    assert answer(seen(lanes=lanes, waited_s=30_000.0)) is Answer.PERSON


def test_a_small_audience_goes_to_a_person_but_a_bad_one_halts() -> None:
    assert answer(seen(audience=599)) is Answer.PERSON
    assert answer(seen(audience=599, lanes={"a": lane(500, 30)})) is Answer.HALT


@pytest.mark.parametrize(
    ("arrived", "waited", "expected"),
    [
        (Arrived.RIGHT, 0.0, Answer.PASS),
        (Arrived.MISSING, 60.0, Answer.WAIT),
        (Arrived.MISSING, 1_000.0, Answer.PERSON),
        (Arrived.WRONG, 0.0, Answer.HALT),
    ],
)
def test_sentinels(arrived: Arrived, waited: float, expected: Answer) -> None:
    sentinel = SentinelSeen("s1", "main", "de", arrived, "two visible addresses")
    assert answer(seen(sentinels=(sentinel,), waited_s=waited)) is expected


def test_one_guard_refusal_halts() -> None:
    assert answer(seen(guard_refused=1)) is Answer.HALT


def test_silence_of_an_unproven_channel_is_no_pass() -> None:
    assert answer(seen(channel_proven=False)) is Answer.WAIT
    assert answer(seen(channel_proven=True)) is Answer.PASS


def test_one_bad_lane_halts_where_the_whole_looks_good() -> None:
    lanes = {"a": lane(3_000, 3), "b": lane(3_000, 3), "c": lane(120, 14)}
    whole = [group for each in lanes.values() for group in each.groups]
    assert BounceTest().score(whole, AT_ONCE, LATE).verdict is not Verdict.HALT
    assert answer(seen(lanes=lanes)) is Answer.HALT


@pytest.mark.parametrize(
    ("complaints", "expected"), [(0, Answer.PASS), (3, Answer.PERSON), (4, Answer.HALT)]
)
def test_complaints(complaints: int, expected: Answer) -> None:
    assert answer(seen(complaints=complaints)) is expected


def test_policy_refusals_at_three_receivers_halt_at_one_ask() -> None:
    good = lane(1_000, 3)
    bad = lane(1_000, 3, blocked=60)
    assert answer(seen(lanes={"a": bad, "b": bad, "c": bad, "d": good})) is Answer.HALT
    assert answer(seen(lanes={"a": bad, "b": good, "c": good, "d": good})) is Answer.PERSON


def test_a_deferral_burst_waits() -> None:
    assert answer(seen(lanes={"a": lane(1_200, 3, deferred=700)})) is Answer.WAIT
