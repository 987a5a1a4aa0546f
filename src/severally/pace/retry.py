"""When a deferred delivery is tried again, and when it is given up."""

from __future__ import annotations

import random

import msgspec


class RetryPlan(msgspec.Struct, frozen=True):
    """Seconds. RFC 5321 4.5.4.1 asks for retries at least 30 minutes apart in general and
    giving up after 4 to 5 days; a first retry sooner is what greylisting expects (Momentum
    waits 15 minutes). `jitter` is the share by which a wait may be longer."""

    first_s: float = 900.0
    factor: float = 2.0
    most_s: float = 4 * 3600.0
    give_up_s: float = 4 * 86400.0
    jitter: float = 0.1

    def next_due(
        self, now: float, attempts: int, first_at: float, asked_s: float, rng: random.Random
    ) -> float | None:
        """When to try again after `attempts` tries, the first at `first_at`; None to give up.

        A receiver that asked for `asked_s` gets at least that; the first retry is then due
        right after it instead of after `first_s`.
        """
        wait = min(self.first_s * self.factor ** (attempts - 1), self.most_s)
        if asked_s:
            wait = asked_s if attempts == 1 else max(asked_s, min(wait, asked_s * 2**attempts))
        due = now + wait * (1 + rng.random() * self.jitter)
        return None if due > first_at + self.give_up_s else due
