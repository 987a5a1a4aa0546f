"""One suite over every outbox: what a user's transactions leave is read, and answered in place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.books import KINDS, Books, books

from severally.adapters.outbox_postgresql import PostgresqlOutbox
from severally.adapters.outbox_sqlite import SqliteOutbox
from severally.model.errors import SeverallyError

SECRET = "anna.lindqvist@customer.example"


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Books]:
    with books(request, tmp_path) as made:
        yield made


def test_committed_rows_are_found_and_no_others(kept: Books) -> None:
    kept.leave({"n": 1}, {"n": 2})
    kept.leave({"n": 3}, commit=False)
    kept.leave({"n": 4})
    rows = kept.outbox.waiting(0, 10)
    assert [row.message.replace(" ", "") for row in rows] == ['{"n":1}', '{"n":2}', '{"n":4}']
    assert [row.id for row in rows] == sorted({row.id for row in rows})
    assert len({row.key for row in rows}) == 3 and all(len(row.key) >= 32 for row in rows)


def test_a_page_begins_after_the_last(kept: Books) -> None:
    kept.leave(*({"n": n} for n in range(5)))
    first = kept.outbox.waiting(0, 2)
    rest = kept.outbox.waiting(first[-1].id, 10)
    assert len(first) == 2 and len(rest) == 3


def test_an_answered_row_waits_no_more(kept: Books) -> None:
    kept.leave({"n": 1}, {"n": 2}, {"n": 3})
    one, _, three = kept.outbox.waiting(0, 10)
    kept.outbox.answer([(one.id, "u-1"), (three.id, "refused: no")])
    kept.outbox.answer([(one.id, "u-1")])
    assert kept.answers() == ["u-1", None, "refused: no"]
    assert len(kept.outbox.waiting(0, 10)) == 1


def test_what_is_no_json_cannot_be_written(kept: Books) -> None:
    with pytest.raises(Exception, match=r"(?i)json|constraint"):
        kept.leave("{not json")
    kept.theirs.rollback()


def test_a_row_shows_nothing_of_its_message(kept: Books) -> None:
    kept.leave({"recipient": SECRET})
    assert SECRET not in repr(kept.outbox.waiting(0, 1))


def test_after_a_failure_the_next_call_tries_again(kept: Books) -> None:
    kept.theirs.cursor().execute("ALTER TABLE severally_outbox RENAME TO away")
    kept.theirs.commit()
    with pytest.raises(SeverallyError, match="severally_outbox"):
        kept.outbox.waiting(0, 1)
    with pytest.raises(SeverallyError, match="severally_outbox"):
        kept.outbox.answer([(1, "u-1")])
    kept.theirs.cursor().execute("ALTER TABLE away RENAME TO severally_outbox")
    kept.theirs.commit()
    kept.leave({"n": 1})
    assert len(kept.outbox.waiting(0, 1)) == 1


def test_a_database_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(SeverallyError, match=r"books\.sqlite3: unable to open"):
        SqliteOutbox(tmp_path / "books.sqlite3", "severally_outbox").waiting(0, 1)
    assert list(tmp_path.iterdir()) == []
    nowhere = PostgresqlOutbox(f"host={tmp_path} dbname=x user=y", "severally_outbox", "geheim")
    with pytest.raises(SeverallyError, match="PostgreSQL: connection") as caught:
        nowhere.waiting(0, 1)
    assert "geheim" not in str(caught.value) + repr(nowhere)
