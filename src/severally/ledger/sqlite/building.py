"""Long writes in short transactions: a million rows without holding the write lock.

Numbers are reserved first and noted in `building`; what stands under them counts only when
a last transaction says so and strikes the note out. One builder at a time; a note found
while no builder is at work was left by a dead one.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from severally.ledger.sqlite.gate import open_private, taken
from severally.ledger.sqlite.store import Store, translated

_REMOVED_AT_ONCE = 20_000
_COUNTERS = {
    "audience": "next_audience",
    "recipient": "next_recipient",
    "delivery": "next_delivery",
    "cohort": "next_cohort",
}
_NOTE = "INSERT INTO building (kind, number, first, last) VALUES (?, ?, ?, ?)"
_STRIKE = "DELETE FROM building WHERE kind = ? AND first = ?"


@contextmanager
def building(store: Store) -> Iterator[None]:
    """Be the one builder, waiting for another to end; what a dead one left is removed."""
    lock = _open(store)
    try:
        with translated(store.path):
            fcntl.flock(lock, fcntl.LOCK_EX)
        remove_left_over(store)
        try:
            yield
        except BaseException:
            remove_left_over(store)
            raise
    finally:
        os.close(lock)


def sweep_building(store: Store) -> int:
    """Remove what dead builders left, unless one is alive now; how many."""
    lock = _open(store)
    try:
        return remove_left_over(store) if taken(lock) else 0
    finally:
        os.close(lock)


def _open(store: Store) -> int:
    with translated(store.path):
        return open_private(store.path.with_name(f"{store.path.name}-building"))


def reserve(db: sqlite3.Connection, what: str, count: int) -> int:
    """The first of `count` numbers that are never given out again."""
    column = _COUNTERS[what]
    first = int(db.execute(f"SELECT {column} FROM ledger").fetchone()[0])  # noqa: S608
    db.execute(f"UPDATE ledger SET {column} = ?", (first + count,))  # noqa: S608
    return first


def note(db: sqlite3.Connection, kind: str, number: int, first: int, last: int) -> None:
    """Say that this range is being filled."""
    db.execute(_NOTE, (kind, number, first, last))


def strike_out(db: sqlite3.Connection, kind: str, first: int) -> None:
    """The range is filled and counts, with everything else in this transaction."""
    db.execute(_STRIKE, (kind, first))


def remove_left_over(store: Store) -> int:
    """Remove every noted range; how many. Only for who holds the builder's lock."""
    with store.read() as db:
        notes = db.execute("SELECT kind, number, first, last FROM building").fetchall()
    for kind, number, first, last in notes:
        if kind == "audience":
            _remove_range(store, "recipient", first, last)
            _remove_lookups(store, "recipient_by_rid", "rid", number)
            _remove_lookups(store, "recipient_by_blind", "blind", number)
        else:
            _remove_range(store, "delivery", first, last)
        with store.write() as db:
            strike_out(db, kind, first)
    return len(notes)


def _remove_range(store: Store, table: str, first: int, last: int) -> None:
    for start in range(first, last + 1, _REMOVED_AT_ONCE):
        end = min(last, start + _REMOVED_AT_ONCE - 1)
        with store.write() as db:
            db.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", (start, end))  # noqa: S608


def _remove_lookups(store: Store, table: str, column: str, audience: int) -> None:
    some = f"SELECT {column} FROM {table} WHERE audience = ? LIMIT {_REMOVED_AT_ONCE}"  # noqa: S608
    remove = f"DELETE FROM {table} WHERE audience = ? AND {column} IN ({some})"  # noqa: S608
    removed = 1
    while removed:
        with store.write() as db:
            removed = db.execute(remove, (audience, audience)).rowcount
