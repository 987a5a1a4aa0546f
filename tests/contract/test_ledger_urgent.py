"""Urgent messages, alike in every ledger: accepted once, capped, claimed when due, folded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger_samples import FROZEN, KINDS, opened

from severally.model.delivery import DeliveryState
from severally.model.entries import Act
from severally.model.errors import UsageError
from severally.model.urgent import (
    IDENT_BITS,
    ApiKey,
    Caps,
    Change,
    Happening,
    KeyScope,
    Urgent,
    UrgentNotice,
    ident_of,
    shown,
)
from severally.ports import Ledger

_D = DeliveryState
NOTICE = UrgentNotice("ab" * 32, "password-reset", "password_reset", 1800.0, 1.0, "bob")
KEY = ApiKey("k-1", "shop", KeyScope.LIVE, b"h" * 32, 600, 1.0, "alice", 100.0)


def act(what: str, at: float = 1.0, who: str = "alice") -> Act:
    return Act(at, "", what, "", who)


def message(ident: int, at: float = 10.0, **fields: object) -> Urgent:
    values: dict[str, object] = {
        "ident": ident,
        "digest": NOTICE.digest,
        "event": "password_reset",
        "exempt": False,
        "key": "k-1",
        "scope": KeyScope.LIVE,
        "reference": "order-7",
        "idem": b"idem %d" % ident,
        "body": b"body %d" % ident,
        "person": b"p" * 16,
        "salt": b"s" * 16,
        "box": b"box",
        "accepted_at": at,
        "due": at,
        "expires_at": at + 1800,
    }
    return Urgent(**(values | fields))  # type: ignore[arg-type]


def change(ident: int, state: DeliveryState, **fields: object) -> Change:
    happening = Happening(20.0, state.word, "main", "250 ok")
    return Change(ident, state, happening, **fields)  # type: ignore[arg-type]


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def accept(ledger: Ledger, *messages: Urgent, caps: Caps | None = None) -> list[DeliveryState]:
    answers = ledger.accept_urgent([(each, caps or Caps()) for each in messages], claimed=False)
    return [each.state for each in answers]


def state_of(ledger: Ledger, ident: int) -> DeliveryState:
    found = ledger.urgent(ident)
    assert found is not None
    return found.standing.state


def test_a_notice_is_kept_once_and_approved(ledger: Ledger) -> None:
    ledger.propose_urgent(NOTICE, FROZEN, act("urgent proposed"))
    ledger.propose_urgent(NOTICE, FROZEN, act("urgent proposed"))
    approved = ledger.approve_urgent(NOTICE.digest, act("urgent approved", 5.0))
    assert approved == msgspec.structs.replace(NOTICE, approved_at=5.0, approved_by="alice")
    assert ledger.urgent_notices() == [approved]
    assert ledger.urgent_frozen(NOTICE.digest) == FROZEN
    assert [each.what for each in ledger.acts("")] == ["urgent proposed", "urgent approved"]


def test_what_is_not_there_is_said(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no urgent notice"):
        ledger.approve_urgent("cd" * 32, act("approved"))
    with pytest.raises(UsageError, match="no urgent notice"):
        ledger.urgent_frozen("cd" * 32)
    with pytest.raises(UsageError, match="no key"):
        ledger.revoke_key("k-9", act("revoked"))
    assert ledger.urgent(7) is None


def test_keys_are_kept_and_revoked_once(ledger: Ledger) -> None:
    ledger.add_key(KEY, act("key made"))
    ledger.revoke_key("k-1", act("key revoked", 7.0))
    ledger.revoke_key("k-1", act("key revoked", 9.0))
    assert ledger.api_keys() == [msgspec.structs.replace(KEY, revoked_at=7.0)]
    assert [each.what for each in ledger.acts("")] == ["key made", "key revoked"]


@pytest.mark.parametrize(
    ("now", "revoked", "flaw"),
    [(50.0, 0.0, ""), (100.0, 0.0, "expired"), (50.0, 40.0, "revoked")],
)
def test_a_key_ends(now: float, revoked: float, flaw: str) -> None:
    said = msgspec.structs.replace(KEY, revoked_at=revoked).flaw(now)
    assert flaw in said and bool(said) == bool(flaw)


def test_a_message_is_accepted_once(ledger: Ledger) -> None:
    assert accept(ledger, message(1)) == [_D.READY]
    again = message(2, idem=b"idem 1", body=b"body 1")
    other = message(3, idem=b"idem 1", body=b"something else")
    answers = ledger.accept_urgent([(again, Caps()), (other, Caps())], claimed=False)
    assert [(a.ident, a.repeated, a.conflict) for a in answers] == [
        (1, True, False),
        (1, True, True),
    ]
    assert ledger.urgent(2) is None
    another_key = message(4, idem=b"idem 1", key="k-2")
    assert accept(ledger, another_key) == [_D.READY]


def test_one_batch_can_hold_the_same_twice(ledger: Ledger) -> None:
    twice = [message(1), message(2, idem=b"idem 1", body=b"body 1")]
    answers = ledger.accept_urgent([(each, Caps()) for each in twice], claimed=True)
    assert [a.repeated for a in answers] == [False, True]
    assert answers[0].state is _D.CLAIMED


def test_due_messages_are_claimed_oldest_first(ledger: Ledger) -> None:
    people = [
        message(i, due=float(due), person=b"%16d" % i) for i, due in ((1, 30), (2, 10), (3, 99))
    ]
    accept(ledger, *people)
    assert ledger.claim_urgent(5, 9.0) == []
    assert [each.urgent.ident for each in ledger.claim_urgent(1, 50.0)] == [2]
    assert [each.urgent.ident for each in ledger.claim_urgent(5, 50.0)] == [1]
    assert state_of(ledger, 3) is _D.READY


def test_what_was_claimed_by_the_caller_is_not_claimed_again(ledger: Ledger) -> None:
    later = message(2, due=99.0, person=b"q" * 16)
    answers = ledger.accept_urgent([(message(1), Caps()), (later, Caps())], claimed=True)
    assert [each.state for each in answers] == [_D.CLAIMED, _D.READY]
    assert [each.urgent.ident for each in ledger.claim_urgent(5, 100.0)] == [2]


def test_changes_and_what_happened_are_kept(ledger: Ledger) -> None:
    accept(ledger, message(1))
    ledger.change_urgent([change(1, _D.ATTEMPTING, date=20)])
    deferred = change(1, _D.DEFERRED, attempts=1, due=40.0, date=20, code=451, text="later")
    ledger.change_urgent([deferred])
    found = ledger.urgent(1)
    assert found is not None
    standing = found.standing
    assert (standing.state, standing.attempts, standing.due) == (_D.DEFERRED, 1, 40.0)
    assert (standing.route, standing.code, standing.text) == ("main", 451, "later")
    happened = [each.what for each in ledger.urgent_happenings(1)]
    assert happened == ["accepted", "attempting", "deferred"]
    assert [each.urgent.ident for each in ledger.claim_urgent(5, 40.0)] == [1]


def test_a_crash_leaves_nothing_behind(ledger: Ledger) -> None:
    accept(ledger, message(1), message(2, person=b"q" * 16), message(3, person=b"r" * 16))
    ledger.change_urgent([change(1, _D.ATTEMPTING), change(2, _D.CLAIMED), change(3, _D.ACCEPTED)])
    assert ledger.recover_urgent(50.0) == (1, 1)
    assert [state_of(ledger, each) for each in (1, 2, 3)] == [_D.READY, _D.READY, _D.ACCEPTED]
    found = ledger.urgent(1)
    assert found is not None and found.standing.doubts == 1
    last = ledger.urgent_happenings(1)[-1]
    assert (last.what, last.route) == ("in_doubt", "main")


def test_a_flood_is_held_and_told_in_one(ledger: Ledger) -> None:
    states = accept(ledger, *(message(i, at=10.0 + i, exempt=True) for i in range(1, 101)))
    assert states == [_D.READY] * 3 + [_D.HELD] * 97
    assert ledger.floods(13.9) == []
    (flood,) = ledger.floods(14.0)
    assert (flood.newest.ident, flood.count) == (100, 97)
    told = msgspec.structs.replace(flood.newest, digest="ef" * 32, box=b"97 of them")
    ledger.fold_urgent(told, 200.0)
    assert ledger.floods(1e9) == []
    assert state_of(ledger, 50) is _D.WITHDRAWN
    found = ledger.urgent(100)
    assert found is not None
    assert (found.urgent.digest, found.urgent.box) == ("ef" * 32, b"97 of them")
    assert found.standing.state is _D.READY
    held = ledger.urgent(50)
    assert held is not None and held.standing.into == 100
    assert shown(100) in ledger.urgent_happenings(50)[-1].text


def test_a_flood_of_one_kind_holds_back_no_other(ledger: Ledger) -> None:
    accept(ledger, *(message(i) for i in range(1, 9)))
    assert accept(ledger, message(50, event="withdrawal")) == [_D.READY]
    assert accept(ledger, message(51, person=b"q" * 16)) == [_D.READY]
    assert accept(ledger, message(52, at=700.0)) == [_D.READY]


def test_caps_on_a_person_and_on_an_event(ledger: Ledger) -> None:
    caps = Caps(few=100, per_person=2, per_event=4)
    batch = [(message(i), caps) for i in range(1, 4)]
    batch.append((message(4, exempt=True), caps))
    batch += [(message(i, person=b"%16d" % i), caps) for i in (5, 6)]
    answers = ledger.accept_urgent(batch, claimed=False)
    assert [bool(each.capped) for each in answers] == [False, False, True, False, False, True]
    assert "one person in an hour" in answers[2].capped
    assert "password_reset in a minute" in answers[5].capped
    assert ledger.urgent(3) is None


def test_found_by_reference_within_a_scope(ledger: Ledger) -> None:
    accept(ledger, message(1), message(2, person=b"q" * 16), message(3, reference="other"))
    accept(ledger, message(4, scope=KeyScope.TEAM, person=b"r" * 16))
    found = ledger.urgent_by_reference("live", "order-7", 10)
    assert [each.urgent.ident for each in found] == [2, 1]
    assert len(ledger.urgent_by_reference("live", "order-7", 1)) == 1


def test_what_waits_is_counted(ledger: Ledger) -> None:
    assert ledger.urgent_backlog().counts == {}
    accept(ledger, message(1, at=7.0), message(2, person=b"q" * 16))
    ledger.change_urgent([change(2, _D.ACCEPTED)])
    backlog = ledger.urgent_backlog()
    assert (backlog.counts, backlog.oldest) == ({_D.READY: 1}, 7.0)


@given(st.integers(0, (1 << IDENT_BITS) - 1))
def test_an_id_is_read_back(ident: int) -> None:
    assert ident_of(shown(ident)) == ident


@given(st.text(max_size=20))
def test_anything_else_is_no_id(text: str) -> None:
    ident = ident_of(text)
    assert ident is None or shown(ident) == text
