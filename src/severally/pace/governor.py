"""How fast a lane may go, learned from what its receiver says: rate, connections, silence.

Responsible for closing in on a limit nobody told us, between the highest rate that was clean
and the lowest that was throttled, and for a receiver's published recovery. Never goes above
what is configured. Not responsible for slots: `lane_state` keeps those.
"""

from __future__ import annotations

import math
from collections import deque

SLOW_HOLD_S = 60.0
"""Silence after "slow down" where the receiver names no time (judgement)."""
CUT_GAP_S = 60.0
"""A lane is cut at most once in this time (Momentum cuts at most once per 60 s)."""
FEWER_HOLD_S = 5.0
"""Silence after "too many connections": those that are open can close (judgement)."""
CLEAN_S = 60.0
CLEAN_COUNT = 50
"""A rate is clean after so many accepted over so long without a "slow down" (judgement)."""
RISE = 0.05
"""Share of the ceiling that a clean window adds where no failing rate is known."""
NEAR = 0.08
"""Closer than this below the failing rate nothing more is tried until that is forgotten."""
REMEMBER_S = 3600.0
"""How long a failing rate or number of connections is believed (Momentum: 3,600 s)."""
PAUSE_S = 600.0
"""Silence where the receiver names no time: Gmail asks for 10 minutes after 4.7.28."""
PAUSE_MOST_S = 4 * 3600.0
"""Shorter pauses double up to four hours (Momentum suspends for 4 h at most)."""
MINUTE_S = 60
"""What was taken in the minute before a "slow down" is taken for the limit of a minute: most limits
are written so. Told sooner than after `EVIDENT_S` it may be one of seconds, and half the rate is
thought to fail at the least (judgement)."""
EVIDENT_S = 15.0
UNDER = 0.97
"""So much of what was taken for the limit is used."""
RECOVER_COUNT = 10
"""Accepted messages per connection before one more is added (judgement)."""


class Governor:
    """One lane's. `spacing`: seconds between messages, 0.0 without a limit."""

    def __init__(self, spacing: float, connections: float) -> None:
        self.spacing = spacing
        self.held_until = -math.inf
        self._configured = spacing
        self._most = connections
        self._window = connections
        self._recovering = False
        self._target = connections
        self._pause_s = 0.0
        self._last_cut = -math.inf
        self._clean = 0.0
        self._failed = math.inf
        self._failed_at = -math.inf
        self._failed_window = math.inf
        self._since = math.nan
        self._count = 0
        self._recovered = 0
        self._minute: deque[list[int]] = deque(maxlen=MINUTE_S)

    @property
    def connections(self) -> float:
        """How many connections may carry the lane now; infinite without a limit."""
        return self._window

    @property
    def careful(self) -> bool:
        """One message at a time on each connection: it comes back from silence."""
        return self._recovering

    @property
    def rate(self) -> float:
        """Messages/s it may do now, infinite without a limit."""
        return 1 / self.spacing if self.spacing else math.inf

    def teach(self, now: float, rate: float, connections: float, age_s: float) -> None:
        """What was learned `age_s` ago goes for now: begin there, and close in from there.

        Nothing faster than configured. Infinity for what was not learned.
        """
        if rate < self.rate:
            self._set(rate)
            self._clean = self.rate
            self._failed, self._failed_at = self.rate * (1 + NEAR), now - age_s
        if connections < self._window:
            self._window = connections
            self._failed_window, self._failed_at = connections + 1, now - age_s

    @property
    def learned(self) -> tuple[float, float]:
        """(messages/s, connections) where a receiver said that more is too much, else 0.0."""
        rate = 0.0 if self.spacing <= self._configured else self.rate
        window = self._target if self._recovering else self._window
        return rate, 0.0 if math.isinf(self._failed_window) else window

    # --- good news

    def accepted(self, now: float) -> None:
        """One message was taken. What was in flight when silence began says nothing."""
        if self._silent(now):
            return
        self._pause_s = 0.0
        if self._recovering:
            self._recover()
        if math.isnan(self._since):
            self._since = now
        self._count += 1
        self._note(int(now))
        elapsed = now - self._since
        if elapsed >= CLEAN_S and self._count >= CLEAN_COUNT:
            self._rise(now, self._count / elapsed)
            self._restart()

    def _note(self, second: int) -> None:
        """One more was taken in this second."""
        if self._minute and self._minute[-1][0] == second:
            self._minute[-1][1] += 1
        else:
            self._minute.append([second, 1])

    def _recover(self) -> None:
        """One more connection once each of those there has proved itself."""
        self._recovered += 1
        if self._recovered < RECOVER_COUNT * self._window and self._window > 1:
            return
        self._recovered = 0
        self._window += 1
        if self._window >= self._target:
            self._window = self._target
            self._recovering = False

    def _rise(self, now: float, used: float) -> None:
        """A clean window: remember its rate, try a faster one where it was used in full."""
        if now - self._failed_at > REMEMBER_S:
            self._failed = self._failed_window = math.inf
        if not self._recovering and self._window < min(self._most, self._failed_window - 1):
            self._window += 1
        if not self.spacing or used < 0.8 * self.rate:
            return
        self._clean = max(self._clean, self.rate)
        ceiling = 1 / self._configured if self._configured else math.inf
        if math.isinf(self._failed):
            step = RISE * (self._clean if math.isinf(ceiling) else ceiling)
            self._set(min(ceiling, self.rate + step))
        elif self._failed - self._clean > NEAR * self._failed:
            self._set(min(ceiling, (self._clean + self._failed) / 2))

    # --- bad news

    def slow(self, now: float, pause_s: float) -> None:
        """Silence, then a slower rate. Several replies of one burst are one sign."""
        burst = self._silent(now) or now - self._last_cut < CUT_GAP_S
        if self._silent(now) and self._last_cut < self.held_until:
            return
        self.held_until = max(self.held_until, now + (pause_s or SLOW_HOLD_S))
        if not burst:
            self._last_cut = now
            self._cut(now)
        self._restart()

    def _cut(self, now: float) -> None:
        """Half, or back to the highest rate that was clean where that is near enough."""
        rate = self.rate
        if math.isinf(rate):
            elapsed = now - self._since
            rate = self._count / elapsed if elapsed > 1 else float(max(1, self._count))
        self._failed, self._failed_at = self._taken(now, rate), now
        if self._clean >= self._failed * (1 - NEAR / 2):
            self._clean = 0.0  # what was clean is no longer
        self._set(max(self._clean, min(rate / 2, UNDER * self._failed)))

    def _taken(self, now: float, rate: float) -> float:
        """Messages/s that fail: what was taken in the last minute, where that says something."""
        recent = [each for each in self._minute if now - each[0] <= MINUTE_S]
        if not recent:
            return rate
        taken = sum(count for _, count in recent) / MINUTE_S
        least = 0.0 if now - recent[0][0] >= EVIDENT_S else rate / 2
        return min(rate, max(taken, least))

    def fewer(self, now: float, in_use: float) -> None:
        """Half the connections, one at least; so many are not tried again for an hour."""
        if self._silent(now):
            return
        self.held_until = now + FEWER_HOLD_S
        self._failed_at = now
        in_use = in_use if math.isinf(self._window) else self._window
        self._failed_window = max(2.0, in_use)
        self._window = float(max(1, int(in_use) // 2))
        self._restart()

    def pause(self, now: float, pause_s: float, in_use: float) -> None:
        """Silence; then one connection, then one more at a time (Gmail, 4.7.28).

        A time the receiver publishes is kept as it is, each time; shorter ones double.
        """
        if self._silent(now):
            return
        wait = pause_s or PAUSE_S
        if wait < PAUSE_S:
            wait = self._pause_s = min(max(wait, 2 * self._pause_s), PAUSE_MOST_S)
        self.held_until = now + wait
        if not self._recovering:
            self._target = self._window if not math.isinf(self._window) else self._most
            if math.isinf(self._target):
                self._target = float(max(2, int(in_use)))
        self._begin_recovery()

    def stop(self) -> None:
        """Until a person releases it."""
        self.held_until = math.inf

    def release(self) -> None:
        """A person lets it go on, by one connection first."""
        self.held_until = -math.inf
        if not self._recovering:
            self._target = min(self._window, 1_000_000.0)
        self._begin_recovery()

    def _begin_recovery(self) -> None:
        self._window = 1.0
        self._recovering = True
        self._recovered = 0
        self._restart()

    def _silent(self, now: float) -> bool:
        return now < self.held_until - 1e-5  # floating point: the end of silence is not silent

    def _set(self, rate: float) -> None:
        self.spacing = max(1 / rate, self._configured)

    def _restart(self) -> None:
        self._since = math.nan
        self._count = 0
