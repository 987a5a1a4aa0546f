"""When a mailing may leave: a start, hours of the day where each recipient is, a deadline."""

from __future__ import annotations

import re

import msgspec

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEXT = re.compile(r"(?:(\S+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAY_MIN = 24 * 60
ALWAYS = "always"


class Window(msgspec.Struct, frozen=True):
    """Hours in which mail may leave, in the recipient's own time zone.

    `days`: those on which it opens, 0 for Monday. `opens`, `closes`: minutes of the day; a window
    that closes at or before it opens does so on the next day.
    """

    days: tuple[int, ...]
    opens: int
    closes: int

    @property
    def overnight(self) -> bool:
        """Whether it closes on the day after."""
        return self.closes <= self.opens

    def __str__(self) -> str:
        hours = f"{_clock(self.opens)}-{_clock(self.closes)}"
        return hours if len(self.days) == len(_DAYS) else f"{_spoken(self.days)} {hours}"


class Schedule(msgspec.Struct, frozen=True):
    """A mailing's times, in Unix seconds; 0.0 for none. Nothing leaves before `start`; `by` is
    when everybody should be told, which stops nothing."""

    start: float = 0.0
    by: float = 0.0
    window: Window | None = None


def parse_window(text: str) -> Window | None:
    """Read `09:00-18:00`, `mon-fri 09:00-18:00`, `sat,sun 10:00-12:00`, `22:00-06:00` (into the
    next day); `always` means no window. Raises ValueError with the reason."""
    if text.strip() == ALWAYS:
        return None
    match = _TEXT.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no window; write 09:00-18:00 or mon-fri 09:00-18:00")
    opens, closes = _minutes(match[2], match[3]), _minutes(match[4], match[5])
    if opens in (_DAY_MIN, closes):
        raise ValueError(f"{text!r} is open at no time; for the whole day write 00:00-24:00")
    return Window(_days(match[1], text), opens, closes)


def _minutes(hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > _DAY_MIN:
        raise ValueError(f"{hours}:{minutes} is no time of the day; from 00:00 to 24:00")
    return total


def _days(text: str | None, whole: str) -> tuple[int, ...]:
    if text is None:
        return tuple(range(len(_DAYS)))
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise ValueError(f"{whole!r}: {part!r} is no day; days are {', '.join(_DAYS)}")
        at, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update(each % 7 for each in range(at, end + 1 + (7 if end < at else 0)))
    return tuple(sorted(days))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _spoken(days: tuple[int, ...]) -> str:
    """`mon-fri` where they follow one another, else `mon,wed`."""
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{_DAYS[days[0]]}-{_DAYS[days[-1]]}"
    return ",".join(_DAYS[day] for day in days)
