"""Recipients one by one: who stands where, who is withdrawn, and halts that stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger_samples import KINDS, attempt, audience, mailing, opened, record, totals

from severally.model.delivery import DeliveryState as D
from severally.model.entries import Record
from severally.model.errors import Refused
from severally.model.mailing import MailingState as M
from severally.ports import Ledger

COUNT = 1_250


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def half_sent(ledger: Ledger) -> list[int]:
    """Half are accepted, one is put off, one is in doubt; the mailing is halted."""
    audience(ledger, COUNT)
    cohorts = mailing(ledger)
    epoch = ledger.take_over(2.0)
    ids = [c.delivery for one in cohorts for c in ledger.claim(one, one.count // 2, epoch, 2.0)]
    assert attempt(ledger, epoch, ids)
    said = [Record(i, D.ACCEPTED, 250, "2.0.0", "ok", "accepted") for i in ids[2:]]
    said += [Record(ids[0], D.DEFERRED, 450, "4.2.1", "later", "busy", 9_000.0)]
    said += [Record(ids[1], D.IN_DOUBT)]
    record(ledger, epoch, *said, now=1_500.0)
    ledger.set_state("m-1", M.HALTED, 4_000.0, "the date is wrong")
    return ids


def test_everyone_is_named_once_with_the_last_record(ledger: Ledger) -> None:
    ids = half_sent(ledger)
    names = ledger.names(ids)
    told = list(ledger.everyone("m-1", (D.ACCEPTED, D.IN_DOUBT)))
    assert {name for name, _, _ in told} == {names[i] for i in [*ids[1:]]}
    assert len(told) == len(ids) - 1
    words = {(r.state, at, r.code, r.rule) for _, at, r in told}
    assert words == {(D.ACCEPTED, 1_500.0, 250, "accepted"), (D.IN_DOUBT, 1_500.0, 0, "")}
    assert len(list(ledger.everyone("m-1", list(D)))) == COUNT
    assert list(ledger.everyone("m-1", ())) == []


def test_what_was_not_sent_is_withdrawn_and_nothing_else(ledger: Ledger) -> None:
    ids = half_sent(ledger)
    before = totals(ledger)
    withdrawn = [ledger.withdraw("m-1", 5_000.0, "the date is wrong", 300) for _ in range(4)]
    left = COUNT - len(ids) + 1
    assert withdrawn == [300, 300, left - 600, 0]
    after = totals(ledger)
    assert {state: n for state, n in after.items() if n} == {
        D.ACCEPTED: before[D.ACCEPTED],
        D.IN_DOUBT: 1,
        D.WITHDRAWN: left,
    }
    recounted = [n for one in ledger.recount("m-1").values() for n in one.items()]
    assert sum(n for state, n in recounted if state is D.WITHDRAWN) == left
    listed = list(ledger.everyone("m-1", (D.WITHDRAWN,)))
    assert {(at, r.text, r.due) for _, at, r in listed} == {(5_000.0, "the date is wrong", 0.0)}
    assert ledger.names(ids)[ids[0]] in {name for name, _, _ in listed}
    assert ledger.next_due("m-1") == []
    epoch = ledger.take_over(6_000.0)
    assert all(not ledger.claim(c, 9, epoch, 9_999.0) for c in ledger.cohorts("m-1"))
    assert all(not ledger.claim_due(c, 9, epoch, 9_999.0) for c in ledger.cohorts("m-1"))


def test_only_a_halted_mailing_that_nobody_holds_is_withdrawn(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    first, *_ = mailing(ledger)
    with pytest.raises(Refused, match="halt it first"):
        ledger.withdraw("m-1", 1.0, "", 10)
    ledger.claim(first, 3, ledger.take_over(2.0), 2.0)
    ledger.set_state("m-1", M.HALTED, 3.0, "")
    with pytest.raises(Refused, match="3 messages of m-1 are in the hands"):
        ledger.withdraw("m-1", 4.0, "", 10)
    ledger.take_over(5.0)
    assert ledger.withdraw("m-1", 6.0, "", 10) == 10


def test_who_decided_before_a_halt_changes_nothing_after_it(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    mailing(ledger, state=M.CANARY)
    read = ledger.mailing("m-1").halt_epoch
    ledger.set_state("m-1", M.HALTED, 2.0, "by hand")
    acts = len(ledger.acts("m-1"))
    assert ledger.set_state("m-1", M.RAMPING, 3.0, halt_epoch=read).state is M.HALTED
    assert ledger.open_step("m-1", 3, 3.0, "", halt_epoch=read).step == 0
    assert ledger.mailing("m-1").reason == "by hand"
    assert len(ledger.acts("m-1")) == acts
    assert ledger.set_state("m-1", M.CANARY, 4.0, halt_epoch=read + 1).state is M.CANARY
