"""Windows in every time zone: open exactly within the local hours, days of change included."""

from __future__ import annotations

import math
import zoneinfo
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from severally.model.schedule import Schedule, Window, parse_window
from severally.pace.calendar import Calendar, Hours, zone_groups

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns",
    "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "Asia/Tokyo", "America/Santiago",
)  # fmt: skip
zones = st.sampled_from(ZONES)
moments = st.integers(1_750_000_000, 1_850_000_000).map(float)  # 2025 to 2028
minutes = st.integers(0, 24 * 60 - 1)
windows = st.builds(
    Window,
    st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    minutes,
    minutes,
).filter(lambda window: window.opens != window.closes)


def _inside(window: Window, zone: str, now: float) -> bool:
    """What a clock on the wall there says."""
    local = datetime.fromtimestamp(now, zoneinfo.ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    today = local.weekday()
    if not window.overnight:
        return today in window.days and window.opens <= minute < window.closes
    began_today = today in window.days and minute >= window.opens
    return began_today or ((today - 1) % 7 in window.days and minute < window.closes)


@given(windows, zones, moments)
def test_it_is_open_only_within_the_local_hours(window: Window, zone: str, now: float) -> None:
    hours = Hours(Schedule(window=window), zone)
    if hours.open(now):
        assert _inside(window, zone, now)
    elif _inside(window, zone, now):
        day = [datetime.fromtimestamp(now + h * 3600, zoneinfo.ZoneInfo(zone)) for h in (-30, 30)]
        assert day[0].utcoffset() != day[1].utcoffset(), "only where the clocks change"


@given(windows, zones, moments)
def test_it_says_when_that_changes(window: Window, zone: str, now: float) -> None:
    hours = Hours(Schedule(window=window), zone)
    is_open, until = hours.open(now), hours.until(now)
    assert now < until < now + 9 * 86_400
    halfway, close_to = (now + until) / 2, until - 0.001
    assert all(Hours(Schedule(window=window), zone).open(t) is is_open for t in (halfway, close_to))
    assert hours.next_open(now) == (now if is_open else until)
    assert Hours(Schedule(window=window), zone).open(hours.next_open(now))


@given(windows, zones, moments, st.integers(-864_000, 864_000))
def test_nothing_leaves_before_the_start(window: Window, zone: str, now: float, ahead: int) -> None:
    schedule = Schedule(start=now + ahead, window=window)
    hours, plain = Hours(schedule, zone), Hours(Schedule(window=window), zone)
    assert hours.open(now) == (plain.open(now) and ahead <= 0)
    assert hours.next_open(now) >= schedule.start or ahead <= 0
    assert Hours(Schedule(start=now + ahead)).next_open(now) == max(now, now + ahead)


@settings(max_examples=40)
@given(windows, st.lists(zones, min_size=1), moments, st.lists(st.floats(-90_000, 90_000)))
def test_a_calendar_knows_who_is_open_whatever_the_clock_does(
    window: Window, places: list[str], now: float, steps: list[float]
) -> None:
    calendar: Calendar[int] = Calendar()
    schedule = Schedule(window=window)
    seen = {key: calendar.watch(key, Hours(schedule, zone), now) for key, zone in enumerate(places)}
    for step in steps:
        due = calendar.next_change()
        if step > 0 and now + step < due:
            assert not calendar.changed(now + step), "nothing changes before it is said to"
        now += step
        seen |= calendar.changed(now)
        assert seen == {k: Hours(schedule, zone).open(now) for k, zone in enumerate(places)}
    calendar.forget(range(len(places)))
    assert not calendar.changed(now + 1e6)


@settings(max_examples=8)
@given(windows, moments)
def test_zones_are_one_only_where_their_windows_are(window: Window, now: float) -> None:
    group = zone_groups(window, now)
    for zone in ("Europe/Berlin", "Europe/Paris", "Africa/Casablanca", "Asia/Tokyo", "Asia/Seoul"):
        mine, theirs = (
            Hours(Schedule(window=window), zone),
            Hours(Schedule(window=window), group(zone)),
        )
        for ahead in (0.0, 40 * 86_400.0, 190 * 86_400.0, 350 * 86_400.0):
            assert mine.until(now + ahead) == theirs.until(now + ahead)
    assert zone_groups(None, now)("Europe/Berlin") == ""


def test_the_clocks_change_in_berlin() -> None:
    berlin = Hours(Schedule(window=parse_window("02:15-05:00")), "Europe/Berlin")
    spring = datetime(2026, 3, 29, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).timestamp()
    # 02:15 does not exist that night: 03:15 summer time is the same moment
    assert berlin.next_open(spring) - spring == 2 * 3600 + 15 * 60
    autumn = datetime(2026, 10, 25, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).timestamp()
    # 02:15 comes twice: from the second on
    assert berlin.next_open(autumn) - autumn == 3 * 3600 + 15 * 60
    assert berlin.until(autumn + 4 * 3600) - autumn == 6 * 3600


@pytest.mark.parametrize(
    ("text", "days", "shown"),
    [
        ("09:00-18:00", (0, 1, 2, 3, 4, 5, 6), "09:00-18:00"),
        ("Mon-Fri 9:00 - 18:00", (0, 1, 2, 3, 4), "mon-fri 09:00-18:00"),
        ("fri-mon 22:00-06:00", (0, 4, 5, 6), "mon,fri,sat,sun 22:00-06:00"),
        ("sat,sun 00:00-24:00", (5, 6), "sat,sun 00:00-24:00"),
    ],
)
def test_a_window_is_read_and_said(text: str, days: tuple[int, ...], shown: str) -> None:
    window = parse_window(text)
    assert window is not None and window.days == days and str(window) == shown
    assert parse_window(shown) == window


@pytest.mark.parametrize(
    "text", ["", "9-18", "09:00-09:00", "25:00-26:00", "09:60-10:00", "24:00-10:00", "xy 1:00-2:00"]
)
def test_what_is_no_window_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|time|day"):
        parse_window(text)


def test_always_is_no_window() -> None:
    assert parse_window("always") is None
    assert Hours(Schedule()).until(0.0) == math.inf
