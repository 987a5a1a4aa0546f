"""What goes back to the ledger is found again, however long the disk takes to say so."""

from __future__ import annotations

import pytest
from tests.virtual import mailing_state, put_scheduled, send

from severally.ledger.memory import MemoryLedger
from severally.model.delivery import DeliveryState
from severally.model.lane import Limits
from severally.model.mailing import MailingState
from severally.model.schedule import Schedule, parse_window
from severally.sim.virtual import Receiver

SIZES = {"a": 60, "b": 40}
LIMITS = {name: Limits(connections=2) for name in SIZES}
BREAKING = {name: Receiver(lost_before=0.2) for name in SIZES}
"""Connections break within a run: those behind in it were not tried."""


@pytest.mark.parametrize("seed", range(4))
def test_who_was_not_tried_is_claimed_again(seed: int) -> None:
    result = send(SIZES, LIMITS, BREAKING, seed=seed, disk_s=3.0)
    assert result.states == {DeliveryState.ACCEPTED: 100}
    assert mailing_state(result.ledger) is MailingState.DONE


@pytest.mark.parametrize("seed", range(4))
def test_who_was_ready_at_closing_time_is_claimed_again_in_the_morning(seed: int) -> None:
    """The window is open for seconds that a few runs take."""
    times = Schedule(window=parse_window("08:00-08:01"))
    slow = {name: Receiver(reply_s=11.0, lost_before=0.05) for name in SIZES}
    ledger = MemoryLedger()
    put_scheduled(ledger, SIZES, times, ("UTC", "Europe/Berlin"))
    result = send(SIZES, LIMITS, slow, seed=seed, ledger=ledger, disk_s=9.0)
    assert result.states == {DeliveryState.ACCEPTED: 100}
    assert mailing_state(result.ledger) is MailingState.DONE
