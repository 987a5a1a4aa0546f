"""What a receiver was found to take, as it is kept from one mailing to the next."""

from __future__ import annotations

import msgspec

DAY_S = 86_400.0
FORGOTTEN_S = 7 * DAY_S
"""Older than this it says nothing any more (judgement: a sender's standing is made in weeks)."""


class Learned(msgspec.Struct, frozen=True):
    """One lane's: `rate` in messages/s, and how many `connections`; 0.0 for not learned. `at`:
    when that was last so (Unix). `held_until`: how long the receiver asked for silence (Unix)."""

    rate: float
    connections: float
    at: float
    held_until: float = 0.0

    def held_s(self, now: float) -> float:
        """How much of the silence is left; no more than was left when it was written down."""
        most = max(0.0, self.held_until - self.at)
        return min(most, max(0.0, self.held_until - now))

    def rate_at(self, now: float) -> float:
        """Where to begin now: what was learned, twice that after each day; infinity for no limit.

        So it is believed within hours, and found anew after days.
        """
        age_s = max(0.0, now - self.at)
        if not self.rate or age_s >= FORGOTTEN_S:
            return float("inf")
        return float(self.rate * 2 ** (age_s / DAY_S))

    def connections_at(self, now: float) -> float:
        """The same of connections: one at least, whole ones."""
        age_s = max(0.0, now - self.at)
        if not self.connections or age_s >= FORGOTTEN_S:
            return float("inf")
        return max(1.0, self.connections * 2 ** (age_s / DAY_S) // 1)
