"""An audience being read: a file of its own beside the ledger, until it is frozen.

Responsible for repeats, for the final order in constant memory, and for its own file being
gone afterwards. Rows are encrypted already; nothing here can read them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from severally.ledger.rules import Content, check_freezable
from severally.ledger.sqlite.building import building, note, reserve, strike_out
from severally.ledger.sqlite.gate import open_private
from severally.ledger.sqlite.store import Store, translated
from severally.model.errors import LedgerError
from severally.model.mailing import Audience
from severally.model.staged import Duplicate, StagedRow

_CACHE_KIB = 16_384
_BATCH = 5_000
_LOOKUP_BATCH = 20_000
_DOMAIN_BATCH = 10_000
_HALF = 1 << 63
"""Taken off `order` (0 to 2^64 - 1), to fit SQLite's signed integers in the same order."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")

_TABLES = """
CREATE TABLE staged (
    seq INTEGER PRIMARY KEY, row INTEGER, rid TEXT, domain INTEGER, locale TEXT, blind BLOB,
    loose BLOB, print BLOB, place INTEGER, salt BLOB, box BLOB, leaf BLOB,
    zone TEXT
);
CREATE TABLE domain (number INTEGER PRIMARY KEY, name TEXT UNIQUE, receiver TEXT);
CREATE TABLE placed (id INTEGER PRIMARY KEY, rid TEXT, blind BLOB);
"""
_NEW_DOMAIN = "INSERT OR IGNORE INTO domain (name, receiver) VALUES (?1, ?1)"
_ADD = """
INSERT INTO staged
VALUES (?, ?, ?, (SELECT number FROM domain WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_DOMAINS = "SELECT number, name FROM domain WHERE number > ? ORDER BY number LIMIT ?"
_ASSIGN = "UPDATE domain SET receiver = ?2 WHERE name = ?1"
_RECEIVERS = """
SELECT domain.receiver, sum(here.n) FROM domain
JOIN (SELECT domain, count(*) AS n FROM staged GROUP BY domain) AS here
    ON here.domain = domain.number
GROUP BY domain.receiver
"""
_ZONES = """
SELECT domain.receiver, staged.zone, count(*) FROM staged
JOIN domain ON domain.number = staged.domain GROUP BY domain.receiver, staged.zone
"""
_IDS_AT = """
SELECT rid FROM staged WHERE domain IN (SELECT number FROM domain WHERE receiver = ?)
ORDER BY seq LIMIT ?
"""
_REPEATED_IDS = """
SELECT rid, row FROM staged WHERE rid IN
    (SELECT rid FROM staged GROUP BY rid HAVING count(*) > 1) ORDER BY rid, seq
"""
_REPEATS = """
SELECT later.row, first.row, later.rid, later.seq, later.print
FROM (SELECT blind, min(seq) AS seq FROM staged GROUP BY blind HAVING count(*) > 1) AS some
JOIN staged AS first ON first.seq = some.seq
JOIN staged AS later INDEXED BY staged_blind ON later.blind = some.blind AND later.seq > some.seq
ORDER BY later.seq
"""
_LOOSE_REPEATS = """
SELECT later.row, first.row, later.rid
FROM (SELECT loose, min(seq) AS seq FROM staged GROUP BY loose HAVING count(*) > 1) AS some
JOIN staged AS first ON first.seq = some.seq
JOIN staged AS later INDEXED BY staged_loose
    ON later.loose = some.loose AND later.seq > some.seq AND later.blind <> first.blind
ORDER BY later.seq LIMIT ?
"""
_IN_ORDER = """
SELECT domain.receiver, locale, seq, rid, salt, box, leaf, blind, zone
FROM staged JOIN domain ON domain.number = staged.domain
ORDER BY domain.receiver, place, seq
"""
_RECIPIENT = "INSERT INTO recipient VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BY_RID = "INSERT INTO recipient_by_rid VALUES (?, ?, ?)"
_BY_BLIND = "INSERT INTO recipient_by_blind VALUES (?, ?, ?)"
_AUDIENCE = "INSERT INTO audience VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_GROUP = "INSERT INTO receiver_group VALUES (?, ?, ?, ?)"


class SqliteStaging:
    """One import. Its file is locked while it lives, so that `sweep` knows it from a dead one."""

    def __init__(self, store: Store, audience_id: str) -> None:
        if not _ID.fullmatch(audience_id):
            raise LedgerError(f"{audience_id!r} cannot be the id of an audience")
        self._store = store
        self._id = audience_id
        _refuse_known(store, audience_id)
        self._path = store.path.with_name(f"{store.path.name}-import-{audience_id}")
        self._content = Content()
        with translated(self._path):
            self._db = _open_new(self._path)

    def add(self, rows: Sequence[StagedRow]) -> None:
        """Take rows in, in order of reading."""
        with translated(self._path):
            self._db.execute("BEGIN")
            self._db.executemany(_NEW_DOMAIN, ((name,) for name in {row.domain for row in rows}))
            self._db.executemany(_ADD, map(_stored, rows))
            self._db.execute("COMMIT")
        self._content.add(row.print for row in rows)

    def domains(self) -> Iterator[Sequence[str]]:
        """Every domain once, in batches."""
        last = 0
        while batch := self._all(_DOMAINS, (last, _DOMAIN_BATCH)):
            last = batch[-1][0]
            yield [name for _, name in batch]

    def assign(self, receivers: Mapping[str, str]) -> None:
        """These domains belong to these receivers."""
        with translated(self._path):
            self._db.execute("BEGIN")
            self._db.executemany(_ASSIGN, receivers.items())
            self._db.execute("COMMIT")

    def receivers(self) -> Mapping[str, int]:
        """Rows that are left, by receiver."""
        return dict(self._all(_RECEIVERS))

    def zones(self) -> Mapping[tuple[str, str], int]:
        """Rows that are left, by receiver and time zone."""
        return {(receiver, zone): count for receiver, zone, count in self._all(_ZONES)}

    def ids_at(self, receiver: str, most: int) -> Sequence[str]:
        """Up to `most` ids of this receiver's rows, in order of reading."""
        return [rid for (rid,) in self._all(_IDS_AT, (receiver, most))]

    def repeated_ids(self) -> Sequence[tuple[str, tuple[int, ...]]]:
        """Ids that stand in more than one row, with the rows in order of reading."""
        self._index("rid")
        found = self._all(_REPEATED_IDS)
        groups = itertools.groupby(found, key=lambda row: str(row[0]))
        return [(rid, tuple(row[1] for row in rows)) for rid, rows in groups]

    def set_aside_repeats(self) -> Sequence[Duplicate]:
        """Take later rows with the same `blind` out and name them."""
        self._index("blind")
        found = self._all(_REPEATS)
        with translated(self._path):
            self._db.execute("BEGIN")
            self._db.executemany("DELETE FROM staged WHERE seq = ?", ((r[3],) for r in found))
            self._db.execute("COMMIT")
        self._content.remove(row[4] for row in found)
        return [Duplicate(row, first, rid, True) for row, first, rid, _, _ in found]

    def loose_repeats(self, most: int) -> Sequence[Duplicate]:
        """Up to `most` rows whose address differs only by a provider's own rules."""
        self._index("loose")
        return [
            Duplicate(row, first, rid, False)
            for row, first, rid in self._all(_LOOSE_REPEATS, (most,))
        ]

    def content(self) -> str:
        """Order-free keyed hash (hex) of the rows that are left; see `rules.Content`."""
        return self._content.hexdigest()

    def freeze(self, name: str, now: float) -> Audience:
        """Number the rows by (receiver, order) and make the audience, in short transactions."""
        count = int(self._all("SELECT count(*) FROM staged")[0][0])
        check_freezable(name, count, self.repeated_ids())
        with building(self._store):
            _refuse_known(self._store, self._id)
            audience = self._freeze(name, now, count)
        self.discard()
        return audience

    def discard(self) -> None:
        """Forget all of it. Harmless after `freeze` or twice."""
        self._db.close()
        with translated(self._path):
            self._path.unlink(missing_ok=True)

    # --- freezing

    def _freeze(self, name: str, now: float, count: int) -> Audience:
        with self._store.write() as db:
            number = reserve(db, "audience", 1)
            first = reserve(db, "recipient", count)
            note(db, "audience", number, first, first + count - 1)
        order = _Order(first)
        for batch in self._batches(_IN_ORDER, _BATCH):
            self._place(number, order, batch)
        self._fill_lookup(_BY_RID, "rid", number)
        self._fill_lookup(_BY_BLIND, "blind", number)
        audience = Audience(
            self._id, name, count, order.root.hexdigest(), self.content(), dict(order.locales)
        )
        with self._store.write() as db:
            db.execute(_AUDIENCE, _audience_row(audience, number, first, now))
            db.executemany(_GROUP, ((number, *group) for group in order.groups()))
            strike_out(db, "audience", first)
        return audience

    def _place(self, number: int, order: _Order, batch: list[tuple[Any, ...]]) -> None:
        start = order.next
        for receiver, locale, _, _, _, _, leaf, _, _ in batch:
            order.take(receiver, locale, leaf)
        numbered = list(enumerate(batch, start))
        with self._store.write() as db:
            db.executemany(
                _RECIPIENT,
                (
                    (id_, number, seq, rid, locale, salt, box, leaf, zone)
                    for id_, (_, locale, seq, rid, salt, box, leaf, _, zone) in numbered
                ),
            )
        with translated(self._path):
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT INTO placed VALUES (?, ?, ?)",
                ((id_, row[3], row[7]) for id_, row in numbered),
            )
            self._db.execute("COMMIT")

    def _fill_lookup(self, insert: str, column: str, number: int) -> None:
        sorted_ = f"SELECT {column}, id FROM placed ORDER BY {column}, id"  # noqa: S608
        for batch in self._batches(sorted_, _LOOKUP_BATCH):
            with self._store.write() as db:
                db.executemany(insert, ((number, *row) for row in batch))

    # --- its own file

    def _index(self, column: str) -> None:
        with translated(self._path):
            self._db.execute(f"CREATE INDEX IF NOT EXISTS staged_{column} ON staged ({column})")

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with translated(self._path):
            return self._db.execute(sql, values).fetchall()

    def _batches(self, sql: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        with translated(self._path):
            cursor = self._db.execute(sql)
        while True:
            with translated(self._path):
                batch = cursor.fetchmany(size)
            if not batch:
                return
            yield batch


class _Order:
    """What is summed up while the rows pass in their final order."""

    def __init__(self, first: int) -> None:
        self.next = first
        self.root = hashlib.sha256()
        self.locales: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def take(self, receiver: str, locale: str, leaf: bytes) -> None:
        if receiver not in self._first:
            self._first[receiver] = self.next
        self.root.update(leaf)
        self.locales[locale] += 1
        self.next += 1

    def groups(self) -> Iterator[tuple[str, int, int]]:
        """Receiver groups as (receiver, first, last)."""
        firsts = list(self._first.items())
        ends = [first - 1 for _, first in firsts[1:]] + [self.next - 1]
        for (receiver, first), last in zip(firsts, ends, strict=True):
            yield receiver, first, last


def _stored(row: StagedRow) -> tuple[Any, ...]:
    return (
        row.seq, row.row, row.id, row.domain, row.locale, row.blind,
        row.loose, row.print, row.order - _HALF, row.salt, row.box, row.leaf, row.zone,
    )  # fmt: skip


def _audience_row(audience: Audience, number: int, first: int, now: float) -> tuple[Any, ...]:
    return (
        number, audience.id, audience.name, audience.count, audience.root, audience.content,
        json.dumps(audience.locales), first, first + audience.count - 1, now,
    )  # fmt: skip


def _refuse_known(store: Store, audience_id: str) -> None:
    with store.read() as db:
        if db.execute("SELECT 1 FROM audience WHERE id = ?", (audience_id,)).fetchone():
            raise LedgerError(f"there is an audience {audience_id} already; it cannot be changed")


def _open_new(path: Path) -> sqlite3.Connection:
    if path.exists() and not remove_dead(path):
        raise LedgerError(f"{path.name} is being written by another import; wait for it to end")
    os.close(open_private(path))
    db = _locked(path)
    db.executescript(_TABLES)
    return db


def _locked(path: Path) -> sqlite3.Connection:
    """Open it for this connection alone. Nothing in it has to outlive a crash."""
    db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA secure_delete = OFF")
        db.execute("PRAGMA temp_store = FILE")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        db.execute("BEGIN EXCLUSIVE")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def remove_dead(path: Path) -> bool:
    """Remove the file of an import whose process is gone; False where it lives."""
    try:
        _locked(path).close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
    except sqlite3.DatabaseError:
        pass  # torn by the crash: no database any more
    path.unlink(missing_ok=True)
    return True


def imports(store: Store) -> list[Path]:
    """The files of all imports, dead or alive."""
    return sorted(store.path.parent.glob(f"{store.path.name}-import-*"))
