"""What always fails before the final dot: it is tried at the retry plan's pace, and given up."""

from __future__ import annotations

import msgspec
import pytest
from tests.virtual import EXACT, mailing_state, send

from severally.model.delivery import DeliveryState
from severally.model.lane import Limits
from severally.model.mailing import MailingState
from severally.pace.retry import RetryPlan
from severally.sim.virtual import Receiver

PLAN = RetryPlan(first_s=60.0, factor=2.0, most_s=600.0, give_up_s=3_600.0, jitter=0.0)
TRIES = 9
"""At 0, 60, 180, 420, 900 s and then every ten minutes, the last before an hour is over."""
SETTINGS = msgspec.structs.replace(EXACT, retry=PLAN)


def test_a_receiver_that_always_breaks_before_the_dot_is_given_up() -> None:
    result = send(
        {"a": 3}, {"a": Limits(connections=3)}, {"a": Receiver(lost_before=1.0)}, settings=SETTINGS
    )
    assert result.states == {DeliveryState.EXPIRED: 3}
    assert mailing_state(result.ledger) is MailingState.DONE
    assert result.elapsed == pytest.approx(3_300.0, abs=60.0)
    assert len(result.counts["a"].connects) <= 3 * TRIES
    assert result.taken == {}


def test_a_receiver_that_breaks_now_and_then_gets_everything_once() -> None:
    result = send(
        {"a": 400},
        {"a": Limits(connections=4)},
        {"a": Receiver(lost_before=0.2)},
        settings=SETTINGS,
    )
    assert result.states == {DeliveryState.ACCEPTED: 400}
    assert set(result.taken.values()) == {1}
