"""What a lane learned is where the next mailing begins, ages, and is lost without harm."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.virtual import EXACT, crash, send

from severally.adapters.lane_file import LaneFile
from severally.deliver.sending import Deliverer
from severally.model.lane import Lane, Limits, Rate
from severally.model.learned import DAY_S, FORGOTTEN_S, Learned
from severally.model.outcome import Reply
from severally.pace.bounds import Assumptions
from severally.pace.governor import Governor
from severally.pace.plan import plan
from severally.ports import Ledger
from severally.sim.clock import VirtualClock
from severally.sim.virtual import Receiver

SLOW = Reply(450, "4.7.1", "4.7.1 Rate limit exceeded, slow down, try again in 60 seconds")
SETTINGS = msgspec.structs.replace(EXACT, progress_s=60.0)
LIMITS = {"a": Limits(Rate(600, 60), 10)}
BEGAN = 1_800_000_000.0
TRUE = {"a": Receiver(rate=Rate(300, 60), throttle=SLOW)}


def test_the_next_mailing_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    memory = LaneFile(tmp_path / "lanes.json")
    first = send({"a": 2_500}, LIMITS, TRUE, settings=SETTINGS, memory=memory)
    learned = memory.recall()["main/a"]
    assert 0.85 * 5 <= learned.rate <= 5.02, "messages/s"
    second = send({"a": 900}, LIMITS, TRUE, settings=SETTINGS, memory=memory)
    anew = send({"a": 900}, LIMITS, TRUE, settings=SETTINGS)
    assert len(first.counts["a"].throttled) >= len(anew.counts["a"].throttled) > 0
    assert not second.counts["a"].throttled, "it knows already"
    assert second.finish["a"] < anew.finish["a"]


class _Kept:
    """Keeps all that was ever written down."""

    def __init__(self) -> None:
        self.kept: list[Learned] = []

    def recall(self) -> Mapping[str, Learned]:
        return {}

    def keep(self, lanes: Mapping[str, Learned]) -> None:
        self.kept += lanes.values()


@pytest.mark.parametrize("true", [Rate(300, 60), Rate(240, 60)], ids=str)
def test_a_minute_after_the_first_slow_down_the_end_is_known(true: Rate) -> None:
    memory, count = _Kept(), 2_000
    result = send(
        {"a": count},
        LIMITS,
        {"a": Receiver(rate=true, throttle=SLOW)},
        settings=SETTINGS,
        memory=memory,
    )
    seen = result.counts["a"]
    first = next(each for each in memory.kept if each.at - BEGAN >= seen.throttled[0] + 60)
    now = first.at - BEGAN
    left = count - sum(at <= now for at in seen.took_at)
    planned = plan(
        {"main/a": Lane("main", "a", Limits(Rate(int(first.rate * 3600), 3600), 10))},
        {"main": Limits()},
        [("main/a", 0, left)],
        Assumptions(),
        SETTINGS.pacing,
        random.Random(0),
        held={"main/a": first.held_s(first.at)},
    )
    assert planned.makespan_s == pytest.approx(result.finish["a"] - now, rel=0.1)


def test_a_crash_does_not_forget_it(tmp_path: Path) -> None:
    memory = LaneFile(tmp_path / "lanes.json")

    async def late(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(200.0)
        crash(one)

    send({"a": 2_000}, LIMITS, TRUE, settings=SETTINGS, memory=memory, meddle=late)
    assert memory.recall()["main/a"].rate < 10


def test_what_was_never_slower_than_configured_teaches_nothing(tmp_path: Path) -> None:
    memory = LaneFile(tmp_path / "lanes.json")
    send({"a": 300}, LIMITS, {"a": Receiver()}, settings=SETTINGS, memory=memory)
    assert memory.recall() == {} and not (tmp_path / "lanes.json").exists()


@given(
    st.floats(0.01, 100),
    st.floats(0, 100).map(round),
    st.floats(0, 2 * FORGOTTEN_S),
    st.floats(0, FORGOTTEN_S),
)
def test_it_ages(rate: float, connections: int, age: float, more: float) -> None:
    learned = Learned(rate, connections, 1_000.0)
    now, later = 1_000.0 + age, 1_000.0 + age + more
    assert rate <= learned.rate_at(now) <= learned.rate_at(later)
    assert 1 <= learned.connections_at(now) <= learned.connections_at(later)
    assert learned.rate_at(1_000.0 + FORGOTTEN_S) == math.inf
    assert learned.rate_at(1_000.0 + DAY_S) == pytest.approx(2 * rate)
    assert learned.rate_at(0.0) == rate, "a clock that was set back makes nothing older"


@given(st.floats(0.1, 50), st.floats(0.05, 100), st.floats(1, 40).map(round), st.floats(0, 1e6))
def test_nothing_learned_is_faster_than_configured(
    configured: float, rate: float, connections: int, age: float
) -> None:
    governor = Governor(1 / configured, 20.0)
    governor.teach(0.0, rate, connections, age)
    assert governor.rate == pytest.approx(min(configured, rate))
    assert governor.connections == min(20, connections)
    for second in range(0, 20_000, 10):
        governor.accepted(float(second))
    assert governor.rate <= configured * 1.000001 and governor.connections <= 20


def test_others_are_kept_and_old_ones_dropped(tmp_path: Path) -> None:
    memory = LaneFile(tmp_path / "lanes.json")
    memory.keep({"old": Learned(1.0, 0.0, 0.0), "young": Learned(2.0, 0.0, FORGOTTEN_S)})
    memory.keep({"new": Learned(3.0, 4.0, FORGOTTEN_S + 1)})
    assert set(memory.recall()) == {"young", "new"}
    (tmp_path / "lanes.json").write_text("torn", "utf-8")
    assert memory.recall() == {}
    memory.keep({"new": Learned(3.0, 4.0, 5.0)})
    assert memory.recall() == {"new": Learned(3.0, 4.0, 5.0)}
