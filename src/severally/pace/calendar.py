"""Which cohorts may leave now, and when that changes: windows in time zones, a start.

Pure: times are Unix seconds and passed in. Responsible for days on which the clocks change, and for
clocks that somebody sets. Not for what it means that a cohort may not leave.
"""

from __future__ import annotations

import heapq
import math
import zoneinfo
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Generic, TypeVar

from severally.model.schedule import Schedule, Window

K = TypeVar("K", bound=Hashable)
ALIKE_DAYS = 400
"""Zones whose windows open and close at the same moments for so long are one to pacing."""


class Hours:
    """One zone's open hours. `zone` is an IANA name; it does not matter without a window."""

    def __init__(self, schedule: Schedule, zone: str = "") -> None:
        self._start = schedule.start
        self._window = schedule.window
        self._zone = zoneinfo.ZoneInfo(zone or "UTC")
        self._since = self._until = math.inf
        self._open = False

    def open(self, now: float) -> bool:
        """Whether mail may leave now."""
        self._look(now)
        return self._open

    def until(self, now: float) -> float:
        """When that changes; infinity for never."""
        self._look(now)
        return self._until

    def next_open(self, now: float) -> float:
        """When mail may leave at the earliest: now, or later."""
        return now if self.open(now) else self._until

    def _look(self, now: float) -> None:
        if self._since <= now < self._until:
            return
        self._since, self._until, self._open = self._span(now)

    def _span(self, now: float) -> tuple[float, float, bool]:
        """The stretch that `now` lies in: from (as far as is known), until, whether it is open."""
        if self._window is None:
            if now < self._start:
                return -math.inf, self._start, False
            return self._start, math.inf, True
        closed = max(now, self._start)
        day = datetime.fromtimestamp(closed, self._zone).date() - timedelta(days=2)
        while True:
            if span := _open_on(day, self._window, self._zone):
                opens, closes = max(span[0], self._start), span[1]
                if opens <= now < closes:
                    return opens, closes, True
                if closes > opens > now:
                    return now, opens, False
            day += timedelta(days=1)


def _open_on(day: date, window: Window, zone: zoneinfo.ZoneInfo) -> tuple[float, float] | None:
    """When the window of this local day opens and closes; None where it does not.

    Where the clocks change within the very minute it is inside on both readings of a time that
    comes twice, and beyond one that never comes.
    """
    if day.weekday() not in window.days:
        return None
    opens = max(_moments(day, window.opens, zone))
    closes = min(_moments(day + timedelta(days=window.overnight), window.closes, zone))
    return (opens, closes) if closes > opens else None


def _moments(day: date, minutes: int, zone: zoneinfo.ZoneInfo) -> tuple[float, float]:
    """Both readings of a local time, which differ only where the clocks change."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes)
    return local.replace(fold=0).timestamp(), local.replace(fold=1).timestamp()


def zone_groups(window: Window | None, now: float) -> Callable[[str], str]:
    """Zone -> the one that stands for it: the first seen whose windows are at the same moments
    for `ALIKE_DAYS` from `now`. Empty for everybody without a window."""
    if window is None:
        return lambda zone: ""
    first: dict[tuple[tuple[float, float] | None, ...], str] = {}
    known: dict[str, str] = {}
    begin = datetime.fromtimestamp(now, UTC).date() - timedelta(days=2)
    days = [begin + timedelta(days=number) for number in range(ALIKE_DAYS)]

    def stands_for(zone: str) -> str:
        if zone not in known:
            place = zoneinfo.ZoneInfo(zone)
            known[zone] = first.setdefault(
                tuple(_open_on(day, window, place) for day in days), zone
            )
        return known[zone]

    return stands_for


class Calendar(Generic[K]):
    """Keys and their hours. `changed` says which opened or closed since it was last asked."""

    def __init__(self) -> None:
        self._hours: dict[K, Hours] = {}
        self._open: dict[K, bool] = {}
        self._next: list[tuple[float, int, K]] = []
        self._count = 0
        self._last = -math.inf

    def watch(self, key: K, hours: Hours, now: float) -> bool:
        """Keep an eye on this key from now on; whether it is open."""
        self._hours[key] = hours
        self._open[key] = hours.open(now)
        self._last = max(self._last, now)
        self._remember(key, now)
        return self._open[key]

    def forget(self, keys: Iterable[K]) -> None:
        """They are watched no longer."""
        for key in keys:
            self._hours.pop(key, None)
            self._open.pop(key, None)

    def changed(self, now: float) -> Mapping[K, bool]:
        """Those that are open now and were not, or the other way."""
        if now < self._last:  # somebody set the clock
            self._next.clear()
            for key in self._hours:
                self._remember(key, -math.inf)
        self._last = now
        found: dict[K, bool] = {}
        while self._next and self._next[0][0] <= now:
            key = heapq.heappop(self._next)[2]
            if key not in self._hours:
                continue
            is_open = self._hours[key].open(now)
            if is_open != self._open[key]:
                self._open[key] = found[key] = is_open
            self._remember(key, now)
        return found

    def next_change(self) -> float:
        """When `changed` has to be asked again (Unix), or infinity."""
        return self._next[0][0] if self._next else math.inf

    def _remember(self, key: K, now: float) -> None:
        when = self._hours[key].until(now) if now > -math.inf else now
        if when < math.inf:
            self._count += 1
            heapq.heappush(self._next, (when, self._count, key))
