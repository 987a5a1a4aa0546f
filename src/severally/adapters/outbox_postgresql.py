"""An outbox in a PostgreSQL database of somebody else's, version 13 or newer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import conninfo, sql

from severally.model.errors import SeverallyError
from severally.model.outbox import OutboxRow

CONNECT_S = 5
STATEMENT_MS = 10_000
"""A lock on the table held for longer is somebody's mistake; the next call tries again."""
_QUIET_S = 30
"""Seconds without a packet after which the other end is asked whether it is there."""


class PostgresqlOutbox:
    """`ports.Outbox`. `database` is a connection string, `password` is not part of it and is
    never shown; `table` may name its schema. One thread at a time."""

    def __init__(self, database: str, table: str, password: str = "") -> None:
        self._database = database
        self._password = password
        self._table = sql.Identifier(*table.split("."))
        self._db: psycopg.Connection[Any] | None = None

    def __repr__(self) -> str:
        return f"PostgresqlOutbox({self._table.as_string()})"

    def waiting(self, after: int, most: int) -> Sequence[OutboxRow]:
        """In the order of ids."""
        query = sql.SQL(
            "SELECT id, key::text, message::text FROM {} "
            "WHERE answer IS NULL AND id > %s ORDER BY id LIMIT %s"
        ).format(self._table)
        with self._opened() as db:
            return [OutboxRow(*row) for row in db.execute(query, (after, most)).fetchall()]

    def answer(self, answers: Sequence[tuple[int, str]]) -> None:
        """In one statement, and so in one transaction."""
        update = sql.SQL(
            "UPDATE {} AS box SET answer = said.text "
            "FROM unnest(%s::bigint[], %s::text[]) AS said (id, text) WHERE box.id = said.id"
        ).format(self._table)
        with self._opened() as db:
            db.execute(update, ([id for id, _ in answers], [text for _, text in answers]))

    def close(self) -> None:
        """Harmless when repeated."""
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextlib.contextmanager
    def _opened(self) -> Iterator[psycopg.Connection[Any]]:
        """The connection; closed where something goes wrong, so that the next call starts anew."""
        try:
            if self._db is None:
                self._db = self._connected()
            yield self._db
        except psycopg.Error as error:
            self.close()
            said = (
                str(error).strip().partition("\n")[0]
            )  # the rest may quote the statement's values
            raise SeverallyError(f"PostgreSQL: {said or type(error).__name__}") from None

    def _connected(self) -> psycopg.Connection[Any]:
        settings: dict[str, Any] = {
            "connect_timeout": CONNECT_S,
            "keepalives_idle": _QUIET_S,
            "application_name": "severally outbox",
            "options": f"-c statement_timeout={STATEMENT_MS}",
        }
        settings |= conninfo.conninfo_to_dict(self._database)
        if self._password:
            settings["password"] = self._password
        # a pooler between us may give each statement another session: nothing is prepared
        return psycopg.connect(autocommit=True, prepare_threshold=None, **settings)
