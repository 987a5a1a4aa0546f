"""Every ledger's delivering: claims, turns, deferrals, take-overs, fencing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger_samples import (
    KINDS,
    attempt,
    audience,
    mailing,
    opened,
    record,
    row,
    totals,
)

from severally.model.delivery import TRANSITIONS, Claim, DeliveryState
from severally.model.entries import Attempts, Record, Turn
from severally.model.errors import Fenced, LedgerError
from severally.model.mailing import Cohort
from severally.ports import Ledger

D = DeliveryState


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def one_cohort(ledger: Ledger, count: int) -> tuple[Cohort, int]:
    """A mailing whose recipients are all of one receiver, and a fresh epoch."""
    audience(ledger, count, receiver="google")
    (cohort,) = mailing(ledger)
    return cohort, ledger.take_over(1.0)


def ids(claims: object) -> list[int]:
    return [claim.delivery for claim in claims]  # type: ignore[attr-defined]


def test_claims_carry_the_rows_in_order(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 5)
    rows = list(ledger.rows("a-1"))
    claims = ledger.claim(cohort, 3, epoch, 77.9)
    assert claims == [
        Claim(cohort.first + place, rows[place].seq, rows[place].salt, rows[place].box, 77, 0)
        for place in range(3)
    ]
    assert row(claims[0].seq).box == claims[0].box
    assert totals(ledger) == {D.CLAIMED: 3, D.READY: 2}
    assert ids(ledger.claim(cohort, 9, epoch, 78.0)) == [cohort.last - 1, cohort.last]
    assert ledger.claim(cohort, 9, epoch, 78.0) == []


def test_claims_stay_in_their_cohort(ledger: Ledger) -> None:
    audience(ledger, 9)
    first, second, third = mailing(ledger)
    epoch = ledger.take_over(1.0)
    assert ids(ledger.claim(second, 99, epoch, 2.0)) == list(range(second.first, second.last + 1))
    assert ledger.tally("m-1") == {
        first.id: {D.READY: 3},
        second.id: {D.CLAIMED: 3},
        third.id: {D.READY: 3},
    }


@pytest.mark.parametrize("count", [0, -1])
def test_claiming_nothing_gives_nothing(ledger: Ledger, count: int) -> None:
    cohort, epoch = one_cohort(ledger, 2)
    assert ledger.claim(cohort, count, epoch, 2.0) == []
    assert ledger.claim_due(cohort, count, epoch, 2.0) == []
    assert totals(ledger) == {D.READY: 2}


def test_what_was_given_back_is_claimed_first_with_its_first_date(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 10)
    ledger.claim(cohort, 6, epoch, 100.0)
    given_back = [cohort.first + 4, cohort.first + 1]
    record(ledger, epoch, *(Record(number, D.READY) for number in given_back))
    claims = ledger.claim(cohort, 3, epoch, 200.0)
    assert [(c.delivery, c.date) for c in claims] == [
        (cohort.first + 1, 100),
        (cohort.first + 4, 100),
        (cohort.first + 6, 200),
    ]


def test_a_first_claim_in_second_zero_counts(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 1)
    assert ledger.claim(cohort, 1, epoch, 0.5)[0].date == 0
    record(ledger, epoch, Record(cohort.first, D.READY))
    assert ledger.claim(cohort, 1, epoch, 50.0)[0].date == 0


def test_records_come_before_attempts_in_one_turn(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 4)
    ledger.claim(cohort, 4, epoch, 2.0)
    a, b, c, d = range(cohort.first, cohort.last + 1)
    attempt(ledger, epoch, [a, b])
    turn = Turn(
        epoch,
        3.0,
        [Attempts("m-1", 0, [c, d])],
        [Record(a, D.ACCEPTED, 250, "2.0.0", "OK", "accept"), Record(b, D.REFUSED, 550)],
    )
    assert ledger.turn(turn).halted == frozenset()
    assert totals(ledger) == {D.ACCEPTED: 1, D.REFUSED: 1, D.ATTEMPTING: 2}


@pytest.mark.parametrize("old", D)
def test_only_legal_records_are_written(ledger: Ledger, old: DeliveryState) -> None:
    audience(ledger, 1)
    for place, new in enumerate(D):
        name = f"m-{place}"
        (cohort,) = mailing(ledger, name=name)
        epoch = ledger.take_over(1.0)
        bring(ledger, cohort, epoch, old)
        legal = new in TRANSITIONS[old] and new not in {D.CLAIMED, D.ATTEMPTING}
        if legal:
            record(ledger, epoch, Record(cohort.first, new, 250, due=6.0))
        else:
            with pytest.raises(LedgerError, match=f"is {old.word} and cannot become {new.word}"):
                record(ledger, epoch, Record(cohort.first, new, 250, due=6.0))
        assert totals(ledger, name) == {new if legal else old: 1}
        assert ledger.tally(name) == ledger.recount(name)


def bring(ledger: Ledger, cohort: Cohort, epoch: int, state: DeliveryState) -> None:
    """Bring the cohort's only delivery to a state by legal steps."""
    attempted = {
        D.ACCEPTED: [D.ACCEPTED],
        D.DEFERRED: [D.DEFERRED],
        D.REFUSED: [D.REFUSED],
        D.IN_DOUBT: [D.IN_DOUBT],
        D.ATTEMPTING: [],
        D.DELIVERED: [D.ACCEPTED, D.DELIVERED],
        D.BOUNCED: [D.ACCEPTED, D.BOUNCED],
        D.COMPLAINED: [D.ACCEPTED, D.COMPLAINED],
    }
    steps = attempted.get(state, [] if state in {D.READY, D.CLAIMED} else [state])
    if state in attempted or state in {D.CLAIMED, D.BLOCKED}:
        ledger.claim(cohort, 1, epoch, 2.0)
    if state in attempted:
        attempt(ledger, epoch, [cohort.first], name=cohort.mailing)
    for step in steps:
        record(ledger, epoch, Record(cohort.first, step, 250, due=5.0))
    assert totals(ledger, cohort.mailing) == {state: 1}


def test_a_turn_is_all_or_nothing(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 5)
    ledger.claim(cohort, 4, epoch, 2.0)
    a, b, c, d, ready = range(cohort.first, cohort.last + 1)
    attempt(ledger, epoch, [a, b])
    before = ledger.recount("m-1")
    good = Record(a, D.ACCEPTED, 250, "2.0.0", "never written", "accept")
    bad_turns = [
        Turn(epoch, 3.0, [Attempts("m-1", 0, [c])], [good, Record(d, D.ACCEPTED)]),
        Turn(epoch, 3.0, [Attempts("m-1", 0, [c, ready])], [good]),
        Turn(epoch, 3.0, [Attempts("m-1", 0, [c, c])], [good]),
        Turn(epoch, 3.0, [Attempts("m-1", 0, [c, b])], [good]),
        Turn(epoch, 3.0, [Attempts("m-9", 0, [c])], [good]),
        Turn(epoch, 3.0, [], [good, Record(999, D.ACCEPTED)]),
        Turn(epoch, 3.0, [Attempts("m-1", 0, [c])], [good, good]),
    ]
    for turn in bad_turns:
        with pytest.raises(LedgerError):
            ledger.turn(turn)
        assert ledger.recount("m-1") == ledger.tally("m-1") == before
    record(ledger, epoch, good)
    assert ledger.recipients_in("m-1", D.ACCEPTED)[0][1].text == "never written"


def test_attempts_of_another_mailing_are_refused(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 1)
    mailing(ledger, name="m-2")
    ledger.claim(cohort, 1, epoch, 2.0)
    with pytest.raises(LedgerError, match="not one of m-2's"):
        attempt(ledger, epoch, [cohort.first], name="m-2")


def claimed_again(ledger: Ledger, cohort: Cohort, epoch: int, now: float = 1e6) -> Claim:
    (claim,) = [
        *ledger.claim(cohort, 9, epoch, now),
        *ledger.claim_due(cohort, 9, epoch, now),
    ]
    return claim


def test_an_attempt_counts_unless_it_failed_before_the_dot(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 1)
    number = cohort.first
    ledger.claim(cohort, 1, epoch, 2.0)
    steps = [
        (Record(number, D.READY), 0),
        (Record(number, D.READY, 421, "4.3.2", "going down", "unsent"), 0),
        (Record(number, D.DEFERRED, 451, "4.7.1", "later", "greylisted", 10.0), 1),
        (Record(number, D.DEFERRED, due=11.0), 1),
        (Record(number, D.DEFERRED, 0, "", "", "silence", 12.0), 2),
        (Record(number, D.READY), 2),
    ]
    for step, attempts in steps:
        assert attempt(ledger, epoch, [number])
        record(ledger, epoch, step)
        claim = claimed_again(ledger, cohort, epoch)
        assert (claim.attempts, claim.date) == (attempts, 2)


def test_a_silent_return_keeps_the_last_words(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 1)
    number = cohort.first
    ledger.claim(cohort, 1, epoch, 2.0)
    attempt(ledger, epoch, [number])
    said = Record(number, D.DEFERRED, 451, "4.7.1", "later", "greylisted", 10.0)
    record(ledger, epoch, said)
    assert ledger.recipients_in("m-1", D.DEFERRED) == [("c0", said)]
    claimed_again(ledger, cohort, epoch)
    attempt(ledger, epoch, [number])
    record(ledger, epoch, Record(number, D.DEFERRED, due=20.0))
    kept = Record(number, D.DEFERRED, 451, "4.7.1", "later", "greylisted", 20.0)
    assert ledger.recipients_in("m-1", D.DEFERRED) == [("c0", kept)]
    claimed_again(ledger, cohort, epoch)
    attempt(ledger, epoch, [number])
    record(ledger, epoch, Record(number, D.IN_DOUBT))
    assert ledger.recipients_in("m-1", D.IN_DOUBT) == [("c0", Record(number, D.IN_DOUBT))]


def deferred(ledger: Ledger, cohort: Cohort, epoch: int, dues: list[float]) -> None:
    """Defer the first deliveries of the cohort until these times."""
    claims = ledger.claim(cohort, len(dues), epoch, 2.0)
    attempt(ledger, epoch, ids(claims))
    record(
        ledger,
        epoch,
        *(
            Record(claim.delivery, D.DEFERRED, 451, due=due)
            for claim, due in zip(claims, dues, strict=True)
        ),
    )


def test_due_ones_come_when_their_time_has_come_the_oldest_first(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 6)
    first = cohort.first
    deferred(ledger, cohort, epoch, [30.0, 10.5, 20.0, 10.5])
    assert ledger.next_due("m-1") == [
        (cohort.id, 11.0, 2),
        (cohort.id, 20.0, 1),
        (cohort.id, 30.0, 1),
    ]
    assert ledger.claim_due(cohort, 9, epoch, 10.4) == []
    assert ids(ledger.claim_due(cohort, 1, epoch, 20.0)) == [first + 1]
    assert ids(ledger.claim_due(cohort, 9, epoch, 20.0)) == [first + 3, first + 2]
    assert ledger.next_due("m-1") == [(cohort.id, 30.0, 1)]
    assert ids(ledger.claim(cohort, 9, epoch, 40.0)) == [first + 4, first + 5]
    assert totals(ledger) == {D.DEFERRED: 1, D.CLAIMED: 5}


def test_next_due_is_per_cohort_and_mailing(ledger: Ledger) -> None:
    audience(ledger, 6)
    one, two, _ = mailing(ledger)
    other = mailing(ledger, name="m-2")[0]
    epoch = ledger.take_over(1.0)
    for cohort in (two, one):
        deferred(ledger, cohort, epoch, [9.0])
    assert ledger.next_due("m-1") == [(one.id, 9.0, 1), (two.id, 9.0, 1)]
    assert ledger.next_due("m-2") == []
    assert ledger.claim_due(other, 5, epoch, 10.0) == []


def test_put_off_again_it_waits_for_the_new_time(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 1)
    deferred(ledger, cohort, epoch, [10.0])
    (claim,) = ledger.claim_due(cohort, 1, epoch, 10.0)
    record(ledger, epoch, Record(claim.delivery, D.DEFERRED, due=50.0))
    assert ledger.claim_due(cohort, 1, epoch, 49.0) == []
    assert ids(ledger.claim_due(cohort, 1, epoch, 50.0)) == [claim.delivery]


def test_a_take_over_frees_what_was_claimed_and_doubts_what_was_attempted(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 6)
    a, b, c, d, e, f = range(cohort.first, cohort.last + 1)
    deferred(ledger, cohort, epoch, [10.0, 20.0])
    ledger.claim_due(cohort, 9, epoch, 15.0)
    ledger.claim(cohort, 3, epoch, 15.0)
    attempt(ledger, epoch, [d])
    record(ledger, epoch, Record(e, D.BLOCKED))
    assert totals(ledger) == {
        D.CLAIMED: 2,
        D.ATTEMPTING: 1,
        D.DEFERRED: 1,
        D.BLOCKED: 1,
        D.READY: 1,
    }
    new = ledger.take_over(99.0)
    assert new > epoch
    assert totals(ledger) == {D.READY: 2, D.DEFERRED: 2, D.IN_DOUBT: 1, D.BLOCKED: 1}
    assert ledger.tally("m-1") == ledger.recount("m-1")
    assert ledger.next_due("m-1") == [(cohort.id, 10.0, 1), (cohort.id, 20.0, 1)]
    assert [rid for rid, _ in ledger.recipients_in("m-1", D.IN_DOUBT)] != []
    assert ids(ledger.claim(cohort, 9, new, 100.0)) == [c, f]
    assert ids(ledger.claim_due(cohort, 9, new, 100.0)) == [a, b]
    assert ledger.acts("m-1")[-1].detail == f"epoch {new}: now 1 ready, 1 deferred, 1 in_doubt"
    assert ledger.acts("")[-1].detail == f"epoch {new}"


def test_one_tried_before_and_not_due_any_more_is_deferred_by_a_take_over(ledger: Ledger) -> None:
    cohort, epoch = one_cohort(ledger, 1)
    deferred(ledger, cohort, epoch, [10.0])
    record(ledger, epoch, Record(cohort.first, D.READY))
    assert ledger.claim(cohort, 1, epoch, 20.0)[0].attempts == 1
    ledger.take_over(30.0)
    assert ledger.next_due("m-1") == [(cohort.id, 30.0, 1)]


def test_the_old_holder_is_fenced(ledger: Ledger) -> None:
    cohort, old = one_cohort(ledger, 3)
    ledger.claim(cohort, 2, old, 2.0)
    new = ledger.take_over(3.0)
    for call in (
        lambda: ledger.claim(cohort, 1, old, 4.0),
        lambda: ledger.claim_due(cohort, 1, old, 4.0),
        lambda: ledger.turn(Turn(old, 4.0)),
        lambda: attempt(ledger, old, [cohort.first]),
    ):
        with pytest.raises(Fenced, match=f"epoch {new}, ours was {old}"):
            call()
    assert totals(ledger) == {D.READY: 3}


def test_what_was_claimed_under_an_old_epoch_cannot_be_attempted(ledger: Ledger) -> None:
    cohort, old = one_cohort(ledger, 1)
    ledger.claim(cohort, 1, old, 2.0)
    new = ledger.take_over(3.0)
    with pytest.raises(LedgerError, match="is ready and cannot become attempting"):
        attempt(ledger, new, [cohort.first])


def test_recipients_in_a_state_are_listed_up_to_a_limit(ledger: Ledger) -> None:
    audience(ledger, 9)
    cohorts = mailing(ledger)
    everyone = ledger.recipients_in("m-1", D.READY)
    assert sorted(rid for rid, _ in everyone) == sorted(f"c{n}" for n in range(9))
    assert [r.delivery for _, r in everyone] == list(range(cohorts[0].first, cohorts[-1].last + 1))
    assert ledger.recipients_in("m-1", D.READY, 4) == everyone[:4]
    assert ledger.recipients_in("m-1", D.REFUSED) == []


def test_deliveries_and_rows_belong_together(ledger: Ledger) -> None:
    audience(ledger, 9)
    epoch = ledger.take_over(1.0)
    ids_by_box = {row(number).box: f"c{number}" for number in range(9)}
    for cohort in mailing(ledger):
        claims = {c.delivery: c for c in ledger.claim(cohort, 9, epoch, 2.0)}
        for rid, found in ledger.recipients_in("m-1", D.CLAIMED):
            if found.delivery in claims:
                assert ids_by_box[claims[found.delivery].box] == rid
