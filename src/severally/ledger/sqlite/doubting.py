"""A ledger in SQLite that is older than what was sent: put back from a backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from severally.ledger.rules import HALTABLE, restored
from severally.ledger.sqlite.events import settle_waiting
from severally.ledger.sqlite.mailings import STEP, found, write_act
from severally.ledger.sqlite.store import Store
from severally.ledger.sqlite.tally import recount
from severally.model.delivery import DeliveryState
from severally.model.mailing import Cohort, MailingState

_COHORT = "SELECT id, mailing, receiver, first, last, step FROM cohort WHERE id = ?"
_OPEN_STATES = "(0, 1, 2, 4)"
_COUNT = f"""
SELECT state, count(*) FROM delivery
WHERE id BETWEEN ? AND ? AND state IN {_OPEN_STATES} GROUP BY state
"""  # noqa: S608
_DOUBT = f"""
UPDATE delivery SET state = {int(DeliveryState.IN_DOUBT)}, reply = NULL, due = NULL, at = ?
WHERE id BETWEEN ? AND ? AND state IN {_OPEN_STATES}
"""  # noqa: S608
_UNDER_WAY = "SELECT id, state FROM mailing WHERE state NOT IN ('done', 'void', 'cancelled')"


class Doubting:
    """The part of the ledger that distrusts itself."""

    _store: Store

    def doubt(self, marks: Mapping[int, int], now: float, reason: str) -> int:
        """Everything up to its cohort's mark that is not final is in doubt; mailings under way
        are halted. How many are in doubt now that were not before."""
        with self._store.write() as db:
            db.execute("UPDATE ledger SET epoch = epoch + 1")
            count = sum(_doubt(db, cohort, mark, now) for cohort, mark in marks.items())
            for mailing_id, state in db.execute(_UNDER_WAY).fetchall():
                if MailingState(state) in HALTABLE:
                    _halt(db, mailing_id, now, reason)
            write_act(db, restored(now, reason, count))
            settle_waiting(db)
        return count


def _doubt(db: sqlite3.Connection, number: int, mark: int, now: float) -> int:
    row = db.execute(_COHORT, (number,)).fetchone()
    if row is None:
        return 0
    cohort = Cohort(*row)
    reach = (cohort.first, min(cohort.last, mark))
    counts = db.execute(_COUNT, reach).fetchall()
    db.execute(_DOUBT, (now, *reach))
    total: int = sum(n for _, n in counts)
    changes = [(number, state, -n) for state, n in counts]
    recount(db, [*changes, (number, int(DeliveryState.IN_DOUBT), total)])
    return total


def _halt(db: sqlite3.Connection, mailing_id: str, now: float, reason: str) -> None:
    mailing = found(db, mailing_id)
    state, epoch = MailingState.HALTED, mailing.halt_epoch + 1
    db.execute(STEP, (state, epoch, mailing.started_at, mailing.ended_at, reason, mailing_id))
