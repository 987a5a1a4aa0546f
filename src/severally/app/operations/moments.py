"""`--until` and `--by`: a moment as a person writes it. Reads the clock only through `now`."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from severally.model.errors import UsageError

_AHEAD = re.compile(r"\+([0-9]{1,6})(s|m|min|h|d)")
_TODAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def moment(text: str | None, now: float | None = None, option: str = "--until") -> float | None:
    """Unix seconds of `2026-12-01T12:00:00Z`, `+2h` or `12:30` (local time, the next one).

    Raises UsageError for anything else and for what has passed.
    """
    if text is None:
        return None
    now = time.time() if now is None else now
    if ahead := _AHEAD.fullmatch(text):
        return now + int(ahead[1]) * _UNITS[ahead[2]]
    if today := _TODAY.fullmatch(text):
        return _next(int(today[1]), int(today[2]), now)
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no time; write 2026-12-01T12:00:00Z, 12:30 or +2h"
        ) from None
    if then.tzinfo is None:
        raise UsageError(f"{option} {text!r} has no time zone; end it with Z or +01:00")
    if then.timestamp() <= now:
        raise UsageError(f"{option} {text!r} has passed already")
    return then.timestamp()


def _next(hour: int, minute: int, now: float) -> float:
    local = datetime.fromtimestamp(now).astimezone()
    then = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if then <= local:
        then += timedelta(days=1)
    return then.timestamp()
