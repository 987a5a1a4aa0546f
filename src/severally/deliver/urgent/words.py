"""What an attempt's outcome means for an urgent message. Pure."""

from __future__ import annotations

import random
from enum import StrEnum

from severally.model.outcome import Action, Ending, Outcome, Verdict

FIRST_S, MOST_S = 5.0, 60.0
"""Steps between rounds over all routes: short, because a reset link lives for minutes."""


class Told(StrEnum):
    """What one attempt told."""

    ACCEPTED = "accepted"
    NOBODY = "nobody"
    """There is nobody at the address: no route changes that."""
    REFUSED = "refused"
    """For good, by this route; another may think otherwise."""
    LATER = "later"
    """Not now, by this route."""
    DOUBT = "doubt"
    """It may have arrived."""
    ROUTE = "route"
    """The route did not do its part; the message cannot have arrived."""


def told(outcome: Outcome, verdict: Verdict) -> Told:
    """What the outcome of an attempt tells; `verdict` is what its reply asks for."""
    if outcome.ending is Ending.IN_DOUBT:
        return Told.DOUBT
    if outcome.ending in (Ending.UNSENT, Ending.UNTRIED):
        return Told.ROUTE
    if verdict.action is Action.ACCEPT:
        return Told.ACCEPTED
    if verdict.action is Action.SUPPRESS:
        return Told.NOBODY
    return Told.REFUSED if 500 <= outcome.reply.code < 600 else Told.LATER


def next_round(now: float, rounds: int, expires_at: float, rng: random.Random) -> float:
    """When all routes are tried again after so many rounds, or when it expires if that is first."""
    step = min(MOST_S, FIRST_S * 2.0 ** min(rounds - 1, 10))
    return min(now + step * rng.uniform(0.9, 1.1), expires_at)
