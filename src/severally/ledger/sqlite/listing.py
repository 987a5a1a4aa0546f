"""The recipients of a mailing one by one, in SQLite: who stands where, who is withdrawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from severally.ledger.halted import WITHDRAWABLE, check_withdrawal
from severally.ledger.sqlite.mailings import counts_of, found
from severally.ledger.sqlite.store import Store
from severally.ledger.sqlite.tally import add_reply, recount
from severally.model.delivery import DeliveryState
from severally.model.entries import Record

_PAGE = 1_000
_HAVING = """
SELECT c.id, c.first, c.last, sum(t.n) FROM cohort AS c JOIN tally AS t ON t.cohort = c.id
WHERE c.mailing = ? AND t.n > 0 AND t.state IN (SELECT value FROM json_each(?))
GROUP BY c.id ORDER BY c.id
"""
_IN_STATES = """
SELECT r.rid, d.at, d.id, d.state, coalesce(p.code, 0), coalesce(p.enhanced, ''),
       coalesce(p.text, ''), coalesce(p.rule, ''), coalesce(d.due, 0.0)
FROM delivery AS d JOIN recipient AS r ON r.id = d.recipient LEFT JOIN reply AS p ON p.id = d.reply
WHERE d.id BETWEEN ? AND ? AND d.state IN (SELECT value FROM json_each(?)) ORDER BY d.id LIMIT ?
"""
_NAMES = """
SELECT d.id, r.rid FROM delivery AS d JOIN recipient AS r ON r.id = d.recipient
WHERE d.id IN (SELECT value FROM json_each(?))
"""
_SOME = """
SELECT id, state FROM delivery
WHERE id BETWEEN ? AND ? AND state IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?
"""
_WITHDRAW = """
UPDATE delivery SET state = 9, reply = ?, due = NULL, at = ?
WHERE id IN (SELECT value FROM json_each(?))
"""


class Listing:
    """The part of the ledger that names recipients."""

    _store: Store

    def names(self, deliveries: Sequence[int]) -> Mapping[int, str]:
        """Delivery -> its recipient's id."""
        with self._store.read() as db:
            return dict(db.execute(_NAMES, (_listed(deliveries),)))

    def recipients_in(
        self, mailing_id: str, state: DeliveryState, most: int = 1000
    ) -> Sequence[tuple[str, Record]]:
        """Recipient ids in that state with their last record, in audience order."""
        result: list[tuple[str, Record]] = []
        for recipient, _, record in self.everyone(mailing_id, (state,)):
            if len(result) >= most:
                break
            result.append((recipient, record))
        return result

    def everyone(
        self, mailing_id: str, states: Collection[DeliveryState]
    ) -> Iterator[tuple[str, float, Record]]:
        """Every recipient in one of these states, in order of deliveries, page by page: no
        reader is kept open while the caller works."""
        wanted = _listed(states)
        with self._store.read() as db:
            found(db, mailing_id)
            cohorts = db.execute(_HAVING, (mailing_id, wanted)).fetchall()
        return self._pages([(first, last) for _, first, last, _ in cohorts], wanted)

    def _pages(
        self, ranges: Sequence[tuple[int, int]], wanted: str
    ) -> Iterator[tuple[str, float, Record]]:
        for first, last in ranges:
            after = first
            while after <= last:
                with self._store.read() as db:
                    page = db.execute(_IN_STATES, (after, last, wanted, _PAGE)).fetchall()
                for recipient, at, number, state, *words in page:
                    yield recipient, at, Record(number, DeliveryState(state), *words)
                after = page[-1][2] + 1 if len(page) == _PAGE else last + 1

    def withdraw(self, mailing_id: str, now: float, reason: str, most: int) -> int:
        """Up to `most` that were not sent and have not ended; how many."""
        wanted = _listed(WITHDRAWABLE)
        with self._store.write() as db:
            check_withdrawal(found(db, mailing_id), counts_of(db, mailing_id))
            reply = add_reply(db, (0, "", reason, ""))
            left = most
            for cohort, first, last, _ in db.execute(_HAVING, (mailing_id, wanted)).fetchall():
                rows = db.execute(_SOME, (first, last, wanted, left)).fetchall()
                db.execute(_WITHDRAW, (reply, now, _listed(id_ for id_, _ in rows)))
                _count(db, cohort, [state for _, state in rows])
                left -= len(rows)
                if not left:
                    break
        return most - left


def _count(db: sqlite3.Connection, cohort: int, states: Sequence[int]) -> None:
    changes = [(cohort, state, -states.count(state)) for state in set(states)]
    recount(db, [*changes, (cohort, int(DeliveryState.WITHDRAWN), len(states))])


def _listed(numbers: Collection[int] | Iterator[int]) -> str:
    return msgspec.json.encode([int(number) for number in numbers]).decode()
