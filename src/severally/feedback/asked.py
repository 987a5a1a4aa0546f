"""How long a reply asks us to wait, in its own words."""

from __future__ import annotations

import re

_UNITS = r"(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)\b"
_ASKED = re.compile(
    r"(?:try|retry|come back|wait|again|delay(?:ed)?|gr[ea]y-?list\w*|defer\w*)\b"
    r"[^\d.;]{0,30}\b(\d{1,5})\s?" + _UNITS,
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?:again|come back|wait|retry)\b[^\d.;]{0,20}\b(\d{1,2}):([0-5]\d):([0-5]\d)\b", re.IGNORECASE
)
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_MOST_S = 86_400.0
_CST_S = 8 * 3600


def asked_s(text: str) -> float:
    """Seconds until it may be tried again, or 0.0 where the text names no time.

    `try again in 300 seconds`, `greylisted for 5 minutes`, `come back in 00:04:57`
    (milter-greylist). A day at most.
    """
    if (match := _CLOCK.search(text)) is not None:
        hours, minutes, seconds = (int(part) for part in match.groups())
        return min(float(hours * 3600 + minutes * 60 + seconds), _MOST_S)
    if (match := _ASKED.search(text)) is not None:
        return min(float(match[1]) * _UNIT_S[match[2][0].lower()], _MOST_S)
    return 0.0


def until_midnight_cst(now: float) -> float:
    """Seconds from `now` (Unix) to the next 00:00 UTC+8, when Chinese providers count anew."""
    return 86_400.0 - (now + _CST_S) % 86_400.0
