"""An outbox in an SQLite file of somebody else's."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from severally.model.errors import SeverallyError
from severally.model.outbox import OutboxRow

BUSY_S = 5.0
"""How long another writer's transaction is waited for."""


class SqliteOutbox:
    """`ports.Outbox`. The file has to be there: nothing is created. One thread at a time."""

    def __init__(self, file: Path, table: str) -> None:
        self._file = file
        self._table = '"' + table.replace('"', '""') + '"'
        self._db: sqlite3.Connection | None = None

    def waiting(self, after: int, most: int) -> Sequence[OutboxRow]:
        """In the order of ids."""
        query = (
            f"SELECT id, key, message FROM {self._table} "  # noqa: S608  (a quoted identifier)
            "WHERE answer IS NULL AND id > ? ORDER BY id LIMIT ?"
        )
        with self._opened() as db:
            rows = db.execute(query, (after, most)).fetchall()
        return [OutboxRow(id, str(key), _text(message)) for id, key, message in rows]

    def answer(self, answers: Sequence[tuple[int, str]]) -> None:
        """In one transaction."""
        update = f"UPDATE {self._table} SET answer = ? WHERE id = ?"  # noqa: S608
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(update, [(text, id) for id, text in answers])
            db.execute("COMMIT")

    def close(self) -> None:
        """Harmless when repeated."""
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The connection; closed where something goes wrong, so that the next call starts anew."""
        try:
            if self._db is None:
                # mode=rw: a wrong path is an error, not a new database
                self._db = sqlite3.connect(
                    f"{self._file.absolute().as_uri()}?mode=rw",
                    uri=True,
                    timeout=BUSY_S,
                    isolation_level=None,
                    check_same_thread=False,
                )
            yield self._db
        except sqlite3.Error as error:
            self.close()
            raise SeverallyError(f"{self._file.name}: {error}") from None


def _text(message: object) -> str:
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
