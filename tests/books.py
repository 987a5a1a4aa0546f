"""A user's own database with an outbox, made by the very SQL of docs/urgent.md, and its rows."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from severally.adapters.outbox_postgresql import PostgresqlOutbox
from severally.adapters.outbox_sqlite import SqliteOutbox
from severally.ports.outbox import Outbox

DOCUMENT = Path(__file__).parents[1] / "docs" / "urgent.md"
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server("postgresql"))]


def documented(kind: str) -> str:
    """The statements the documentation gives for it."""
    blocks = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if f"-- {kind}" in block.lower())
    return str(found)


@dataclass
class Books:
    """`theirs` is the user's own connection; `settings` the table for severally.toml."""

    theirs: Any
    outbox: Outbox
    settings: str
    _mark: str

    def leave(self, *messages: Any, commit: bool = True) -> None:
        """One transaction with a row for each; a text is written as it is."""
        texts = [m if isinstance(m, str) else json.dumps(m) for m in messages]
        cursor = self.theirs.cursor()
        insert = f"INSERT INTO severally_outbox (message) VALUES ({self._mark})"
        for text in texts:
            cursor.execute(insert, (text,))
        self.theirs.commit() if commit else self.theirs.rollback()

    def answers(self) -> list[str | None]:
        """In the order of ids."""
        cursor = self.theirs.cursor()
        cursor.execute("SELECT answer FROM severally_outbox ORDER BY id")
        found = [answer for (answer,) in cursor.fetchall()]
        self.theirs.commit()
        return found


@contextlib.contextmanager
def books(request: pytest.FixtureRequest, folder: Path) -> Iterator[Books]:
    """Of the kind that the fixture's parameter says."""
    making = _sqlite(folder) if request.param == "sqlite" else _postgresql(request)
    with making as made:
        yield made
        made.outbox.close()


@contextlib.contextmanager
def _sqlite(folder: Path) -> Iterator[Books]:
    file = folder / "books.sqlite3"
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as theirs:
        theirs.executescript(documented("sqlite"))
        settings = f'type = "sqlite"\nfile = "{file}"\n'
        yield Books(theirs, SqliteOutbox(file, "severally_outbox"), settings, "?")


@contextlib.contextmanager
def _postgresql(request: pytest.FixtureRequest) -> Iterator[Books]:
    database = request.getfixturevalue("postgresql").database
    schema = f"books_{uuid.uuid4().hex[:12]}"  # one server for all tests
    with psycopg.connect(database, options=f"-c search_path={schema}") as theirs:
        theirs.execute(f"CREATE SCHEMA {schema}")
        theirs.execute(documented("postgresql"))
        theirs.commit()
        table = f"{schema}.severally_outbox"
        settings = f'type = "postgresql"\ndatabase = "{database}"\ntable = "{table}"\n'
        yield Books(theirs, PostgresqlOutbox(database, table), settings, "%s")
