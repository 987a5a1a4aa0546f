"""A circuit breaker for one route: who may be sent over it, given what came of the last ones.

Pure: `now` is passed in, in seconds of any clock that only goes forwards. Not responsible for
what counts as the route's failure rather than a recipient's.
"""

from __future__ import annotations

import math
from enum import StrEnum

FAILURES = 3
"""So many failures in a row open it (judgement: one can be a connection that went stale)."""
FIRST_S = 2.0
MOST_S = 30.0
"""How long it stays open before a probe: doubling from the first to the most (judgement: urgent
mail should go back to its own route soon, and a probe costs the other side one greeting)."""
STALLED_S = 5.0
"""Something on its way for so long, with nothing answered since it left: the route hangs."""


class Condition(StrEnum):
    """How a route is."""

    WELL = "well"
    DOWN = "down"
    """Nothing is sent over it until a probe succeeds."""
    ON_TRIAL = "on_trial"
    """A probe succeeded: one message at a time, until one is accepted."""


class Breaker:
    """One route's."""

    def __init__(self) -> None:
        self.condition = Condition.WELL
        self._failures = 0
        self._wait = FIRST_S
        self._probe_at = math.inf
        self._under_way: dict[int, float] = {}
        self._answered_at = -math.inf
        self._count = 0

    def allows(self, now: float) -> bool:
        """Whether one more message may be sent over the route now."""
        if self.condition is Condition.WELL:
            return not self.stalled(now)
        return self.condition is Condition.ON_TRIAL and not self._under_way

    def stalled(self, now: float) -> bool:
        """Whether what is under way has been for too long, and nothing was heard meanwhile."""
        oldest = min(self._under_way.values(), default=math.inf)
        return now - max(oldest, self._answered_at) > STALLED_S

    def begin(self, now: float) -> int:
        """One message sets out; what is returned ends it."""
        self._count += 1
        self._under_way[self._count] = now
        return self._count

    def end(self, begun: int, now: float, well: bool) -> None:
        """It came to its end: the route did its part, or it did not."""
        self._under_way.pop(begun, None)
        if well:
            self._succeeded(now)
        else:
            self._failed(now)

    def probe_due(self, now: float) -> bool:
        """Whether to see if the route is back. True once; then `probed` says how it went."""
        if self.condition is Condition.DOWN and now >= self._probe_at:
            self._probe_at = math.inf
            return True
        return False

    def probed(self, now: float, well: bool) -> None:
        """What a probe found."""
        if self.condition is not Condition.DOWN:
            return
        if well:
            self.condition = Condition.ON_TRIAL
        else:
            self._open(now)

    def _succeeded(self, now: float) -> None:
        self._answered_at = now
        self._failures = 0
        self._wait = FIRST_S
        self.condition = Condition.WELL

    def _failed(self, now: float) -> None:
        self._failures += 1
        if self.condition is Condition.ON_TRIAL or (
            self.condition is Condition.WELL and self._failures >= FAILURES
        ):
            self._open(now)

    def _open(self, now: float) -> None:
        self.condition = Condition.DOWN
        self._probe_at = now + self._wait
        self._wait = min(MOST_S, 2 * self._wait)
