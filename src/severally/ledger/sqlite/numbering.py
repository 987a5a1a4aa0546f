"""Deliveries in SQLite: one ready row per recipient, numbered by (receiver, step, zone).

Responsible for the order of the numbers alone, in short transactions; `building` keeps what is
half written from counting.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from severally.ledger.rules import StepOf, Steps
from severally.ledger.sqlite.audiences import groups, numbered
from severally.ledger.sqlite.store import Store
from severally.model.mailing import Cohort

_BATCH = 25_000
_PAGE = 10_000
_ALL_IN_ORDER = """
INSERT INTO delivery (id, recipient, cohort, state, attempts, epoch, at)
WITH RECURSIVE number (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last)
SELECT n, n + :recipient, :cohort, 0, 0, 0, :now FROM number
"""
_ONE = """
INSERT INTO delivery (id, recipient, cohort, state, attempts, epoch, at)
VALUES (?, ?, ?, 0, 0, 0, ?)
"""
_STRATA = "SELECT id, locale, zone FROM recipient WHERE id BETWEEN ? AND ? ORDER BY id"


def fill_in_order(store: Store, cohorts: Sequence[Cohort], recipient: int, now: float) -> None:
    """One step for everybody: delivery and recipient numbers run in parallel."""
    offset = recipient - cohorts[0].first
    for cohort in cohorts:
        for first in range(cohort.first, cohort.last + 1, _BATCH):
            values = {
                "first": first,
                "last": min(cohort.last, first + _BATCH - 1),
                "recipient": offset,
                "cohort": cohort.id,
                "now": now,
            }
            with store.write() as db:
                db.execute(_ALL_IN_ORDER, values)


def fill_by_step(
    store: Store, audience: str, cohorts: Sequence[Cohort], steps: Steps, now: float
) -> None:
    """Each receiver's recipients dealt out to its steps' cohorts, eight bytes for each in
    memory. Raises LedgerError where the steps do not fit."""
    step_of = StepOf(cohorts[0].mailing, steps)
    with store.read() as db:
        number, recipient, _ = numbered(db, audience)
        sizes = groups(db, number)
    for receiver, count in sizes:
        parts = {(c.step, c.zone): (c, array("q")) for c in cohorts if c.receiver == receiver}
        for id_, locale, zone in _recipients(store, recipient, recipient + count - 1):
            parts[step_of((receiver, locale, zone)), zone][1].append(id_)
        for cohort, ids in parts.values():
            _write(store, cohort, ids, now)
        recipient += count


def _recipients(store: Store, first: int, last: int) -> Iterator[tuple[int, str, str]]:
    for start in range(first, last + 1, _PAGE):
        with store.read() as db:
            page = db.execute(_STRATA, (start, min(last, start + _PAGE - 1))).fetchall()
        yield from page


def _write(store: Store, cohort: Cohort, recipients: array[int], now: float) -> None:
    for start in range(0, len(recipients), _BATCH):
        batch = recipients[start : start + _BATCH]
        numbers = enumerate(batch, cohort.first + start)
        with store.write() as db:
            db.executemany(_ONE, ((n, recipient, cohort.id, now) for n, recipient in numbers))
