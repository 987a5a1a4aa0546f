"""What every change of a delivery's state takes along: the counts per cohort, and the reply."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

_COUNT = """
INSERT INTO tally (cohort, state, n) VALUES (?, ?, ?)
ON CONFLICT (cohort, state) DO UPDATE SET n = n + excluded.n
"""
_REPLY = "INSERT INTO reply (code, enhanced, text, rule) VALUES (?, ?, ?, ?)"


def recount(db: sqlite3.Connection, changes: Iterable[tuple[int, int, int]]) -> None:
    """(cohort, state, how many more)."""
    db.executemany(_COUNT, changes)


def add_reply(db: sqlite3.Connection, words: tuple[int, str, str, str]) -> int:
    """Code, enhanced code, text and rule; the number by which deliveries name it."""
    return int(db.execute(_REPLY, words).lastrowid or 0)
