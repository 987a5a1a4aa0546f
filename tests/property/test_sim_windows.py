"""The world counts exactly: windows and connections at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from severally.sim.windows import Gauge, WindowCounter

TICKS = st.lists(st.integers(0, 200), max_size=60).map(sorted)


@given(TICKS, st.integers(1, 50))
def test_the_peak_is_that_of_every_closed_window(ticks: list[int], unit: int) -> None:
    counter = WindowCounter(unit)
    for tick in ticks:
        counter.add(tick)
    every = [sum(start <= tick <= start + unit for tick in ticks) for start in range(201)]
    assert counter.most == max([0, *every])


@given(TICKS, st.integers(1, 50))
def test_each_count_is_of_the_window_that_ends_there(ticks: list[int], unit: int) -> None:
    counter = WindowCounter(unit)
    for place, tick in enumerate(ticks):
        expected = sum(tick - unit <= other for other in ticks[: place + 1])
        assert counter.add(tick) == expected


@given(st.lists(st.booleans(), max_size=60))
def test_a_gauge_remembers_its_highest(steps: list[bool]) -> None:
    gauge, now, highest = Gauge(), 0, 0
    for up in steps:
        if up:
            now += 1
            highest = max(highest, now)
            assert gauge.up() == now
        elif now:
            now -= 1
            gauge.down()
    assert (gauge.now, gauge.most) == (now, highest)
