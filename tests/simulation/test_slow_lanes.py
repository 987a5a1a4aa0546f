"""The real sending loop on virtual time: no lane is in another's way, and limits are exact."""

from __future__ import annotations

import pytest
from tests import ledger_samples
from tests.virtual import mailing_state, put_audience, send

from severally.deliver.sending import Deliverer
from severally.deliver.settings import Settings
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import DeliveryState
from severally.model.lane import Limits, Rate
from severally.model.mailing import MailingState
from severally.model.outcome import Reply
from severally.pace.scheduler import Settings as Pacing
from severally.ports import Ledger
from severally.sim.clock import VirtualClock
from severally.sim.virtual import Mood, Receiver

ACCEPTED = DeliveryState.ACCEPTED


def test_a_slow_lane_does_not_delay_a_free_one() -> None:
    free = {"free": Limits(connections=16)}
    alone = send({"free": 5_000}, free)
    both = send({"free": 5_000, "slow": 100}, free | {"slow": Limits(Rate(5, 1), 2)})
    assert both.finish["free"] == pytest.approx(alone.finish["free"], abs=0.05)
    assert both.counts["free"].arrivals == pytest.approx(alone.counts["free"].arrivals, abs=0.05)
    assert both.finish["slow"] == pytest.approx(99 / 5, abs=0.3)
    assert both.states == {ACCEPTED: 5_100}


def test_a_receiver_that_answers_after_a_minute_does_not_stop_the_others() -> None:
    stuck = {"stuck": Receiver(reply_s=60.0)}
    result = send({"free": 2_000, "stuck": 200}, {}, stuck)
    alone = send({"free": 2_000}, {})
    assert result.finish["free"] < 6 * alone.finish["free"] < result.finish["stuck"] / 10


@pytest.mark.parametrize("connect_s", [0.0, 0.3])
@pytest.mark.parametrize("rate", [Rate(5, 1), Rate(50, 1), Rate(120, 60), Rate(600, 60)], ids=str)
def test_a_rate_is_exact_however_long_connections_take(rate: Rate, connect_s: float) -> None:
    receiver = Receiver(connect_s=connect_s, reply_s=0.2, reply_spread_s=0.3, connections=40)
    result = send({"a": 240}, {"a": Limits(rate, 40, 7)}, {"a": receiver})
    assert result.counts["a"].most_in(rate.unit_s) <= rate.count + 1
    assert result.counts["a"].turned_away == 0
    assert result.finish["a"] == pytest.approx(239 * rate.spacing, rel=0.03, abs=1.5)


def test_messages_that_arrive_late_still_keep_the_rate() -> None:
    settings = Settings(pacing=Pacing(jitter_s=0.05))
    receiver = Receiver(transit_s=0.05)
    for rate in (Rate(5, 1), Rate(100, 1)):
        result = send({"a": 400}, {"a": Limits(rate, 40)}, {"a": receiver}, settings=settings)
        assert result.counts["a"].most_in(1.0) <= rate.count + 1


def test_a_routes_rate_holds_over_all_its_lanes() -> None:
    sizes = {"a": 100, "b": 100, "c": 100}
    result = send(sizes, {"a": Limits(Rate(2, 1))}, route=Limits(Rate(20, 1), 10))
    arrivals = sorted(t for counts in result.counts.values() for t in counts.arrivals)
    most = max(sum(at <= t < at + 1 - 1e-6 for t in arrivals) for at in arrivals)
    assert most <= 21
    assert result.finish["b"] <= 12


@pytest.mark.parametrize("connections", [1, 3, 10])
def test_connections_are_exact(connections: int) -> None:
    receiver = Receiver(connect_s=0.1, connections=connections, reply_spread_s=0.1)
    result = send(
        {"a": 600, "b": 600},
        {"a": Limits(connections=connections, messages_per_connection=20)},
        {"a": receiver},
    )
    assert result.counts["a"].peak == connections
    assert result.counts["a"].turned_away == 0
    assert result.states == {ACCEPTED: 1_200}


def test_the_routes_connections_are_exact() -> None:
    result = send({"a": 300, "b": 300, "c": 300}, {}, route=Limits(connections=4))
    opened = sorted((at, 1) for counts in result.counts.values() for at, _ in counts.connects)
    assert max(counts.peak for counts in result.counts.values()) <= 4
    assert opened
    assert result.states == {ACCEPTED: 900}


def test_a_deferred_recipient_never_blocks_its_lane() -> None:
    grey = {"a": Receiver(greylisted=0.2, greylist_s=300.0)}
    limits = {"a": Limits(Rate(10, 1), 5)}
    result = send({"a": 600}, limits, grey)
    first_tries = sorted(result.counts["a"].arrivals)[:600]
    assert first_tries[-1] == pytest.approx(59.9, abs=1.0), "those not deferred went on"
    assert result.states == {ACCEPTED: 600}
    retried = [t for t in result.counts["a"].took_at if t > 100]
    assert 80 < len(retried) < 160
    assert all(300 <= t <= 420 for t in retried), "asked for 300 seconds, given that and jitter"


def test_an_unknown_user_is_refused_once() -> None:
    result = send({"a": 400}, {}, {"a": Receiver(unknown=0.1)})
    assert result.states[DeliveryState.REFUSED] + result.states[ACCEPTED] == 400
    assert len(result.counts["a"].arrivals) == 400


def test_what_is_given_up_ends_expired() -> None:
    never = Mood(0.0, float("inf"), Reply(451, "4.3.0", "4.3.0 not today"))
    result = send({"a": 20, "b": 20}, {}, {"a": Receiver(moods=(never,))})
    assert result.states == {DeliveryState.EXPIRED: 20, ACCEPTED: 20}
    assert 3.5 * 86_400 < result.elapsed < 4.2 * 86_400
    assert result.finish["b"] < 5


def test_a_halt_takes_effect_within_a_second() -> None:
    async def halt(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(10.0)
        ledger.set_state("m-1", MailingState.HALTED, clock.wall(), "enough")

    limits = {"a": Limits(Rate(20, 1), 4)}
    result = send({"a": 1_000, "b": 500}, limits, meddle=halt)
    assert mailing_state(result.ledger) is MailingState.HALTED
    assert max(result.counts["a"].arrivals) < 11.0
    assert result.states.keys() == {ACCEPTED, DeliveryState.READY}
    assert result.states[ACCEPTED] == len(result.taken)


def test_a_halted_mailing_goes_on_where_it_stopped() -> None:
    async def halt(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(10.0)
        ledger.set_state("m-1", MailingState.HALTED, clock.wall(), "enough")

    limits = {"a": Limits(Rate(20, 1), 4)}
    first = send({"a": 600}, limits, meddle=halt)
    first.ledger.set_state("m-1", MailingState.SENDING, 1_800_001_000.0)
    second = send({"a": 600}, limits, ledger=first.ledger)
    assert second.states == {ACCEPTED: 600}
    assert not set(first.taken) & set(second.taken)
    assert mailing_state(second.ledger) is MailingState.DONE


def test_stopping_leaves_nothing_in_doubt() -> None:
    async def stop(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(5.0)
        one.stop()

    result = send({"a": 1_000}, {"a": Limits(Rate(20, 1), 4)}, meddle=stop)
    assert result.states.keys() == {ACCEPTED, DeliveryState.READY}
    assert result.elapsed < 6.0, "it ended within the time of one reply"


def test_two_mailings_share_a_lane() -> None:
    """Sent together, both advance; the lane's limit holds over both."""

    ledger = MemoryLedger()
    put_audience(ledger, {"a": 300})
    ledger_samples.mailing(ledger)
    ledger_samples.mailing(ledger, name="m-2")
    middle: list[int] = []

    async def look(clock: VirtualClock, record: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(15.0)
        for name in ("m-1", "m-2"):
            middle.append(ledger_samples.totals(record, name).get(ACCEPTED, 0))

    result = send({}, {"a": Limits(Rate(10, 1), 5)}, ledger=ledger, meddle=look)
    assert result.counts["a"].most_in(1.0) <= 11
    assert abs(middle[0] - middle[1]) <= 10 and min(middle) > 60
