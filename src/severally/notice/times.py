"""`[schedule]` in notice.toml: when this notice may leave, and by when it should have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from severally.model.errors import Finding
from severally.model.schedule import Window, parse_window

_KEYS = ("window", "start", "by")


class Times(msgspec.Struct, frozen=True):
    """`window` is UNSET where the notice does not speak of it, None where it says "always".
    `start` and `by` are Unix seconds, 0.0 for none."""

    window: Window | msgspec.UnsetType | None = msgspec.UNSET
    start: float = 0.0
    by: float = 0.0


def read_times(
    table: Mapping[str, str], shown: str, lines: Mapping[str, int], findings: list[Finding]
) -> Times:
    """Problems are added to `findings`."""
    found: dict[str, float] = {"start": 0.0, "by": 0.0}
    window: Window | msgspec.UnsetType | None = msgspec.UNSET
    for key, text in table.items():
        where = f"{shown}:{lines.get(f'schedule.{key}', lines.get('schedule', 1))}"
        try:
            if key == "window":
                window = parse_window(text)
            elif key in found:
                found[key] = _moment(text)
            else:
                raise ValueError(f"there is no such time; write {', '.join(_KEYS)}")
        except ValueError as error:
            findings.append(Finding(where, f"schedule.{key}: {error}", "correct it"))
    if found["by"] and found["by"] <= found["start"]:
        where = f"{shown}:{lines.get('schedule.by', 1)}"
        findings.append(Finding(where, "schedule.by is not after schedule.start", "correct one"))
    return Times(window, found["start"], found["by"])


def _moment(text: str) -> float:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2026-12-01T12:00:00Z") from None
    if then.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; end it with Z or +01:00")
    return then.timestamp()
