"""Audiences in SQLite: imports begun, frozen lists looked up and streamed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from severally.ledger.rules import no_audience
from severally.ledger.sqlite.building import sweep_building
from severally.ledger.sqlite.staging import SqliteStaging, imports, remove_dead
from severally.ledger.sqlite.store import Store, translated
from severally.model.delivery import Claim
from severally.model.mailing import Audience

_PAGE = 1_000
_AUDIENCE = "SELECT id, name, count, root, content, locales FROM audience WHERE id = ?"
_FIND = """
SELECT r.seq, r.salt, r.box FROM recipient_by_rid AS l JOIN recipient AS r ON r.id = l.recipient
WHERE l.audience = ? AND l.rid = ?
"""
_ROWS = "SELECT seq, salt, box FROM recipient WHERE id BETWEEN ? AND ? ORDER BY id"
_STRATA = """
SELECT g.receiver, r.locale, r.zone, count(*)
FROM receiver_group AS g JOIN recipient AS r ON r.id BETWEEN g.first AND g.last
WHERE g.audience = ? GROUP BY g.receiver, r.locale, r.zone
"""
_GROUPS = """
SELECT receiver, last - first + 1 FROM receiver_group WHERE audience = ? ORDER BY first
"""


class Audiences:
    """The part of the ledger that knows who is told."""

    _store: Store

    def stage(self, audience_id: str) -> SqliteStaging:
        """Begin to read an audience. Raises LedgerError where the id is taken."""
        return SqliteStaging(self._store, audience_id)

    def audience(self, audience_id: str) -> Audience:
        """Raises UsageError where there is none."""
        with self._store.read() as db:
            row = db.execute(_AUDIENCE, (audience_id,)).fetchone()
        if row is None:
            raise no_audience(audience_id)
        id_, name, count, root, content, locales = row
        return Audience(id_, name, count, root, content, json.loads(locales))

    def sweep(self) -> int:
        """Remove what unfinished imports left; how many. Those at work are left alone."""
        with translated(self._store.path):
            dead = sum(remove_dead(path) for path in imports(self._store))
        return dead + sweep_building(self._store)

    def find_recipient(self, audience_id: str, recipient_id: str) -> Claim | None:
        """A recipient's encrypted row by id (a Claim with delivery 0)."""
        with self._store.read() as db:
            number = numbered(db, audience_id)[0]
            row = db.execute(_FIND, (number, recipient_id)).fetchone()
        return None if row is None else _looked_at(row)

    def rows(self, audience_id: str) -> Iterator[Claim]:
        """Every recipient's encrypted row in audience order (delivery 0), streaming."""
        with self._store.read() as db:
            _, first, last = numbered(db, audience_id)
        for start in range(first, last + 1, _PAGE):
            with self._store.read() as db:
                page = db.execute(_ROWS, (start, min(last, start + _PAGE - 1))).fetchall()
            yield from map(_looked_at, page)

    def receivers(self, audience_id: str) -> Mapping[str, int]:
        """Recipients per receiver group, in audience order."""
        with self._store.read() as db:
            return dict(groups(db, numbered(db, audience_id)[0]))

    def strata(self, audience_id: str) -> Mapping[tuple[str, str, str], int]:
        """Recipients per (receiver group, locale, time zone)."""
        with self._store.read() as db:
            rows = db.execute(_STRATA, (numbered(db, audience_id)[0],))
            return {(receiver, locale, zone): count for receiver, locale, zone, count in rows}


def numbered(db: sqlite3.Connection, audience_id: str) -> tuple[int, int, int]:
    """(number, first recipient, last recipient). Raises UsageError where there is none."""
    sql = "SELECT number, first, last FROM audience WHERE id = ?"
    row: tuple[int, int, int] | None = db.execute(sql, (audience_id,)).fetchone()
    if row is None:
        raise no_audience(audience_id)
    return row


def groups(db: sqlite3.Connection, number: int) -> list[tuple[str, int]]:
    """(receiver, recipients) in audience order."""
    return db.execute(_GROUPS, (number,)).fetchall()


def _looked_at(row: tuple[Any, ...]) -> Claim:
    seq, salt, box = row
    return Claim(0, seq, salt, box, 0, 0)
