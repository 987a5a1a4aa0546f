"""What came back, in every ledger: once, in any order, and what it makes of a delivery."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.ledger_samples import (
    KINDS,
    attempt,
    audience,
    event,
    mailing,
    opened,
    record,
    totals,
)

from severally.model.delivery import DeliveryState as D
from severally.model.entries import Record, Turn
from severally.model.errors import LedgerError
from severally.model.event import Event
from severally.model.event import EventKind as E
from severally.ports import Ledger

ENDS = (D.ACCEPTED, D.IN_DOUBT, D.REFUSED, D.DEFERRED)


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def attempted(ledger: Ledger, count: int = 4) -> tuple[int, list[int]]:
    """A mailing whose messages are all on their way: the epoch, the deliveries."""
    audience(ledger, count, receiver="google")
    (cohort,) = mailing(ledger)
    epoch = ledger.take_over(1.0)
    ids = [claim.delivery for claim in ledger.claim(cohort, count, epoch, 2.0)]
    assert attempt(ledger, epoch, ids)
    return epoch, ids


def states(ledger: Ledger) -> dict[int, D]:
    return {r.delivery: r.state for _, _, r in ledger.everyone("m-1", list(D))}


def sound(ledger: Ledger) -> None:
    assert ledger.tally("m-1") == ledger.recount("m-1")


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (E.DELIVERED, D.DELIVERED),
        (E.INVALID, D.BOUNCED),
        (E.HARD, D.BOUNCED),
        (E.SOFT, D.BOUNCED),
        (E.FULL, D.BOUNCED),
        (E.BLOCKED, D.BOUNCED),
        (E.COMPLAINT, D.COMPLAINED),
        (E.UNSUBSCRIBE, D.ACCEPTED),
    ],
)
def test_an_event_moves_what_was_accepted(ledger: Ledger, kind: E, state: D) -> None:
    epoch, ids = attempted(ledger)
    record(ledger, epoch, *(Record(i, D.ACCEPTED, 250, "2.0.0", "ok", "accepted") for i in ids))
    assert ledger.add_events([event(ids[0], kind)], 5.0) == 1
    assert states(ledger) == dict.fromkeys(ids, D.ACCEPTED) | {ids[0]: state}
    assert [e.kind for e in ledger.events_of(ids[0])] == [kind]
    sound(ledger)


@pytest.mark.parametrize("kind", [E.INVALID, E.DELIVERED, E.COMPLAINT])
def test_an_event_settles_what_was_in_doubt(ledger: Ledger, kind: E) -> None:
    epoch, ids = attempted(ledger)
    record(ledger, epoch, Record(ids[0], D.IN_DOUBT))
    ledger.add_events([event(ids[0], kind)], 5.0)
    wanted = {E.INVALID: D.BOUNCED, E.DELIVERED: D.DELIVERED, E.COMPLAINT: D.COMPLAINED}
    assert states(ledger)[ids[0]] is wanted[kind]
    assert D.IN_DOUBT not in {s for s, n in totals(ledger).items() if n}
    sound(ledger)


def test_a_bounce_may_come_before_the_outcome_is_written(ledger: Ledger) -> None:
    epoch, ids = attempted(ledger)
    assert ledger.add_events([event(ids[0], E.FULL), event(ids[1], E.INVALID)], 2.5) == 2
    assert set(states(ledger).values()) == {D.ATTEMPTING}
    record(ledger, epoch, Record(ids[0], D.ACCEPTED, 250, "", "ok", "accepted"))
    assert states(ledger)[ids[0]] is D.BOUNCED
    ledger.take_over(9.0)
    assert states(ledger) == {
        ids[0]: D.BOUNCED,
        ids[1]: D.BOUNCED,
        ids[2]: D.IN_DOUBT,
        ids[3]: D.IN_DOUBT,
    }
    sound(ledger)


def test_what_the_receiver_refused_stays_refused(ledger: Ledger) -> None:
    epoch, ids = attempted(ledger)
    record(ledger, epoch, Record(ids[0], D.REFUSED, 550, "5.1.1", "no such user", "unknown-user"))
    ledger.add_events([event(ids[0], E.INVALID)], 5.0)
    assert states(ledger)[ids[0]] is D.REFUSED
    ((_, _, said),) = list(ledger.everyone("m-1", (D.REFUSED,)))
    assert said.rule == "unknown-user"


HEARD: Sequence[Event] = (
    event(1, E.DELIVERED, at=4.0),
    event(1, E.SOFT, at=5.0, text="try later"),
    event(1, E.SOFT, at=4.5, text="a relay said it too"),
    event(1, E.INVALID, at=6.0),
    event(1, E.COMPLAINT, at=3.0),
)


@pytest.mark.parametrize("kind", KINDS)
def test_neither_order_nor_repeats_change_anything(kind: str, tmp_path: Path) -> None:
    seen = set()
    orders = [*list(itertools.permutations(HEARD[1:]))[::5], tuple(HEARD), tuple(HEARD[::-1])]
    for number, order in enumerate(orders):
        (tmp_path / str(number)).mkdir()
        with opened(kind, tmp_path / str(number)) as ledger:
            epoch, _ = attempted(ledger, 1)
            half = number % (len(order) + 1)
            ledger.add_events(order[:half], 7.0)
            record(ledger, epoch, Record(1, D.ACCEPTED, 250, "", "ok", "accepted"))
            for one in order[half:]:
                ledger.add_events([one, one], 8.0)
            assert ledger.add_events(order, 9.0) == 0
            ((_, at, said),) = ledger.everyone("m-1", list(D))
            bars = tuple((s.scope, s.why, s.at, s.source) for s in ledger.suppressions())
            events = [e for e in ledger.events_of(1) if e.kind is not E.DELIVERED]
            seen.add((at, said, bars, tuple(events)))
            sound(ledger)
    ((_, said, _, events),) = seen
    assert said.state is D.COMPLAINED
    assert said.rule == "complaint/sample"
    assert [e.text for e in events if e.kind is E.SOFT] == ["a relay said it too"]


def test_all_or_nothing(ledger: Ledger) -> None:
    _, ids = attempted(ledger)
    before = ledger.head()
    with pytest.raises(LedgerError, match="there is no delivery 999"):
        ledger.add_events([event(ids[0], E.HARD), event(999, E.HARD)], 5.0)
    assert ledger.events_of(ids[0]) == []
    assert list(ledger.suppressions()) == []
    assert ledger.head() == before


def test_events_are_in_the_record_without_anybodys_address(ledger: Ledger) -> None:
    _, ids = attempted(ledger)
    assert ledger.add_events([event(i, E.SOFT) for i in ids], 5.0) == 4
    ledger.add_events([event(ids[0], E.SOFT)], 6.0)
    said = [act.detail for act in ledger.acts("") if act.what == "events"]
    assert len(said) == 1 and said[0].startswith("4 events, root ")


def test_where_a_delivery_stands(ledger: Ledger) -> None:
    _, ids = attempted(ledger)
    found = ledger.whereabouts(ids[2])
    assert found is not None
    cohort, claim = found
    assert (cohort.mailing, claim.delivery, claim.date, claim.attempts) == ("m-1", ids[2], 2, 1)
    assert claim.box == list(ledger.rows("a-1"))[2].box
    assert ledger.whereabouts(999) is None


def test_a_refusal_is_heard_in_the_turn_that_records_it(ledger: Ledger) -> None:
    epoch, (first, second, *_) = attempted(ledger)
    said = event(first, E.INVALID)
    records = [Record(first, D.REFUSED, 550), Record(second, D.ACCEPTED, 250)]
    ledger.turn(Turn(epoch, 3.0, records=records, events=[said]))
    assert list(ledger.events_of(first)) == [said] and not ledger.events_of(second)
    assert states(ledger)[first] is D.REFUSED
    assert ledger.suppressed(said.party.blind, said.notice, 4.0) is not None
    assert ledger.add_events([said], 5.0) == 0
    sound(ledger)


def test_what_is_not_recorded_is_not_heard(ledger: Ledger) -> None:
    epoch, (first, *_) = attempted(ledger)
    wrong = [Record(first, D.REFUSED, 550), Record(999, D.ACCEPTED)]
    with pytest.raises(LedgerError):
        ledger.turn(Turn(epoch, 3.0, records=wrong, events=[event(first, E.INVALID)]))
    assert not ledger.events_of(first) and not list(ledger.suppressions())
