"""What became of a mailing over time, in SQLite: sums by receiver group, locale and slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from severally.ledger.sqlite.mailings import found
from severally.ledger.sqlite.store import Store
from severally.model.delivery import DeliveryState
from severally.model.observed import Figure

_COHORTS = "SELECT receiver, first, last FROM cohort WHERE mailing = ? ORDER BY id"
_STATES = """
SELECT r.locale, d.state, CAST(max(0, d.at - ?) / ? AS INTEGER) AS slot, count(*)
FROM delivery AS d JOIN recipient AS r ON r.id = d.recipient
WHERE d.id BETWEEN ? AND ? GROUP BY 1, 2, 3
"""
_EVENTS = """
SELECT r.locale, e.kind, CAST(max(0, e.at - ?) / ? AS INTEGER) AS slot, count(*)
FROM event AS e JOIN delivery AS d ON d.id = e.delivery JOIN recipient AS r ON r.id = d.recipient
WHERE e.delivery BETWEEN ? AND ? GROUP BY 1, 2, 3
"""
_STATE = {int(state): state.word for state in DeliveryState}


class SqliteReporting:
    """The part of the ledger that sums up. One cohort a reading: writers do not wait."""

    _store: Store

    def states_over_time(self, mailing_id: str, since: float, width_s: float) -> Sequence[Figure]:
        """Every delivery once, by state."""
        return self._summed(_STATES, mailing_id, since, width_s)

    def events_over_time(self, mailing_id: str, since: float, width_s: float) -> Sequence[Figure]:
        """Every event once, by kind."""
        return self._summed(_EVENTS, mailing_id, since, width_s)

    def _summed(self, sql: str, mailing_id: str, since: float, width_s: float) -> list[Figure]:
        with self._store.read() as db:
            found(db, mailing_id)
            cohorts = db.execute(_COHORTS, (mailing_id,)).fetchall()
        counted: Counter[tuple[str, str, str, int]] = Counter()
        for receiver, *reach in cohorts:
            with self._store.read() as db:
                rows = db.execute(sql, (since, width_s, *reach)).fetchall()
            for locale, what, slot, count in rows:
                counted[receiver, locale, _STATE.get(what, what), slot] += count
        return [Figure(*each, count) for each, count in sorted(counted.items())]
