"""A lane: route x source address x receiving provider, the unit of pacing."""

from __future__ import annotations

import re

import msgspec

UNITS = {"s": 1, "sec": 1, "min": 60, "h": 3600}


class Rate(msgspec.Struct, frozen=True):
    """So many messages in a unit of time, evenly spaced, no burst. `unit_s` is in seconds."""

    count: int
    unit_s: int

    @property
    def spacing(self) -> float:
        """Seconds from one message to the next."""
        return self.unit_s / self.count

    def __str__(self) -> str:
        unit = {1: "s", 60: "min", 3600: "h"}.get(self.unit_s, f"{self.unit_s}s")
        return f"{self.count}/{unit}"


def parse_rate(text: str) -> Rate | None:
    """Read `600/min`, `5/s`, `1000/h`; `0` means no limit. Raises ValueError with the reason."""
    if text.strip() == "0":
        return None
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*/\s*(s|sec|min|h)\s*", text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a rate; write for example 600/min, 5/s, 1000/h or 0")
    return Rate(int(match[1]), UNITS[match[2]])


class Limits(msgspec.Struct, frozen=True):
    """What may be done on a lane or route at most. None means no limit of its own.

    `batch`: messages that a route hands over together, in one request, which counts as its
    messages: in any window of a rate there are no more than it says and one request.
    """

    rate: Rate | None = None
    connections: int | None = None
    messages_per_connection: int | None = None
    batch: int | None = None


class Lane(msgspec.Struct, frozen=True):
    """One lane. `source` is the source address of a direct route, empty for a relay.

    `receiver` is the id of a receiving provider (`google`), or a domain, or `other`.
    """

    route: str
    receiver: str
    limits: Limits
    source: str = ""

    @property
    def key(self) -> str:
        """Its name in reports and state: `main/google`."""
        return (
            f"{self.route}/{self.source}/{self.receiver}"
            if self.source
            else (f"{self.route}/{self.receiver}")
        )


class Grant(msgspec.Struct, frozen=True, gc=False):
    """A decision of `pace`: `count` messages of this cohort on this lane.

    The k-th may leave at `at + k * spacing` (seconds of the clock that was passed in), and
    all of them before `until`.
    """

    lane: str
    cohort: int
    count: int
    at: float
    spacing: float
    until: float
