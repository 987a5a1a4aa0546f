"""Urgent messages in SQLite: accepted in groups, claimed when due, changed in groups."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from severally.ledger import urgent_rules as rules
from severally.ledger.sqlite.store import Store
from severally.model.delivery import DeliveryState
from severally.model.urgent import (
    Answer,
    Backlog,
    Caps,
    Change,
    Flood,
    Happening,
    KeyScope,
    Standing,
    Tracked,
    Urgent,
)

_D = DeliveryState
_FIELDS = (
    "ident, digest, event, exempt, key, scope, reference, idem, body, person, salt, box, "
    "accepted_at, due, expires_at, state"
)
_INSERT = f"INSERT INTO urgent ({_FIELDS}) VALUES (?{', ?' * 15})"  # noqa: S608  (constants)
_SELECT = (
    f"SELECT {_FIELDS}, attempts, doubts, date, route, code, enhanced, text, into_ident "  # noqa: S608
    "FROM urgent"
)
_HAPPENED = "INSERT INTO urgent_happening VALUES (?, ?, ?, ?, ?)"
_EARLIER = "SELECT ident, state, body FROM urgent WHERE key = ? AND idem = ?"
_OF_PERSON = """
SELECT count(*) FROM urgent
WHERE person = ? AND event = ? AND accepted_at > ? AND state NOT IN (9, 10)
"""
_ALL_OF_PERSON = "SELECT count(*) FROM urgent WHERE person = ? AND accepted_at > ? AND exempt = 0"
_OF_EVENT = "SELECT count(*) FROM urgent WHERE event = ? AND accepted_at > ?"
_DUE = f"{_SELECT} WHERE state IN (0, 4) AND due <= ? ORDER BY due LIMIT ?"
_CHANGE = """
UPDATE urgent SET state = ?, attempts = ?, doubts = ?, due = ?, date = ?, code = ?, enhanced = ?,
    text = ?, route = CASE WHEN ? = '' THEN route ELSE ? END
WHERE ident = ?
"""
_FIRST_HELD = """
SELECT person, event, count(*), max(seq) FROM urgent WHERE state = 11
GROUP BY person, event HAVING min(accepted_at) <= ?
"""
_FOLD = """
UPDATE urgent SET state = 9, into_ident = ?
WHERE person = ? AND event = ? AND state = 11 AND ident <> ?
"""
_RELEASE = "UPDATE urgent SET state = 0, due = ?, digest = ?, salt = ?, box = ? WHERE ident = ?"


class SqliteUrgent:
    """The part of the ledger that knows urgent messages."""

    _store: Store

    def accept_urgent(
        self, batch: Sequence[tuple[Urgent, Caps]], claimed: bool
    ) -> Sequence[Answer]:
        """Keep all that may be kept, in order."""
        with self._store.write() as db:
            return [_accept(db, urgent, caps, claimed) for urgent, caps in batch]

    def claim_urgent(self, count: int, now: float) -> Sequence[Tracked]:
        """Up to `count` ready or deferred messages whose time has come."""
        with self._store.read() as db:
            if db.execute(_DUE, (now, 1)).fetchone() is None:
                return []
        with self._store.write() as db:
            found = [_tracked(row) for row in db.execute(_DUE, (now, count))]
            claiming = "UPDATE urgent SET state = 1 WHERE ident = ?"
            db.executemany(claiming, [(each.urgent.ident,) for each in found])
        return found

    def change_urgent(self, changes: Sequence[Change]) -> None:
        """New standings, with what happened."""
        with self._store.write() as db:
            db.executemany(_CHANGE, [_changed(each) for each in changes])
            db.executemany(_HAPPENED, [_row(each.ident, each.happening) for each in changes])

    def recover_urgent(self, now: float) -> tuple[int, int]:
        """What was claimed or attempting is ready again."""
        with self._store.write() as db:
            doubted = "SELECT ident, route FROM urgent WHERE state = 2"
            found = list(db.execute(doubted))
            happenings = [_row(ident, rules.crashed(now, route)) for ident, route in found]
            db.executemany(_HAPPENED, happenings)
            again = "UPDATE urgent SET state = 0, doubts = doubts + 1 WHERE state = 2"
            db.execute(again)
            ready = db.execute("UPDATE urgent SET state = 0 WHERE state = 1").rowcount
        return ready, len(found)

    def floods(self, before: float) -> Sequence[Flood]:
        """Held messages, by event and person, where the first was accepted before then."""
        with self._store.read() as db:
            groups = list(db.execute(_FIRST_HELD, (before,)))
            one = f"{_SELECT} WHERE seq = ?"
            return [
                Flood(_tracked(db.execute(one, (newest,)).fetchone()).urgent, count)
                for _, _, count, newest in groups
            ]

    def fold_urgent(self, newest: Urgent, now: float) -> None:
        """The newest is ready; the others held with it are withdrawn."""
        with self._store.write() as db:
            person, event = newest.person, newest.event
            held = "SELECT ident FROM urgent WHERE person = ? AND event = ? AND state = 11"
            others = [ident for (ident,) in db.execute(held, (person, event))]
            others = [ident for ident in others if ident != newest.ident]
            db.execute(_FOLD, (newest.ident, person, event, newest.ident))
            row = (now, newest.digest, newest.salt, newest.box, newest.ident)
            db.execute(_RELEASE, row)
            told = rules.folded(now, newest.ident)
            db.executemany(_HAPPENED, [_row(ident, told) for ident in others])
            db.execute(_HAPPENED, _row(newest.ident, rules.stands_for(now, len(others))))

    # --- looking

    def urgent(self, ident: int) -> Tracked | None:
        """The message, where there is one."""
        with self._store.read() as db:
            row = db.execute(f"{_SELECT} WHERE ident = ?", (ident,)).fetchone()
        return None if row is None else _tracked(row)

    def urgent_happenings(self, ident: int) -> Sequence[Happening]:
        """What happened to a message, in order."""
        found = "SELECT at, what, route, text FROM urgent_happening WHERE ident = ? ORDER BY rowid"
        with self._store.read() as db:
            return [Happening(*row) for row in db.execute(found, (ident,))]

    def urgent_by_reference(self, scope: str, reference: str, count: int) -> Sequence[Tracked]:
        """The newest first, of keys with this scope."""
        found = f"{_SELECT} WHERE scope = ? AND reference = ? ORDER BY seq DESC LIMIT ?"
        with self._store.read() as db:
            return [_tracked(row) for row in db.execute(found, (scope, reference, count))]

    def urgent_backlog(self) -> Backlog:
        """What is not final."""
        counting = (
            "SELECT state, count(*), min(accepted_at) FROM urgent "
            "WHERE state IN (0, 1, 2, 4, 11) GROUP BY state"
        )
        with self._store.read() as db:
            rows = list(db.execute(counting))
        counts = {DeliveryState(state): count for state, count, _ in rows}
        return Backlog(counts, min((oldest for *_, oldest in rows), default=0.0))


def _accept(db: sqlite3.Connection, urgent: Urgent, caps: Caps, claimed: bool) -> Answer:
    earlier = db.execute(_EARLIER, (urgent.key, urgent.idem)).fetchone()
    if earlier is not None:
        ident, state, body = earlier
        return Answer(ident, _D(state), repeated=True, conflict=body != urgent.body)

    def count(query: str, *keys: object) -> int:
        return int(db.execute(query, keys).fetchone()[0])

    now = urgent.accepted_at
    capped = rules.capped(
        caps,
        urgent,
        lambda since: count(_ALL_OF_PERSON, urgent.person, since),
        lambda since: count(_OF_EVENT, urgent.event, since),
    )
    if capped:
        return Answer(urgent.ident, _D.EXCLUDED, capped=capped)
    recent = count(_OF_PERSON, urgent.person, urgent.event, now - caps.window_s)
    state = rules.first_state(caps, urgent, recent, claimed)
    db.execute(_INSERT, (*_values(urgent), state))
    db.execute(_HAPPENED, _row(urgent.ident, rules.accepted(now, state)))
    return Answer(urgent.ident, state)


def _values(one: Urgent) -> tuple[object, ...]:
    return (
        one.ident, one.digest, one.event, one.exempt, one.key, one.scope.value, one.reference,
        one.idem, one.body, one.person, one.salt, one.box, one.accepted_at, one.due,
        one.expires_at,
    )  # fmt: skip


def _changed(one: Change) -> tuple[object, ...]:
    route = one.happening.route
    return (
        one.state, one.attempts, one.doubts, one.due, one.date, one.code, one.enhanced, one.text,
        route, route, one.ident,
    )  # fmt: skip


def _row(ident: int, one: Happening) -> tuple[object, ...]:
    return ident, one.at, one.what, one.route, one.text


def _tracked(row: Sequence[Any]) -> Tracked:
    ident, digest, event, exempt, key, scope, *rest = row
    urgent = Urgent(ident, digest, event, bool(exempt), key, KeyScope(scope), *rest[:9])
    state, attempts, doubts, *last = rest[9:]
    return Tracked(urgent, Standing(_D(state), attempts, doubts, urgent.due, *last))
