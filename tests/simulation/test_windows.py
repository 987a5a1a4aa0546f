"""Sending windows and starts: the sending loop keeps them, and the plan says when it will end."""

from __future__ import annotations

import random
import zoneinfo
from collections.abc import Sequence
from datetime import datetime

import msgspec
import pytest
from tests.virtual import EXACT, Result, crash, put_scheduled, send

from severally.deliver.sending import Deliverer
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import DeliveryState
from severally.model.lane import Lane, Limits, Rate
from severally.model.mailing import MailingState
from severally.model.outcome import Reply
from severally.model.schedule import Schedule, parse_window
from severally.pace.bounds import Assumptions
from severally.pace.calendar import Hours
from severally.pace.plan import plan
from severally.ports import Ledger
from severally.sim.clock import VirtualClock
from severally.sim.virtual import Mood, Receiver

BEGAN = 1_800_000_000.0  # Friday 15 January 2027, 08:00 UTC
ZONES = ("Europe/Berlin", "Asia/Tokyo", "America/New_York")
SIZES = {"a": 300, "b": 900}
LIMITS = {"a": Limits(Rate(60, 3600), 2), "b": Limits(Rate(300, 3600), 4)}
DAYTIME = Schedule(window=parse_window("mon-fri 09:00-17:00"))
SLOW = msgspec.structs.replace(EXACT, poll_s=60.0, progress_s=600.0)


def _zones(ledger: Ledger) -> dict[int, str]:
    return {
        delivery: cohort.zone
        for cohort in ledger.cohorts("m-1")
        for delivery in range(cohort.first, cohort.last + 1)
    }


def _check(result: Result, times: Schedule, ahead: float = BEGAN) -> None:
    """Nobody was written to outside their hours; everybody was."""
    zones = _zones(result.ledger)
    hours = {zone: Hours(times, zone) for zone in set(zones.values())}
    for counts in result.counts.values():
        for delivery, at in zip(counts.taken, counts.took_at, strict=True):
            assert hours[zones[delivery]].open(ahead + at), f"{zones[delivery]} at {at}"


@pytest.mark.parametrize(
    "times",
    [
        DAYTIME,
        Schedule(window=parse_window("22:00-06:00")),
        Schedule(start=BEGAN + 5_400),
        Schedule(start=BEGAN + 40_000, window=parse_window("12:00-13:00")),
    ],
    ids=["daytime", "overnight", "start", "both"],
)
def test_the_plan_ends_when_the_sending_does(times: Schedule) -> None:
    ledger = MemoryLedger()
    zones: Sequence[str] = ZONES if times.window else ("",)
    put_scheduled(ledger, SIZES, times, zones)
    result = send(SIZES, LIMITS, {name: Receiver() for name in SIZES}, settings=SLOW, ledger=ledger)
    assert result.states == {DeliveryState.ACCEPTED: 1_200}
    _check(result, times)
    lanes = {f"main/{name}": Lane("main", name, limits) for name, limits in LIMITS.items()}
    cohorts = [(f"main/{c.receiver}", c.id, c.count) for c in ledger.cohorts("m-1")]
    hours = {c.id: Hours(times, c.zone) for c in ledger.cohorts("m-1")}
    planned = plan(
        lanes,
        {"main": Limits()},
        cohorts,
        Assumptions(),
        SLOW.pacing,
        random.Random(0),
        hours=hours,
        began=BEGAN,
    )
    for lane in planned.lanes:
        assert lane.finish_s == pytest.approx(result.finish[lane.lane[-1]], rel=0.01)
    coarse = plan(
        lanes,
        {"main": Limits()},
        cohorts,
        Assumptions(),
        SLOW.pacing,
        random.Random(0),
        hours=hours,
        began=BEGAN,
        units=150,
    )
    assert coarse.makespan_s == pytest.approx(planned.makespan_s, rel=0.02)


def test_a_crash_a_halt_and_a_clock_set_in_the_night_change_nothing() -> None:
    """Taken up again, it keeps the same hours; who was put off is tried within them."""
    ledger = MemoryLedger()
    put_scheduled(ledger, SIZES, DAYTIME, ZONES)
    busy = Receiver(greylisted=0.3, greylist_s=300.0, moods=(Mood(0.0, 3_000.0, Reply(0)),))
    receivers = {"a": busy, "b": Receiver(connect_s=40.0, reply_s=20.0)}

    async def night(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(50_000.0)
        crash(one)

    first = send(SIZES, LIMITS, receivers, settings=SLOW, ledger=ledger, meddle=night)
    _check(first, DAYTIME)
    assert 0 < first.states[DeliveryState.ACCEPTED] < 1_200

    async def halt(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(1_000.0)
        ledger.set_state("m-1", MailingState.HALTED, clock.wall(), "a person")

    second = send(SIZES, LIMITS, receivers, settings=SLOW, ledger=ledger, meddle=halt)
    _check(second, DAYTIME)
    ledger.set_state("m-1", MailingState.SENDING, BEGAN)

    async def set_clock(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        await clock.sleep_until(2_000.0)
        clock.ahead += 12 * 3600.0
        await clock.sleep_until(9_000.0)
        clock.ahead -= 12 * 3600.0

    third = send(SIZES, LIMITS, receivers, settings=SLOW, ledger=ledger, meddle=set_clock)
    left = third.states.get(DeliveryState.ACCEPTED, 0) + third.states.get(DeliveryState.IN_DOUBT, 0)
    assert left == 1_200 and ledger.mailing("m-1").state is MailingState.DONE
    zones = _zones(ledger)
    hours = {zone: Hours(DAYTIME, zone) for zone in ZONES}
    for counts in third.counts.values():
        for delivery, at in zip(counts.taken, counts.took_at, strict=True):
            wall = BEGAN + at + (12 * 3600.0 if 2_000.0 <= at < 9_000.0 else 0.0)
            # what left within its hours may be taken a reply's time after them
            assert hours[zones[delivery]].open(wall) or hours[zones[delivery]].open(wall - 25.0)


def test_whoever_watches_is_told_who_waits_for_the_morning() -> None:
    ledger = MemoryLedger()
    put_scheduled(ledger, {"a": 30}, DAYTIME, ("America/New_York",))
    result = send({"a": 30}, {}, settings=SLOW, ledger=ledger, until=600.0)
    lane = result.pictures[0].lanes[0]
    assert lane.asleep == 30
    opens = datetime.fromtimestamp(BEGAN + lane.opens_s, zoneinfo.ZoneInfo("America/New_York"))
    assert (opens.hour, opens.minute) == (9, 0)
