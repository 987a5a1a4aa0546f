"""Hostile circumstances 50 to 55: people who would skip the others, each refused and audited."""

from __future__ import annotations

import re
from pathlib import Path

import pyotp
import pytest
from tests.staff import Staff, english, live
from tests.workshop import Workshop, rows


@pytest.fixture
def staff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staff:
    """A live workspace with its people and a list of customers."""
    monkeypatch.delenv("SEVERALLY_TOKEN", raising=False)
    shop = Workshop(tmp_path / "newsroom")
    live(shop)
    made = Staff(shop, tmp_path / "state")
    made.hire()
    shop.customers(english(rows(8)))
    return made


def audience(staff: Staff) -> Path:
    return staff.shop.root / "customers.csv"


def test_50_an_audience_edited_after_approval_is_stopped(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    assert staff.approve("alice", mailing, 8).code == 0
    staff.shop.customers(english(rows(9)))
    staff.sign_in("bob")
    ran = staff.run("send", mailing, "--code", staff.code("bob"))
    assert ran.code == 3
    assert "customers.csv was changed" in ran.err
    assert staff.state(mailing) == "void"
    assert any(line.startswith("bob refused: send:") for line in staff.story())


def test_50_nor_can_what_was_changed_be_approved(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    staff.shop.edit("notices/index-change/notice.toml", "2026", "2027")
    ran = staff.approve("alice", mailing, 8)
    assert ran.code == 3
    assert staff.state(mailing) == "void"


def test_51_nobody_approves_what_they_proposed(staff: Staff) -> None:
    staff.sign_in("carol")
    proposed = staff.said("propose", "index-change", "--audience", audience(staff)).said
    ran = staff.approve("carol", proposed["mailing"], 8)
    assert ran.code == 3
    assert "carol proposed this" in ran.err
    assert staff.state(proposed["mailing"]) == "proposed"
    assert any("carol refused: approve: carol proposed this" in each for each in staff.story())


def test_51_one_person_under_two_names_with_one_credential(staff: Staff) -> None:
    staff.sign_in("alice")
    password = staff.password("mallory", "bob has a long password")
    arguments = ("operator", "add", "mallory", "--role", "approver", "--password-file", password)
    ran = staff.run(*arguments, "--code", staff.code("alice"))
    assert ran.code == 3
    assert "the credential of bob" in ran.err
    assert any("alice refused: operator add mallory" in each for each in staff.story())


def test_51_nor_approves_with_the_authors_codes(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    staff.sign_in("alice")
    ran = staff.run("approve", mailing, "--count", "8", "--code", staff.code("bob"))
    assert ran.code == 3
    assert "not alice's code" in ran.err
    assert staff.state(mailing) == "proposed"


def test_52_an_approval_is_for_one_mailing(staff: Staff) -> None:
    first = staff.propose(audience(staff))
    assert staff.approve("alice", first, 8).code == 0
    staff.shop.customers(english(rows(9)), "more.csv")
    second = staff.propose(staff.shop.root / "more.csv")
    ran = staff.run("send", second, "--code", staff.code("bob"))
    assert ran.code == 3
    assert "0 of 1 approvals" in ran.err
    seen = staff.said("report", first).said["history"]
    digest = next(
        each["detail"].split()[1].strip(",") for each in seen if "digest" in each["detail"]
    )
    ran = staff.approve("alice", second, 9, "--digest", digest)
    assert ran.code == 3
    assert "not the digest" in ran.err
    assert any("alice refused: approve: that is not the digest" in each for each in staff.story())


def test_54_a_code_works_once(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    staff.sign_in("alice")
    code = staff.code("alice")
    assert staff.run("approve", mailing, "--count", "7", "--code", code).code == 3
    ran = staff.run("approve", mailing, "--count", "8", "--code", code)
    assert ran.code == 3
    assert "used already" in ran.err
    assert staff.state(mailing) == "proposed"
    assert any("alice refused: approve: that code was used" in each for each in staff.story())


def test_55_a_key_made_for_trials_sends_nothing_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEVERALLY_TOKEN", raising=False)
    shop = Workshop(tmp_path / "newsroom")
    staff = Staff(shop, tmp_path / "state")
    staff.hire()
    staff.sign_in("bob")
    arguments = ("operator", "token", "nightly", "--scope", "send", "--code", staff.code("bob"))
    token = staff.said(*arguments).said["token"]
    live(shop)
    mailing = staff.propose(shop.customers(english(rows(8))))
    assert staff.approve("alice", mailing, 8).code == 0
    monkeypatch.setenv("SEVERALLY_TOKEN", token)
    ran = staff.run("send", mailing)
    assert ran.code == 3
    assert "made for a trial workspace" in ran.err
    assert staff.state(mailing) == "approved"
    assert any(" refused: send: this token was made for a trial" in each for each in staff.story())


def test_a_token_never_approves(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    mailing = staff.propose(audience(staff))
    staff.sign_in("alice")
    arguments = ("operator", "token", "robot", "--scope", "send", "--code", staff.code("alice"))
    monkeypatch.setenv("SEVERALLY_TOKEN", staff.said(*arguments).said["token"])
    ran = staff.run("approve", mailing, "--count", "8")
    assert ran.code == 3
    assert "not for approve" in ran.err


def test_nothing_is_done_unsigned(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    staff.said("sign-out")
    for arguments in (
        ("propose", "index-change", "--audience", audience(staff)),
        ("approve", mailing, "--count", "8", "--code", "123456"),
        ("send", mailing, "--code", "123456"),
        ("decide", mailing, "pass", "--reason", "x"),
        ("operator", "add", "eve", "--role", "approver", "--password-file", "alice.password"),
    ):
        ran = staff.run(
            *(staff.shop.root / w if str(w).endswith("password") else w for w in arguments)
        )
        assert ran.code == 3, arguments
        assert "sign" in ran.err


def test_who_guesses_waits_and_it_is_written_down(staff: Staff) -> None:
    wrong = staff.password("guess", "not bob's password")
    sign_in = ("sign-in", "bob", "--password-file", wrong, "--code", "000000")
    for _ in range(5):
        assert "not the password of bob" in staff.run(*sign_in).err
    right = ("sign-in", "bob", "--password-file", staff.shop.root / "bob.password", "--code")
    soon = pyotp.TOTP(staff.secrets["bob"]).at(int(staff.clock.wall()))
    ran = staff.run(*right, soon)
    assert ran.code == 3
    assert "too many wrong passwords or codes of bob" in ran.err
    assert re.search(r"looked at from \d\d:\d\d:\d\d UTC on", ran.err)
    story = staff.story()
    assert sum("refused: sign-in bob: that is not the password" in each for each in story) == 5
    assert any("refused: sign-in bob: too many wrong" in each for each in story)
    staff.clock.seconds += 60
    staff.sign_in("bob")


def test_guessed_codes_are_counted_too(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    staff.sign_in("alice")
    approve = ("approve", mailing, "--count", "8", "--code")
    for _ in range(5):
        assert "not alice's code" in staff.run(*approve, "000000").err
    soon = pyotp.TOTP(staff.secrets["alice"]).at(int(staff.clock.wall()) + 30)
    assert "too many wrong" in staff.run(*approve, soon).err
    assert staff.state(mailing) == "proposed"
    assert staff.approve("alice", mailing, 8).code == 0


def test_a_session_runs_out(staff: Staff) -> None:
    staff.sign_in("bob")
    staff.clock.seconds += 3_601
    ran = staff.run("propose", "index-change", "--audience", audience(staff))
    assert ran.code == 3
    assert "has run out" in ran.err


# --- break-glass

GLASS = ("--break-glass", "--incident", "INC-7", "--reason", "logins fail")


def test_expired_break_glass_is_halted_and_then_needs_approvals(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    code = staff.code("bob")
    ran = staff.run("send", mailing, *GLASS, "--code", code, "--until", "+1s")
    assert ran.code == 5, ran.everything  # the sentinels' relay does not answer
    staff.clock.seconds += 3_600
    ran = staff.run("resume", mailing, "--until", "+9000s")
    assert ran.code == 4, ran.everything
    assert "nobody acknowledged" in staff.said("status", mailing).said["mailings"][0]["reason"]
    staff.sign_in("bob")
    ran = staff.run("resume", mailing)
    assert ran.code == 3
    assert "0 of 1 approvals" in ran.err
    staff.sign_in("alice")
    ran = staff.run("acknowledge", mailing, "--code", staff.code("alice"))
    assert ran.code == 3
    assert "is over" in ran.err
    story = staff.story()
    assert any(each == "bob break-glass: incident INC-7: logins fail" for each in story)
    assert any(each.startswith("alice refused: acknowledge") for each in story)


def test_an_unreviewed_break_glass_blocks_the_next(staff: Staff) -> None:
    first = staff.propose(audience(staff))
    staff.run("send", first, *GLASS, "--code", staff.code("bob"), "--until", "+1s")
    staff.shop.customers(english(rows(9)), "more.csv")
    second = staff.propose(staff.shop.root / "more.csv")
    ran = staff.run("send", second, *GLASS, "--code", staff.code("bob"))
    assert ran.code == 3
    assert "not reviewed" in ran.err
    assert staff.run("review", first, "--words", "my own").code == 3
    staff.sign_in("carol")
    assert staff.run("review", first, "--words", "it was right").code == 0
    story = staff.story()
    assert any(each.startswith("bob refused: break-glass: the last break-glass") for each in story)
    assert any(each.startswith("carol reviewed: it was right") for each in story)


def test_the_record_of_all_this_is_whole(staff: Staff) -> None:
    mailing = staff.propose(audience(staff))
    assert staff.approve("alice", mailing, 8).code == 0
    said = staff.said("audit", "verify").said
    assert said["flaws"] == []
    assert said["unanchored"] <= 1
