"""The clock that jumps."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from severally.sim.clock import Stuck, VirtualClock, run_virtually


def test_a_day_takes_no_time() -> None:
    async def main(clock: VirtualClock) -> tuple[float, float]:
        await clock.sleep_until(86_400.0)
        return clock.monotonic(), clock.wall()

    began = time.monotonic()
    monotonic, wall = run_virtually(main)
    assert time.monotonic() - began < 5
    assert monotonic == pytest.approx(86_400.0)
    assert wall == pytest.approx(1_800_086_400.0)


def test_what_is_due_first_happens_first_and_ties_as_asked() -> None:
    async def main(clock: VirtualClock) -> list[int]:
        seen: list[int] = []

        async def sleeper(number: int, until: float) -> None:
            await clock.sleep_until(until)
            seen.append(number)

        await asyncio.gather(sleeper(1, 3.0), sleeper(2, 1.0), sleeper(3, 2.0), sleeper(4, 2.0))
        return seen

    assert run_virtually(main) == [2, 3, 4, 1]


def test_the_same_run_twice_is_the_same_to_the_last_bit() -> None:
    async def main(clock: VirtualClock) -> list[tuple[int, float]]:
        rng = random.Random(5)
        seen: list[tuple[int, float]] = []

        async def walker(number: int) -> None:
            for _ in range(20):
                await asyncio.sleep(rng.random())
                seen.append((number, clock.monotonic()))

        await asyncio.gather(*(walker(number) for number in range(20)))
        return seen

    assert run_virtually(main) == run_virtually(main)


def test_a_deadlock_is_said_at_once() -> None:
    async def main(clock: VirtualClock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="deadlock"):
        run_virtually(main)


def test_setting_the_clock_leaves_monotonic_alone() -> None:
    async def main(clock: VirtualClock) -> tuple[float, float]:
        await clock.sleep_until(10.0)
        before = clock.wall()
        clock.ahead -= 3600.0
        return clock.monotonic(), clock.wall() - before

    assert run_virtually(main) == (pytest.approx(10.0), pytest.approx(-3600.0))
