"""The evenly spaced slots of one limit. Not responsible for who gets them."""

from __future__ import annotations

from severally.model.lane import Rate


def spacing_of(rate: Rate | None, jitter_s: float) -> float:
    """Seconds between slots so that no window of the unit holds more than N + 1 arrivals.

    A message arrives up to `jitter_s` after its slot. A closed window of one unit can then
    hold the slots of `unit + jitter_s` seconds: `(unit + jitter_s) / spacing + 1` of them.
    With `spacing = (unit / N) * (1 + f)` and `f = max(0, jitter_s / unit - 1 / N)` that is
    below N + 2, so N + 1 at most. 0.0 means no limit.
    """
    if rate is None:
        return 0.0
    stretch = max(0.0, jitter_s / rate.unit_s - 1 / rate.count)
    return rate.spacing * (1 + stretch)


class Limiter:
    """Slots `spacing` apart, no burst: what was not used is not made up for."""

    def __init__(self, spacing: float) -> None:
        self.spacing = spacing
        self._next = float("-inf")

    def first(self, now: float) -> float:
        """When the next slot is, at `now` or later."""
        return max(now, self._next)

    def free_until(self, now: float, horizon: float) -> int:
        """How many slots there are from now up to and including `horizon`."""
        first = self.first(now)
        if first > horizon:
            return 0
        if not self.spacing:
            return 1_000_000_000
        return int((horizon - first) / self.spacing + 1e-9) + 1

    def take(self, now: float, count: float) -> float:
        """Use `count` slots; the first of them is returned."""
        first = self.first(now)
        if self.spacing:
            self._next = first + count * self.spacing
        return first
