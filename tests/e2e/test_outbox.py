"""The outbox: what a transaction leaves in a user's own table is sent, once, or says why not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.books import KINDS, Books, books
from tests.newsdesk import VALUES, Newsdesk, served, workspace

from severally.app.lock import DeliveryLock
from severally.model.event import Party
from severally.model.suppression import Suppression, Why


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Books]:
    with books(request, tmp_path) as made:
        yield made


def message(number: int, **more: Any) -> dict[str, Any]:
    to = {"email": f"p{number}@customer.example"}
    return {"notice": "reset", "recipient": to, "variables": VALUES} | more


def answered(kept: Books) -> list[str]:
    """When every row is; the test's own time limit bounds the wait."""
    while None in (said := kept.answers()):
        time.sleep(0.02)
    return [str(each) for each in said]


def sent(desk: Newsdesk, answers: list[str]) -> Counter[str]:
    """Whom something went to, when all that was accepted is final."""
    for name in answers:
        assert desk.final(name)["message"]["state"] == "accepted"
    return Counter(str(each["To"]) for each in desk.letters())


def test_every_committed_row_is_sent_and_nothing_else(kept: Books, tmp_path: Path) -> None:
    folder = workspace(tmp_path / "newsroom", f"\n[outboxes.books]\n{kept.settings}")
    for number in range(0, 30, 3):
        kept.leave(message(number), message(number + 1))
        kept.leave(message(number + 2), commit=False)
    with served(folder) as desk:
        answers = answered(kept)
        people = sent(desk, answers)
        metrics = desk.http.get("/metrics").text
    assert people == {f"p{n}@customer.example": 1 for n in range(30) if n % 3 != 2}
    assert 'severally_outbox_rows_total{answer="accepted",outbox="books"} 20.0' in metrics
    assert 'severally_outbox_readable{outbox="books"} 1.0' in metrics
    # somebody forgets the answers: read again, each is the message it was
    kept.theirs.cursor().execute("UPDATE severally_outbox SET answer = NULL")
    kept.theirs.commit()
    with served(folder) as desk:
        assert answered(kept) == answers
        assert sent(desk, answers) == people


def test_what_cannot_be_sent_says_why_in_its_row(kept: Books, tmp_path: Path) -> None:
    folder = workspace(tmp_path / "newsroom", f"\n[outboxes.books]\n{kept.settings}")
    wrong: list[Any] = [
        message(1, recipient={"email": "a@x.example, b@x.example"}),
        message(2, recipient=["a@x.example", "b@x.example"]),
        message(3, bcc="b@x.example"),
        message(4, variables={}),
        message(5, notice="nothing"),
        "7",
        message(6),
        message(7),
    ]
    with served(folder) as desk:
        party = Party(desk.office.keys.blind("p6@customer.example"), b"", b"")
        desk.office.ledger.suppress([Suppression(party, "all", Why.HARD, "test", 1.0)], 1.0)
        kept.leave(*wrong)
        *refused, good = answered(kept)
        assert sent(desk, [good]) == {"p7@customer.example": 1}
    assert all(said.startswith("refused: ") for said in refused)
    for said, part in zip(
        refused,
        ["recipient.email", "$.recipient", "bcc", "variables", "notice", "object", "hard"],
        strict=True,
    ):
        assert part in said and "x.example" not in said


def test_a_table_that_is_not_there_yet_is_read_when_it_is(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    settings = f'\n[outboxes.books]\ntype = "sqlite"\nfile = "{file}"\n'
    with served(workspace(tmp_path / "newsroom", settings)) as desk:
        gauge = 'severally_outbox_readable{outbox="books"} 0.0'
        while gauge not in desk.http.get("/metrics").text:
            time.sleep(0.02)
        assert desk.http.get("/readyz").status_code == 200


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_whoever_does_not_send_does_not_read(kept: Books, tmp_path: Path) -> None:
    folder = workspace(tmp_path / "newsroom", f"\n[outboxes.books]\n{kept.settings}")
    other = DeliveryLock(folder / ".severally" / "urgent.lock")
    (folder / ".severally").mkdir(exist_ok=True)
    assert other.take()
    kept.leave(message(1))
    with served(folder) as desk:
        assert desk.ask().status_code == 202
        assert kept.answers() == [None]
        other.release()
        assert sent(desk, answered(kept)) == {"p1@customer.example": 1, "anna@customer.example": 1}
