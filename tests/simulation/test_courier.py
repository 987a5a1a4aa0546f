"""Urgent messages over two routes in every mood: one way or the other each comes to its end."""

from __future__ import annotations

import pytest
from tests.urgent_world import LASTS_S, Office, with_courier

from severally.ledger.memory import MemoryLedger
from severally.model.delivery import DeliveryState
from severally.model.lane import Limits, Rate
from severally.model.urgent import KeyScope
from severally.pace.breaker import MOST_S, Condition

_D = DeliveryState


def test_a_message_goes_out_by_the_first_route() -> None:
    async def test(office: Office) -> None:
        office.ask(1)
        await office.after(1)
        assert office.state(1) is _D.ACCEPTED
        assert office.first.taken == [1] and office.second.tried == []
        assert office.story(1) == [("accepted", ""), ("attempting", "first"), ("accepted", "first")]
        assert office.ended == [(1, _D.ACCEPTED, "first", pytest.approx(0.01))]

    with_courier(test)


@pytest.mark.parametrize(
    "mood",
    ["down", "hanging", "deaf", "greets_badly", "garbage", "breaking", "refusing", "later"],
)
def test_each_goes_out_by_the_second_route_within_35_s(mood: str) -> None:
    async def test(office: Office) -> None:
        office.first.mood = mood
        for number in range(1, 101):
            office.ask(number)
            await office.after(0.5)
        await office.after(35)
        assert sorted(office.second.taken) == list(range(1, 101))
        assert all(route == "second" for _, _, route, _ in office.ended)
        assert max(seconds for *_, seconds in office.ended) <= 35

    with_courier(test)


@pytest.mark.parametrize("mood", ["down", "hanging", "deaf", "greets_badly", "garbage", "breaking"])
def test_back_to_the_first_route_when_it_is_well(mood: str) -> None:
    async def test(office: Office) -> None:
        office.first.mood = mood
        for number in range(1, 30):
            office.ask(number)
            await office.after(1)
        way = office.courier.ways[0]
        assert way.breaker.condition is not Condition.WELL
        tried = len(office.first.tried)
        office.first.mood = "well"
        await office.after(MOST_S + 6)
        office.ask(100)
        await office.after(1)
        office.ask(101)
        await office.after(1)
        assert way.breaker.condition is Condition.WELL
        assert office.first.taken[-1] == 101
        assert len(office.first.tried) <= tried + 2

    with_courier(test)


def test_slow_is_not_down() -> None:
    async def test(office: Office) -> None:
        office.first.mood = "slow"
        office.ask(1)
        await office.after(5)
        assert office.first.taken == [1] and office.second.tried == []

    with_courier(test)


def test_nobody_there_is_the_end_of_it() -> None:
    async def test(office: Office) -> None:
        office.first.mood = "no_such"
        office.ask(1)
        await office.after(100)
        assert office.state(1) is _D.REFUSED
        assert office.second.tried == []
        assert office.courier.ways[0].breaker.condition is Condition.WELL

    with_courier(test)


def test_refused_by_every_route_is_refused() -> None:
    async def test(office: Office) -> None:
        office.first.mood = office.second.mood = "refusing"
        office.ask(1)
        await office.after(100)
        assert office.state(1) is _D.REFUSED
        assert office.first.tried == office.second.tried == [1]

    with_courier(test)


@pytest.mark.parametrize("mood", ["down", "later", "deaf"])
def test_tried_until_it_expires_and_then_not_sent(mood: str) -> None:
    async def test(office: Office) -> None:
        office.first.mood = office.second.mood = mood
        office.ask(1)
        await office.after(LASTS_S + 60)
        assert office.state(1) is _D.EXPIRED
        attempts = [what for what, _ in office.story(1)].count("deferred")
        assert attempts >= 15
        office.first.mood = "well"
        await office.after(100)
        assert office.first.taken == []

    with_courier(test)


def test_it_arrives_as_soon_as_a_route_is_back() -> None:
    async def test(office: Office) -> None:
        office.first.mood = office.second.mood = "down"
        office.ask(1)
        await office.after(300)
        assert office.state(1) in (_D.DEFERRED, _D.CLAIMED)
        office.second.mood = "well"
        await office.after(MOST_S + 70)
        assert office.state(1) is _D.ACCEPTED

    with_courier(test)


def test_not_before_its_time() -> None:
    async def test(office: Office) -> None:
        office.ask(1, due=office.clock.wall() + 50)
        await office.after(49)
        assert office.first.tried == []
        await office.after(2)
        assert office.first.taken == [1]
        assert office.ended[0][3] <= 1

    with_courier(test)


def test_a_test_key_sends_nothing() -> None:
    async def test(office: Office) -> None:
        office.ask(1, scope=KeyScope.TEST)
        await office.after(1)
        assert office.state(1) is _D.ACCEPTED
        assert office.first.tried == []

    with_courier(test)


def test_a_crash_is_made_good_with_the_same_bytes() -> None:
    ledger = MemoryLedger()

    async def crash(office: Office) -> None:
        office.first.mood = office.second.mood = "deaf"
        office.ask(1, 2, 3, 4)
        await office.after(1)

    async def after(office: Office) -> None:
        await office.after(1)
        assert sorted(office.first.taken) == [1, 2, 3, 4]
        doubts = {n: ("in_doubt", "first") in office.story(n) for n in (1, 2, 3, 4)}
        assert doubts == {1: True, 2: True, 3: True, 4: False}  # the fourth had no connection yet

    with_courier(crash, ledger=ledger)
    with_courier(after, ledger=ledger)


def test_a_flood_is_told_in_one() -> None:
    async def test(office: Office) -> None:
        for number in range(1, 101):
            office.ask(number, person=b"p" * 16)
            await office.after(0.6)
        assert sorted(office.first.taken) == [1, 2, 3]
        await office.after(10)
        assert len(office.first.taken) == 4
        assert office.state(50) is _D.WITHDRAWN

    with_courier(test)


def test_its_own_share_of_connections_and_rate() -> None:
    async def test(office: Office) -> None:
        began = office.clock.monotonic()
        office.ask(*range(1, 101))
        while len(office.first.taken) < 100:
            await office.after(0.1)
        assert office.first.peak <= 2
        assert office.clock.monotonic() - began >= 9.9

    with_courier(test, limits=Limits(Rate(10, 1), 2))


def test_settling_leaves_nothing_in_hand() -> None:
    async def test(office: Office) -> None:
        office.ask(*range(1, 51))
        await office.courier.settle()
        assert {office.state(n) for n in range(1, 51)} == {_D.ACCEPTED}

    with_courier(test)
