"""Counting as a receiver counts: messages in a sliding window, connections at once."""

from __future__ import annotations

from collections import deque


class WindowCounter:
    """Events in any closed window of `unit_s` seconds. Times must not go back."""

    def __init__(self, unit_s: float) -> None:
        self.most = 0
        self._unit_s = unit_s
        self._times: deque[float] = deque()

    def add(self, at: float) -> int:
        """One event; how many there are now in the window that ends with it."""
        times = self._times
        times.append(at)
        earliest = at - self._unit_s
        while times[0] < earliest:
            times.popleft()
        self.most = max(self.most, len(times))
        return len(times)


class Gauge:
    """How many there are now, and the most there ever were."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0

    def up(self) -> int:
        """One more."""
        self.now += 1
        self.most = max(self.most, self.now)
        return self.now

    def down(self) -> None:
        """One less."""
        self.now -= 1
