"""Every ledger's mailings: made once, stepped legally, halted with an epoch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.ledger_samples import (
    FROZEN,
    KINDS,
    attempt,
    audience,
    mailing,
    opened,
    record,
    totals,
)

from severally.model.delivery import DeliveryState
from severally.model.entries import Act, Attempts, LaneStat, Record, Turn
from severally.model.errors import LedgerError, Refused, UsageError
from severally.model.mailing import TRANSITIONS, MailingState
from severally.ports import Ledger

M = MailingState
D = DeliveryState


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def test_a_mailing_is_kept_with_all_that_belongs_to_it(ledger: Ledger) -> None:
    audience(ledger, 10)
    cohorts = mailing(ledger)
    kept = ledger.mailing("m-1")
    assert (kept.count, kept.created_at, kept.state) == (10, 2000.0, M.SENDING)
    assert ledger.frozen("m-1") == FROZEN
    assert ledger.cohorts("m-1") == cohorts
    assert ledger.lanes("m-1") == {
        "gmx": "main/gmx",
        "google": "main/google",
        "yahoo": "main/yahoo",
    }
    assert [(a.what, a.at) for a in ledger.acts("m-1")] == [("created", 2000.0)]


def test_cohorts_are_ranges_without_gaps_in_audience_order(ledger: Ledger) -> None:
    audience(ledger, 10)
    cohorts = [*mailing(ledger), *mailing(ledger, name="m-2")]
    assert [c.receiver for c in cohorts] == ["gmx", "google", "yahoo"] * 2
    assert [c.count for c in cohorts] == [3, 4, 3] * 2
    assert len({c.id for c in cohorts}) == 6
    for one, other in itertools.pairwise(cohorts):
        assert other.first == one.last + 1
    assert cohorts[0].first > 0


def test_mailings_are_listed_oldest_first_and_found_by_digest(ledger: Ledger) -> None:
    audience(ledger, 2)
    for name in ("m-b", "m-a"):
        mailing(ledger, name=name)
    assert [m.id for m in ledger.mailings()] == ["m-b", "m-a"]
    assert [m.id for m in ledger.by_digest("digest of m-a")] == ["m-a"]
    assert ledger.by_digest("another") == []


def test_what_cannot_be_stored_is_refused_whole(ledger: Ledger) -> None:
    audience(ledger, 3)
    mailing(ledger)
    made = ledger.mailing("m-1")
    lanes = ledger.lanes("m-1")
    replace = msgspec.structs.replace
    cases = [
        (made, lanes, LedgerError, "a mailing m-1 already"),
        (replace(made, id="m-2", count=4), lanes, LedgerError, "counts 4 recipients"),
        (replace(made, id="m-2"), {"gmx": "main/gmx"}, LedgerError, "no lane for google"),
        (replace(made, id="m-2", audience="a-9"), lanes, UsageError, "no audience a-9"),
    ]
    for wrong, to, error, words in cases:
        with pytest.raises(error, match=words):
            ledger.create_mailing(wrong, FROZEN, to, 1.0)
    assert [m.id for m in ledger.mailings()] == ["m-1"]
    assert totals(ledger) == {D.READY: 3}


def test_what_nobody_knows_is_an_error_of_use(ledger: Ledger) -> None:
    looks = (
        ledger.mailing,
        ledger.frozen,
        ledger.cohorts,
        ledger.tally,
        ledger.recount,
        ledger.lanes,
        ledger.lane_stats,
        ledger.guard_counts,
        lambda name: ledger.recipients_in(name, D.READY),
        lambda name: ledger.set_state(name, M.HALTED, 1.0),
        lambda name: ledger.set_estimate(name, 1.0),
        lambda name: ledger.add_guard_counts(name, 1, 0),
        lambda name: ledger.add_lane_stats(name, [LaneStat("main/gmx")]),
    )
    for look in looks:
        with pytest.raises(UsageError, match="no mailing m-1"):
            look("m-1")


@pytest.mark.parametrize("old", M)
def test_only_legal_steps_are_taken(ledger: Ledger, old: MailingState) -> None:
    audience(ledger, 1)
    for number, new in enumerate(M):
        name = f"m-{number}"
        cohort = mailing(ledger, name=name, state=old)[0]
        _finish(ledger, name, cohort.first)
        if new in TRANSITIONS[old]:
            assert ledger.set_state(name, new, 3.0, "why").state is new
            assert ledger.acts(name)[-1] == Act(3.0, name, new.value, "why")
        else:
            with pytest.raises(Refused, match=f"is {old} and cannot become {new}"):
                ledger.set_state(name, new, 3.0)
            assert ledger.mailing(name).state is old


def _finish(ledger: Ledger, name: str, delivery: int) -> None:
    """Leave nothing to be sent, so that nothing but the states decides."""
    record(ledger, ledger.take_over(1.0), Record(delivery, D.EXCLUDED))
    assert totals(ledger, name) == {D.EXCLUDED: 1}


def test_a_mailing_is_not_done_while_something_is_to_be_sent(ledger: Ledger) -> None:
    audience(ledger, 2)
    mailing(ledger)
    with pytest.raises(Refused, match="cannot be done while it has 2 ready"):
        ledger.set_state("m-1", M.DONE, 1.0)
    assert ledger.mailing("m-1").state is M.SENDING


def test_a_mailing_is_done_with_some_in_doubt(ledger: Ledger) -> None:
    audience(ledger, 1)
    (cohort,) = mailing(ledger)
    epoch = ledger.take_over(1.0)
    ledger.claim(cohort, 1, epoch, 2.0)
    attempt(ledger, epoch, [cohort.first])
    record(ledger, epoch, Record(cohort.first, D.IN_DOUBT))
    done = ledger.set_state("m-1", M.DONE, 9.0)
    assert (done.state, done.ended_at) == (M.DONE, 9.0)


def test_times_and_reason_follow_the_steps(ledger: Ledger) -> None:
    audience(ledger, 1)
    mailing(ledger, state=M.DRAFT)
    assert ledger.mailing("m-1").started_at == 0.0
    assert ledger.set_state("m-1", M.SENDING, 10.0).started_at == 10.0
    halted = ledger.set_state("m-1", M.HALTED, 11.0, "guard")
    assert (halted.reason, halted.started_at, halted.ended_at) == ("guard", 10.0, 0.0)
    resumed = ledger.set_state("m-1", M.SENDING, 12.0)
    assert (resumed.reason, resumed.started_at) == ("", 10.0)
    ended = ledger.set_state("m-1", M.CANCELLED, 13.0, "over")
    assert (ended.reason, ended.ended_at) == ("over", 13.0)
    assert ledger.mailing("m-1") == ended


def test_halting_raises_the_halt_epoch_and_resuming_keeps_it(ledger: Ledger) -> None:
    audience(ledger, 1)
    mailing(ledger)
    mailing(ledger, name="m-2", state=M.DRAFT)
    assert ledger.orders() == {"m-1": (M.SENDING, 0, 0), "m-2": (M.DRAFT, 0, 0)}
    ledger.set_state("m-1", M.HALTED, 1.0)
    assert ledger.orders()["m-1"] == (M.HALTED, 1, 0)
    ledger.set_state("m-1", M.SENDING, 2.0)
    ledger.set_state("m-1", M.HALTED, 3.0)
    ledger.set_state("m-2", M.VOID, 4.0)
    assert ledger.orders() == {"m-1": (M.HALTED, 2, 0)}


def test_a_turn_sees_a_halt(ledger: Ledger) -> None:
    audience(ledger, 6)
    first, second = mailing(ledger)[0], mailing(ledger, name="m-2")[0]
    epoch = ledger.take_over(1.0)
    for cohort in (first, second):
        ledger.claim(cohort, 2, epoch, 2.0)
    ledger.set_state("m-1", M.HALTED, 3.0)
    both = [
        Attempts("m-1", 0, range(first.first, first.first + 2)),
        Attempts("m-2", 0, [second.first]),
    ]
    assert ledger.turn(Turn(epoch, 4.0, attempts=both)).halted == {"m-1"}
    assert totals(ledger) == {D.READY: 4, D.CLAIMED: 2}
    assert totals(ledger, "m-2") == {D.READY: 4, D.CLAIMED: 1, D.ATTEMPTING: 1}
    # resumed meanwhile: what was claimed before the halt is still not to be sent
    ledger.set_state("m-1", M.SENDING, 5.0)
    stale = Turn(epoch, 6.0, attempts=[Attempts("m-1", 0, [first.first])])
    assert ledger.turn(stale).halted == {"m-1"}
    assert attempt(ledger, epoch, [first.first])


@pytest.mark.parametrize("state", M)
def test_only_a_sending_mailing_is_attempted(ledger: Ledger, state: MailingState) -> None:
    audience(ledger, 1)
    (cohort,) = mailing(ledger, state=state)
    epoch = ledger.take_over(1.0)
    ledger.claim(cohort, 1, epoch, 2.0)
    sends = state in {M.CANARY, M.RAMPING, M.SENDING}
    assert attempt(ledger, epoch, [cohort.first]) is sends
    assert totals(ledger) == {D.ATTEMPTING if sends else D.CLAIMED: 1}


def test_the_estimate_is_kept(ledger: Ledger) -> None:
    audience(ledger, 1)
    mailing(ledger)
    ledger.set_estimate("m-1", 61.5)
    assert ledger.mailing("m-1").estimate_s == 61.5


def test_lane_stats_merge(ledger: Ledger) -> None:
    audience(ledger, 1)
    mailing(ledger)
    ledger.add_lane_stats("m-1", [LaneStat("main/yahoo"), LaneStat("main/gmx", 0.0, 0.0, 0, 2)])
    ledger.add_lane_stats("m-1", [LaneStat("main/gmx", 50.0, 60.0, 7, 1)])
    ledger.add_lane_stats("m-1", [LaneStat("main/gmx", 40.0, 55.0, 9, 1), LaneStat("main/gmx")])
    assert ledger.lane_stats("m-1") == [
        LaneStat("main/gmx", 40.0, 60.0, 9, 2),
        LaneStat("main/yahoo"),
    ]


def test_guard_counts_add_up(ledger: Ledger) -> None:
    audience(ledger, 1)
    mailing(ledger)
    assert ledger.guard_counts("m-1") == (0, 0)
    ledger.add_guard_counts("m-1", 5, 1)
    ledger.add_guard_counts("m-1", 2, 0)
    assert ledger.guard_counts("m-1") == (7, 1)


def test_acts_are_kept_in_order(ledger: Ledger) -> None:
    acts = [Act(2.0, "m-9", "approved", "by two"), Act(1.0, "m-9", "noted"), Act(3.0, "", "opened")]
    for act in acts:
        ledger.add_act(act)
    assert ledger.acts("m-9") == acts[:2]
    assert ledger.acts("") == acts[2:]
