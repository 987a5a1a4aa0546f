"""What became of a mailing over time, in every ledger: nobody is lost and nobody is named."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.ledger_samples import KINDS, attempt, audience, event, mailing, opened, record

from severally.model.delivery import DeliveryState as D
from severally.model.entries import Record
from severally.model.event import EventKind as E
from severally.model.observed import Figure


@pytest.mark.parametrize("kind", KINDS)
def test_sums_by_receiver_locale_and_slot(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path) as ledger:
        audience(ledger, 6)  # two of each of three receivers, languages in turn
        cohorts = mailing(ledger)
        epoch = ledger.take_over(1.0)
        ids = [claim.delivery for one in cohorts for claim in ledger.claim(one, 9, epoch, 2.0)]
        assert attempt(ledger, epoch, ids)
        early, late, refused, *rest = ids
        record(ledger, epoch, Record(early, D.ACCEPTED, 250), now=100.0)
        record(ledger, epoch, Record(late, D.ACCEPTED, 250), now=119.0)
        record(ledger, epoch, Record(refused, D.REFUSED, 550), now=125.0)
        heard = [event(early, E.HARD, at=131.0), event(early, E.COMPLAINT, at=90.0)]
        ledger.add_events([*heard, *heard, event(late, E.UNSUBSCRIBE, at=1e6)], 5.0)

        states = ledger.states_over_time("m-1", 100.0, 10.0)
        assert sum(each.count for each in states) == 6
        recorded = [each for each in states if each.what != "attempting"]
        assert {(each.what, each.slot): each.count for each in recorded} == {
            ("complained", 0): 1,  # where it was accepted, whatever was heard of it later
            ("accepted", 1): 1,
            ("refused", 2): 1,
        }
        assert sum(each.count for each in states) - sum(e.count for e in recorded) == len(rest)
        assert {each.locale for each in states} == {"en", "de"}
        assert {each.receiver for each in states} == {"google", "gmx", "yahoo"}
        events = ledger.events_over_time("m-1", 100.0, 10.0)
        (first,) = [each for each in events if each.what == "hard"]
        assert first == Figure(cohorts[0].receiver, first.locale, "hard", 3, 1)
        slots = {each.what: each.slot for each in events}
        assert slots == {"hard": 3, "complaint": 0, "unsubscribe": 99_990}
        ever = ledger.events_over_time("m-1", 0.0, math.inf)
        assert [each.slot for each in ever] == [0] * len(events)
        assert {each.what for each in ever} == set(slots)
