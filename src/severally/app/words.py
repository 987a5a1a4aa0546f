"""How numbers, times and rates are written for people."""

from __future__ import annotations

from datetime import UTC, datetime


def number(value: int) -> str:
    """`23,000`."""
    return f"{value:,}"


def rate(per_second: float) -> str:
    """`1,210/s`, `4.8/s`, `12/min`."""
    if per_second >= 10:
        return f"{per_second:,.0f}/s"
    if per_second >= 1 or per_second == 0:
        return f"{per_second:.1f}/s" if per_second else "0/s"
    return f"{per_second * 60:.0f}/min"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`."""
    whole = round(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 2 * 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def moment(unix: float) -> str:
    """`2026-12-01 12:00:00Z`, or `-` for never."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if unix else "-"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 row`, `3 rows`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"
