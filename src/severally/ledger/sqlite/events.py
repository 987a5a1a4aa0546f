"""What came back, in SQLite: events kept once, and the states they move."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from severally.ledger.hearing import heard, no_delivery
from severally.ledger.sqlite.mailings import write_act
from severally.ledger.sqlite.store import Store
from severally.ledger.sqlite.suppressions import suppress
from severally.ledger.sqlite.tally import add_reply, recount
from severally.model.delivery import Claim, DeliveryState
from severally.model.event import PASSING, WAITING, Event, EventKind, Party, earlier, settled
from severally.model.mailing import Cohort
from severally.model.notice import Kind
from severally.model.suppression import following

_EVENTS = """
SELECT kind, at, source, notice, blind, salt, box, code, enhanced, text, rule FROM event
WHERE delivery = ? ORDER BY kind
"""
_KEEP = "INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SOFT_TIMES = """
SELECT min(at) FROM event INDEXED BY event_soft
WHERE blind = ? AND kind IN ('soft', 'full') GROUP BY delivery
"""
_STANDING = "SELECT state, cohort FROM delivery WHERE id = ?"
_SETTLE = "UPDATE delivery SET state = ?, reply = ?, due = NULL WHERE id = ?"
_KNOWN_REPLY = """
SELECT p.id FROM delivery AS d JOIN reply AS p ON p.id = d.reply
WHERE d.id = ? AND p.code = ? AND p.enhanced = ? AND p.text = ? AND p.rule = ?
"""
_WAITING = "SELECT DISTINCT delivery FROM event INDEXED BY event_waiting WHERE waits = 1"
_WHEREABOUTS = """
SELECT c.id, c.mailing, c.receiver, c.first, c.last, c.step,
       d.id, r.seq, r.salt, r.box, coalesce(d.date, 0), d.attempts
FROM delivery AS d JOIN recipient AS r ON r.id = d.recipient JOIN cohort AS c ON c.id = d.cohort
WHERE d.id = ?
"""


class SqliteEvents:
    """The part of the ledger that hears."""

    _store: Store

    def add_events(self, events: Sequence[Event], now: float) -> int:
        """Keep them, move their deliveries' states, suppress whom they say; how many were new."""
        with self._store.write() as db:
            return hear(db, events, now)

    def events_of(self, delivery: int) -> Sequence[Event]:
        """All that was heard about one delivery, by kind."""
        with self._store.read() as db:
            return list(_events(db, delivery).values())

    def whereabouts(self, delivery: int) -> tuple[Cohort, Claim] | None:
        """The cohort of a delivery and its recipient's encrypted row."""
        with self._store.read() as db:
            row = db.execute(_WHEREABOUTS, (delivery,)).fetchone()
        return None if row is None else (Cohort(*row[:6]), Claim(*row[6:]))


def hear(db: sqlite3.Connection, events: Sequence[Event], now: float) -> int:
    """In a transaction under way; how many were new."""
    new = [event for event in events if _add(db, event, now)]
    for act in heard(new, now):
        write_act(db, act)
    return len(new)


def settle_waiting(db: sqlite3.Connection) -> None:
    """Look again at the deliveries that events wait for. Nearly always there is none."""
    for (delivery,) in db.execute(_WAITING).fetchall():
        _settle(db, delivery, _events(db, delivery))


def _add(db: sqlite3.Connection, event: Event, now: float) -> bool:
    """Keep one; whether it was new."""
    known = _events(db, event.delivery)
    before = known.get(event.kind)
    kept = event if before is None else earlier(before, event)
    if kept is before:
        return False
    known[event.kind] = kept
    db.execute(_KEEP, _row(kept))
    _settle(db, event.delivery, known)
    if before is not None:
        return False
    soft = _soft_times(db, event) if event.kind in PASSING else []
    suppress(db, following(event, soft), now)
    return True


def _soft_times(db: sqlite3.Connection, event: Event) -> list[float]:
    return [at for (at,) in db.execute(_SOFT_TIMES, (event.party.blind,))]


def _settle(db: sqlite3.Connection, delivery: int, known: dict[EventKind, Event]) -> None:
    row = db.execute(_STANDING, (delivery,)).fetchone()
    if row is None:
        raise no_delivery(delivery)
    state = DeliveryState(row[0])
    waits = state in WAITING
    db.execute("UPDATE event SET waits = ? WHERE delivery = ?", (waits, delivery))
    if (found := settled(state, known)) is None:
        return
    new, event = found
    db.execute(_SETTLE, (new, _reply(db, delivery, event), delivery))
    recount(db, [(row[1], int(state), -1), (row[1], int(new), 1)])


def _reply(db: sqlite3.Connection, delivery: int, event: Event) -> int:
    same = db.execute(_KNOWN_REPLY, (delivery, *event.words)).fetchone()
    return int(same[0]) if same else add_reply(db, event.words)


def _events(db: sqlite3.Connection, delivery: int) -> dict[EventKind, Event]:
    found: dict[EventKind, Event] = {}
    for kind, at, source, notice, blind, salt, box, *words in db.execute(_EVENTS, (delivery,)):
        party = Party(blind, salt, box)
        event = Event(delivery, EventKind(kind), at, source, party, Kind(notice), *words)
        found[event.kind] = event
    return found


def _row(event: Event) -> tuple[object, ...]:
    party = event.party
    return (
        event.delivery, event.kind, event.at, event.source, event.notice, party.blind, party.salt,
        party.box, event.code, event.enhanced, event.text, event.rule, 0,
    )  # fmt: skip
