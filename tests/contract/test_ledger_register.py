"""The register of operators, alike in every ledger: names, codes used once, passes that end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.ledger_samples import KINDS, audience, mailing, opened, record

from severally.model.audit import flaws
from severally.model.delivery import DeliveryState
from severally.model.entries import Act, Attempts, Record, Turn
from severally.model.errors import Refused, UsageError
from severally.model.mailing import MailingState
from severally.model.operator import Operator, Pass, PassKind, Role
from severally.ports import Ledger

BOB = Operator("bob", (Role.AUTHOR, Role.OPERATOR), "hash", b"salt", b"box", added_at=1.0)
ALICE = msgspec.structs.replace(BOB, name="alice", roles=(Role.APPROVER,))
PASS = Pass(b"h" * 32, "bob", PassKind.TOKEN, "nightly", ("send",), "trial", 1.0, 100.0)


def act(what: str, at: float = 1.0) -> Act:
    return Act(at, "", what, "", "alice")


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        made.add_operator(BOB, act("added"))
        yield made


def test_operators_are_kept_by_name(ledger: Ledger) -> None:
    ledger.add_operator(ALICE, act("added"))
    assert ledger.operators() == [ALICE, BOB]


def test_a_name_is_given_once_even_after_its_end(ledger: Ledger) -> None:
    ledger.disable_operator("bob", act("disabled", 7.0))
    with pytest.raises(Refused, match="bob already"):
        ledger.add_operator(BOB, act("added"))
    assert [one.disabled_at for one in ledger.operators()] == [7.0]
    assert [a.what for a in ledger.acts("")] == ["added", "disabled"]


def test_nobody_can_be_disabled_who_is_not_there(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no operator eve"):
        ledger.disable_operator("eve", act("disabled"))


def test_after_five_wrong_tries_each_next_one_waits_twice_as_long(ledger: Ledger) -> None:
    assert [ledger.count_try("bob", 10.0) for _ in range(5)] == [0.0] * 5
    assert ledger.count_try("bob", 69.0) == 70.0
    assert ledger.count_try("bob", 70.0) == 0.0
    assert ledger.count_try("bob", 71.0) == 190.0
    now = 190.0
    for _ in range(20):
        assert ledger.count_try("bob", now) == 0.0
        until = ledger.count_try("bob", now)
        assert 120.0 < until - now <= 3_600.0
        now = until
    assert until - now == 0.0 and ledger.count_try("bob", now) == 0.0
    ledger.forget_tries("bob")
    assert ledger.operators() == [BOB]
    assert ledger.count_try("bob", now) == 0.0


def test_a_code_and_all_before_it_are_used_up(ledger: Ledger) -> None:
    assert ledger.use_code("bob", 10)
    assert not ledger.use_code("bob", 10)
    assert not ledger.use_code("bob", 9)
    assert ledger.use_code("bob", 11)
    assert not ledger.use_code("eve", 12)


def test_a_pass_is_found_until_it_is_dropped(ledger: Ledger) -> None:
    ledger.add_pass(PASS, act("token made"))
    assert ledger.find_pass(PASS.hash) == PASS
    ledger.drop_pass(PASS.hash, act("signed out"))
    assert ledger.find_pass(PASS.hash) is None


def test_passes_end_with_their_operator_and_with_their_time(ledger: Ledger) -> None:
    ledger.add_pass(PASS, act("token made"))
    other = msgspec.structs.replace(PASS, hash=b"i" * 32, expires_at=1_000.0)
    ledger.add_pass(other, act("token made", 100.0))
    assert ledger.find_pass(PASS.hash) is None
    ledger.disable_operator("bob", act("disabled"))
    assert ledger.find_pass(other.hash) is None


def test_who_did_it_stands_in_the_record(ledger: Ledger) -> None:
    audience(ledger, 3)
    mailing(ledger)
    ledger.set_state("m-1", MailingState.HALTED, 5.0, "shown", who="bob", said="in full")
    last = ledger.acts("m-1")[-1]
    assert (last.what, last.detail, last.who) == ("halted", "in full", "bob")
    assert ledger.mailing("m-1").reason == "shown"


def test_outcomes_enter_as_one_root_for_each_turn(ledger: Ledger) -> None:
    audience(ledger, 3)
    cohorts = mailing(ledger)
    epoch = ledger.take_over(2.0)
    ids = [claim.delivery for c in cohorts for claim in ledger.claim(c, 9, epoch, 2.0)]
    ledger.turn(Turn(epoch, 3.0, attempts=[Attempts("m-1", 0, ids)]))
    before = len(ledger.acts(""))
    record(ledger, epoch, *(Record(n, DeliveryState.ACCEPTED, 250) for n in ids))
    (said,) = ledger.acts("")[before:]
    assert said.what == "outcomes"
    assert said.detail.startswith("3 deliveries, root ")
    assert list(flaws(ledger.chain(0, 1_000), [])) == []
