"""A mailing halted for its content, withdrawn, and corrected: nobody gets both."""

from __future__ import annotations

import copy
import csv
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.smtp_sink import Received, Sink
from tests.stopper import Stopper
from tests.workshop import Workshop, complaints, rows

PEOPLE = rows(120)
SLOW = 'connections = 2\nrate = "60/s"'


def told(received: Sequence[Received]) -> set[str]:
    return {each.rcpt_to[0] for each in received}


@pytest.fixture(scope="module")
def sink() -> Iterator[Stopper]:
    with Stopper(after=10) as one:
        yield one
    assert one.failed == []


@pytest.fixture(scope="module")
def began(tmp_path_factory: pytest.TempPathFactory, sink: Stopper) -> tuple[Workshop, str, int]:
    """A workspace whose mailing was halted after some messages, the mailing, and how many."""
    shop = Workshop(tmp_path_factory.mktemp("began") / "newsroom", sink.port)
    shop.edit("severally.toml", "connections = 4", SLOW)
    shop.two_languages()
    file = shop.customers(PEOPLE)
    sink.watch(shop.root, "wrong date")
    ran = shop.send(file)
    assert ran.code == 4, ran.everything
    return shop, ran.said["mailing"], len(sink.received)


@pytest.fixture
def halted(tmp_path: Path, began: tuple[Workshop, str, int], sink: Stopper) -> tuple[Workshop, str]:
    """The same in a place of the test's own."""
    shop, mailing, count = began
    del sink.received[count:]
    mine = copy.copy(shop)
    mine.root = shutil.copytree(shop.root, tmp_path / "newsroom")
    return mine, mailing


def correct(shop: Workshop, people: Sequence[Sequence[str]] = PEOPLE) -> Path:
    """The right date, and the file as it is exported again."""
    shop.edit("notices/index-change/notice.toml", "2026", "2027")
    return shop.customers(people, "again.csv")


def propose(shop: Workshop, file: Path, before: str, code: int = 0) -> str:
    """Instead of that mailing; the new one's id, or what was said."""
    arguments = ("propose", "index-change", "--audience", file, "--instead-of", before, "--json")
    ran = shop.run(*arguments)
    assert ran.code == code, ran.everything
    return str(ran.said["mailing"]) if code == 0 else ran.err


def test_the_others_are_told_the_right_thing_and_nobody_gets_both(
    halted: tuple[Workshop, str], sink: Stopper
) -> None:
    shop, first = halted
    before = told(sink.received)
    ran = shop.run("withdraw", first, "--reason", "wrong date", "--json")
    assert ran.code == 0, ran.everything
    assert (ran.said["left"], ran.said["withdrawn"]) == (len(before), 120 - len(before))
    second = propose(shop, correct(shop), first)
    seen = shop.run("approve", second, "--count", str(120 - len(before)), "--json").said
    assert (seen["instead_of"], seen["told_before"]) == (first, len(before))
    assert seen["audience"] == 120 - len(before)
    assert seen["previous"] == first and seen["diff"], "the diff is against what was withdrawn"
    began = len(sink.received)
    assert shop.run("send", second).code == 0, "a canary of everybody has no gate behind it"
    after = told(sink.received[began:])
    assert not before & after
    assert complaints(sink.received, PEOPLE) == []
    assert len(before | after) == 120


def test_who_has_another_id_or_another_case_now_is_still_left_out(
    halted: tuple[Workshop, str], sink: Stopper
) -> None:
    shop, first = halted
    shop.run("withdraw", first, "--reason", "wrong date")
    listed = shop.root / "told.csv"
    shop.run("report", first, "--recipients", listed)
    with listed.open(newline="") as file:
        got = [row["id"] for row in csv.DictReader(file) if row["state"] == "accepted"]
    renumbered = [
        [
            f"new-{row[0]}",
            row[1].replace("user", "USER"),
            *row[2:],
        ]
        if row[0] in got
        else row
        for row in PEOPLE
    ]
    second = propose(shop, correct(shop, renumbered), first)
    seen = shop.run("status", second, "--json").said["mailings"][0]
    assert seen["audience"] == 120 - len(sink.received)


def test_what_was_withdrawn_has_ended(halted: tuple[Workshop, str]) -> None:
    shop, first = halted
    assert shop.run("withdraw", first, "--reason", "wrong date").code == 0
    ran = shop.run("resume", first)
    assert ran.code == 2 and "cancelled" in ran.err
    assert shop.run("withdraw", first, "--reason", "again").code == 3
    ran = shop.send(shop.root / "customers.csv")
    assert ran.code == 3 and "was sent before" in ran.err, "half of them got it"


def test_a_mailing_that_is_done_is_not_withdrawn_from(tmp_path: Path) -> None:
    with Sink() as sink:
        shop = Workshop(tmp_path / "newsroom", sink.port)
        shop.two_languages()
        assert shop.send(shop.customers(rows(3))).code == 0
    mailing = shop.run("status", "--json").said["mailings"][0]["mailing"]
    ran = shop.run("withdraw", mailing, "--reason", "no")
    assert ran.code == 3 and "is done" in ran.err
    said = propose(shop, correct(shop), mailing, code=3)
    assert "nobody was withdrawn" in said


def test_there_is_one_correction_and_it_can_be_corrected(halted: tuple[Workshop, str]) -> None:
    shop, first = halted
    shop.run("withdraw", first, "--reason", "wrong date")
    file = correct(shop)
    second = propose(shop, file, first)
    said = propose(shop, file, first, code=3)
    assert f"{second} goes instead of {first} already" in said
    shop.edit("notices/index-change/notice.toml", "2027", "2028")
    assert shop.run("approve", second, "--count", "1").code == 3, "it is void by now"
    assert propose(shop, file, first) != second
