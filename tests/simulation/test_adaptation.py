"""A lane finds a limit nobody told it, and comes back from silence as the receiver asks."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from tests.virtual import EXACT, Result, send

from severally.model.delivery import DeliveryState
from severally.model.lane import Limits, Rate
from severally.model.notice import Kind
from severally.model.outcome import Reply
from severally.pace.governor import Governor
from severally.pace.retry import RetryPlan
from severally.sim.virtual import Change, Mood, Receiver, most_in

SLOW = Reply(450, "4.7.1", "4.7.1 Rate limit exceeded, slow down, try again in 60 seconds")
BLOCKED = Reply(
    421,
    "4.7.28",
    "4.7.28 Gmail has detected an unusual rate of email originating from your IP address "
    "192.0.2.1.",
)


def _settled(result: Result, since: float, until: float) -> tuple[float, float]:
    """Messages/s while not silent, and the share of "slow down", between two moments."""
    counts = result.counts["a"]
    arrivals = [t for t in counts.arrivals if since <= t < until]
    gaps = sum(b - a for a, b in itertools.pairwise(arrivals) if b - a > 30)
    throttled = sum(since <= t < until for t in counts.throttled)
    return len(arrivals) / (arrivals[-1] - arrivals[0] - gaps), throttled / len(arrivals)


@pytest.mark.parametrize("true", [Rate(300, 60), Rate(220, 60), Rate(420, 60)], ids=str)
def test_it_settles_just_under_a_limit_nobody_told(true: Rate) -> None:
    receiver = Receiver(rate=true, throttle=SLOW)
    result = send({"a": 18_000}, {"a": Limits(Rate(600, 60), 10)}, {"a": receiver})
    assert result.states == {DeliveryState.ACCEPTED: 18_000}
    rate, throttled = _settled(result, 1_500.0, 2_700.0)
    assert 0.9 * true.count <= rate * 60 <= true.count * 1.001
    assert throttled < 0.01


def test_a_limit_that_falls_in_mid_send_is_found_again() -> None:
    receiver = Receiver(Rate(600, 60), throttle=SLOW, changes=(Change(600.0, Rate(150, 60)),))
    result = send({"a": 12_000}, {"a": Limits(Rate(600, 60), 10)}, {"a": receiver})
    assert result.states == {DeliveryState.ACCEPTED: 12_000}
    rate, throttled = _settled(result, 2_400.0, 3_400.0)
    assert 0.85 * 150 <= rate * 60 <= 150.2
    assert throttled < 0.01


def test_gmails_published_recovery() -> None:
    """Ten minutes of silence, one connection; not well yet: ten more; then one more at a time."""
    receivers = {
        "google": Receiver(reply_s=1.0, moods=(Mood(100.0, 900.0, BLOCKED),)),
        "other": Receiver(),
    }
    limits = {"google": Limits(Rate(10, 1), 8), "other": Limits(Rate(10, 1), 5)}
    result = send({"google": 3_000, "other": 3_000}, limits, receivers)
    counts = result.counts["google"]
    arrivals = sorted(counts.arrivals)
    first = next(t for t in arrivals if t >= 100.0)
    assert not [t for t in arrivals if first + 2.5 < t < first + 1_200], "silence, twice"
    probes = [at for at, _ in counts.connects if first + 3 < at < first + 1_190]
    assert probes == [pytest.approx(first + 601, abs=2.0)], "one connection, and it was refused"
    back = [t for t in arrivals if t > first + 1_190]
    assert back[0] == pytest.approx(probes[0] + 600, abs=2.0)
    assert back[1] - back[0] >= 0.99, "nothing else until the first one was answered"
    # each reply takes a second: the messages of one second are the connections in use
    steps = range(0, 90, 10)
    ramp = [most_in([t for t in back if s <= t - back[0] < s + 10], 0.99) for s in steps]
    assert ramp == sorted(ramp)
    assert all(after - before <= 1 for before, after in itertools.pairwise(ramp))
    assert ramp[-1] > 5
    alone = send({"other": 3_000}, limits, receivers)
    assert result.finish["other"] == pytest.approx(alone.finish["other"], abs=0.05)


def test_too_many_connections_halves_them_and_finds_the_number() -> None:
    receiver = Receiver(connections=4, connect_s=0.1, reply_s=0.5)
    result = send({"a": 12_000}, {"a": Limits(connections=10)}, {"a": receiver})
    assert result.states == {DeliveryState.ACCEPTED: 12_000}
    late = [at for at, _ in result.counts["a"].connects if at > 300]
    assert result.counts["a"].turned_away < 20 and len(late) < 60


def test_a_pause_longer_than_ours_goes_before() -> None:
    """Four hours is the most that our own doubling comes to; a provider may ask for more."""
    governor = Governor(1.0, 8.0)
    governor.pause(0.0, 6 * 3600.0, 3)
    assert governor.held_until == 6 * 3600.0
    now = 0.0
    for _ in range(20):
        governor = Governor(1.0, 8.0) if not now else governor
        governor.pause(now, 2.0, 3)
        pause_s, now = governor.held_until - now, governor.held_until
    assert pause_s == 4 * 3600.0


@pytest.mark.parametrize(("give_up_s", "hours"), [({}, 5.0), ({Kind.SERVICE: 7_200.0}, 2.0)])
def test_how_long_is_tried_depends_on_the_kind_of_notice(
    give_up_s: dict[Kind, float], hours: float
) -> None:
    busy = Reply(451, "4.3.0", "4.3.0 Temporary lookup failure")
    receivers = {"a": Receiver(moods=(Mood(0.0, 1e9, busy),))}
    settings = msgspec.structs.replace(
        EXACT, retry=RetryPlan(give_up_s=5 * 3600.0), give_up_s=give_up_s, progress_s=600.0
    )
    result = send({"a": 5}, {"a": Limits(connections=2)}, receivers, settings=settings)
    assert result.states == {DeliveryState.EXPIRED: 5}
    assert 0.4 * hours * 3600 < max(result.counts["a"].arrivals) <= hours * 3600
