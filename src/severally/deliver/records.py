"""What an outcome means for its delivery: the verdict, and the record to write."""

from __future__ import annotations

import random
from collections.abc import Callable

from severally.deliver.parcel import Parcel
from severally.model.delivery import DeliveryState
from severally.model.entries import Record
from severally.model.outcome import ACCEPTED, Action, Ending, Origin, Outcome, Reply, Scope, Verdict
from severally.pace.retry import RetryPlan

UNREACHABLE = Verdict(Action.PAUSE, Scope.LANE, "unreachable", 2.0)
"""No connection can be had: the lane pauses for two seconds at first; pacing doubles that."""
_OF_LANE = frozenset({Action.SLOW, Action.FEWER_CONNECTIONS, Action.PAUSE, Action.STOP_LANE})
_REFUSED = frozenset({Action.SUPPRESS, Action.FAIL, Action.HOLD})

Classify = Callable[[Reply, Origin, float], Verdict]
"""What a reply asks for, from whom and when (Unix seconds); `feedback` knows."""


def verdict_of(outcome: Outcome, origin: Origin, now: float, classify: Classify) -> Verdict:
    """What the outcome asks for. A success costs nothing; silence is the connection's."""
    if 200 <= outcome.reply.code < 400:
        return ACCEPTED
    if outcome.reply.code == 0:
        return Verdict(Action.RETRY, Scope.CONNECTION, outcome.ending.value)
    return classify(outcome.reply, origin, now)


def unreached(reply: Reply, origin: Origin, now: float, classify: Classify) -> Verdict:
    """What a connection that could not be had asks of its lane: what was said, if it was."""
    said = classify(reply, origin, now) if reply.code else UNREACHABLE
    return said if said.action in _OF_LANE else UNREACHABLE


def record_of(
    parcel: Parcel,
    outcome: Outcome,
    verdict: Verdict,
    now: float,
    plan: RetryPlan,
    rng: random.Random,
) -> Record:
    """The delivery's next state. `now` is Unix seconds.

    What was not tried is ready again. What failed before the final dot cannot have been
    delivered; it waits like any other retry, and is given up like any other.
    """
    if outcome.ending is Ending.IN_DOUBT:
        return _record(parcel, DeliveryState.IN_DOUBT, outcome, verdict)
    if outcome.ending is Ending.UNTRIED:
        return again(parcel, now)
    if verdict.action is Action.ACCEPT:
        return _record(parcel, DeliveryState.ACCEPTED, outcome, verdict)
    if verdict.action in _REFUSED or (verdict.action is Action.RETRY_ONCE and parcel.attempts):
        return _record(parcel, DeliveryState.REFUSED, outcome, verdict)
    due = plan.next_due(now, parcel.attempts + 1, parcel.first_at, verdict.pause_s, rng)
    if due is None:
        return _record(parcel, DeliveryState.EXPIRED, outcome, verdict)
    return _record(parcel, DeliveryState.DEFERRED, outcome, verdict, due)


def again(parcel: Parcel, now: float) -> Record:
    """Back to where it was claimed from: ready, or deferred and due at once."""
    if parcel.attempts:
        return Record(parcel.delivery, DeliveryState.DEFERRED, due=now)
    return Record(parcel.delivery, DeliveryState.READY)


def _record(
    parcel: Parcel, state: DeliveryState, outcome: Outcome, verdict: Verdict, due: float = 0.0
) -> Record:
    reply = outcome.reply
    return Record(parcel.delivery, state, reply.code, reply.enhanced, reply.text, verdict.rule, due)
