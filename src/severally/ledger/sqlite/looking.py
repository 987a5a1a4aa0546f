"""Looking into the ledger in SQLite: tallies, lanes, acts, who is in which state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from severally.ledger.sqlite.mailings import chain_head, found, write_act
from severally.ledger.sqlite.store import Store
from severally.model.audit import ChainRow
from severally.model.delivery import Claim, DeliveryState
from severally.model.entries import Act, LaneStat
from severally.model.mailing import Cohort
from severally.model.observed import Seen

Tally = dict[int, dict[DeliveryState, int]]

_COHORTS = """
SELECT id, mailing, receiver, first, last, step, zone FROM cohort WHERE mailing = ? ORDER BY id
"""
_TALLY = """
SELECT t.cohort, t.state, t.n FROM cohort AS c JOIN tally AS t ON t.cohort = c.id
WHERE c.mailing = ? AND t.n <> 0 ORDER BY c.id, t.state
"""
_COUNT = "SELECT state, count(*) FROM delivery WHERE id BETWEEN ? AND ? GROUP BY state"
_SEEN = """
SELECT d.state, coalesce(p.rule, ''), CAST(max(0, ? - d.at) / 60 AS INTEGER) AS minutes, count(*)
FROM delivery AS d LEFT JOIN reply AS p ON p.id = d.reply
WHERE d.id BETWEEN ? AND ? AND d.state NOT IN (0, 1, 10) GROUP BY 1, 2, 3
"""
_LOOK_THROUGH = """
SELECT d.id, r.seq, r.salt, r.box, coalesce(d.date, 0), d.attempts
FROM delivery AS d JOIN recipient AS r ON r.id = d.recipient
WHERE d.id BETWEEN ? AND ? ORDER BY d.id LIMIT ?
"""
_LANE_STAT = """
INSERT INTO lane_stat VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (mailing, lane) DO UPDATE SET
    first_at = CASE WHEN first_at = 0 THEN excluded.first_at
                    WHEN excluded.first_at = 0 THEN first_at
                    ELSE min(first_at, excluded.first_at) END,
    last_at = max(last_at, excluded.last_at),
    peak_rate = max(peak_rate, excluded.peak_rate),
    peak_connections = max(peak_connections, excluded.peak_connections)
"""
_LANE_STATS = """
SELECT lane, first_at, last_at, peak_rate, peak_connections FROM lane_stat
WHERE mailing = ? ORDER BY lane
"""
_ACTS = "SELECT at, mailing, what, detail, who FROM act WHERE mailing = ? ORDER BY number"
_CHAIN = """
SELECT seq, at, mailing, what, detail, who, hash FROM act WHERE seq > ? ORDER BY seq LIMIT ?
"""


class Looking:
    """The part of the ledger that answers status, report and the like."""

    _store: Store

    def cohorts(self, mailing_id: str) -> Sequence[Cohort]:
        """The mailing's cohorts in audience order."""
        with self._store.read() as db:
            found(db, mailing_id)
            return [Cohort(*row) for row in db.execute(_COHORTS, (mailing_id,))]

    def tally(self, mailing_id: str) -> Mapping[int, Mapping[DeliveryState, int]]:
        """Deliveries per cohort id and state (zeros left out). Cheap at any size."""
        result: Tally = {}
        with self._store.read() as db:
            found(db, mailing_id)
            for cohort, state, n in db.execute(_TALLY, (mailing_id,)):
                result.setdefault(cohort, {})[DeliveryState(state)] = n
        return result

    def recount(self, mailing_id: str) -> Mapping[int, Mapping[DeliveryState, int]]:
        """The same, counted from the deliveries themselves."""
        result: Tally = {}
        for cohort in self.cohorts(mailing_id):
            with self._store.read() as db:
                rows = db.execute(_COUNT, (cohort.first, cohort.last)).fetchall()
            result[cohort.id] = {DeliveryState(state): n for state, n in rows}
        return result

    def lanes(self, mailing_id: str) -> Mapping[str, str]:
        """Receiver group -> lane key."""
        with self._store.read() as db:
            found(db, mailing_id)
            sql = "SELECT receiver, lane FROM cohort WHERE mailing = ? ORDER BY id"
            return dict(db.execute(sql, (mailing_id,)))

    def add_lane_stats(self, mailing_id: str, stats: Iterable[LaneStat]) -> None:
        """Merge: earliest first, latest last, greatest peaks."""
        with self._store.write() as db:
            found(db, mailing_id)
            db.executemany(
                _LANE_STAT, ((mailing_id, *msgspec.structs.astuple(stat)) for stat in stats)
            )

    def lane_stats(self, mailing_id: str) -> Sequence[LaneStat]:
        """By name of the lane."""
        with self._store.read() as db:
            found(db, mailing_id)
            return [LaneStat(*row) for row in db.execute(_LANE_STATS, (mailing_id,))]

    def seen(self, mailing_id: str, upto: int, now: float) -> Sequence[Seen]:
        """What became of the deliveries of every step up to `upto` that were tried."""
        result: list[Seen] = []
        for cohort in self.cohorts(mailing_id):
            if cohort.step <= upto:
                with self._store.read() as db:
                    rows = db.execute(_SEEN, (now, cohort.first, cohort.last)).fetchall()
                result += [
                    Seen(cohort.step, cohort.receiver, DeliveryState(s), rule, age * 60.0, n)
                    for s, rule, age, n in rows
                ]
        return result

    def look_through(self, cohort: Cohort, after: int, count: int) -> Sequence[Claim]:
        """The next deliveries of the cohort beyond number `after`, whatever their state."""
        with self._store.read() as db:
            wanted = (max(after + 1, cohort.first), cohort.last, count)
            return [Claim(*row) for row in db.execute(_LOOK_THROUGH, wanted)]

    def guard_counts(self, mailing_id: str) -> tuple[int, int]:
        """(sealed, refused) so far."""
        with self._store.read() as db:
            found(db, mailing_id)
            sql = "SELECT sealed, refused FROM mailing WHERE id = ?"
            sealed, refused = db.execute(sql, (mailing_id,)).fetchone()
        return sealed, refused

    def add_guard_counts(self, mailing_id: str, sealed: int, refused: int) -> None:
        """Add to what the guard did for this mailing."""
        with self._store.write() as db:
            found(db, mailing_id)
            db.execute(
                "UPDATE mailing SET sealed = sealed + ?, refused = refused + ? WHERE id = ?",
                (sealed, refused, mailing_id),
            )

    def add_act(self, act: Act) -> None:
        """Add to the record of who did what."""
        with self._store.write() as db:
            write_act(db, act)

    def acts(self, mailing_id: str) -> Sequence[Act]:
        """What was done to a mailing, in order; under '' what was done to the ledger."""
        with self._store.read() as db:
            return [Act(*row) for row in db.execute(_ACTS, (mailing_id,))]

    def head(self) -> tuple[int, bytes]:
        """(number, hash) of the chain's last row."""
        with self._store.read() as db:
            return chain_head(db)

    def chain(self, after: int, count: int) -> Sequence[ChainRow]:
        """The chain's rows beyond number `after`, in order."""
        with self._store.read() as db:
            rows = db.execute(_CHAIN, (after, count)).fetchall()
        return [ChainRow(seq, Act(*act), hash_ or b"") for seq, *act, hash_ in rows]
