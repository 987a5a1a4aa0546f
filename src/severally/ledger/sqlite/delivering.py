"""Delivering in SQLite: taking over, claiming ranges, turns. The hot path."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from severally.ledger.frontier import Frontier
from severally.ledger.rules import (
    Deltas,
    Standing,
    apply_attempts,
    apply_records,
    delivery_ids,
    deltas,
    fence,
    outcomes,
    taken_over,
)
from severally.ledger.sqlite.events import hear, settle_waiting
from severally.ledger.sqlite.mailings import write_act
from severally.ledger.sqlite.store import Store
from severally.ledger.sqlite.tally import add_reply, recount
from severally.model.delivery import Claim, DeliveryState
from severally.model.entries import Attempts, Record, Turn, TurnResult
from severally.model.mailing import Cohort, MailingState

_D = DeliveryState
_STATES = tuple(DeliveryState)
_REPLIES_KNOWN = 4_096
_encode = msgspec.json.encode
_number = attrgetter("delivery")

_STANDINGS = """
SELECT id, cohort, state, attempts, epoch, reply FROM delivery
WHERE id IN (SELECT value FROM json_each(?))
"""
_ATTEMPT = """
UPDATE delivery SET state = 2, attempts = attempts + 1
WHERE id IN (SELECT value FROM json_each(?))
"""
_RECORD = "UPDATE delivery SET state = ?, attempts = ?, reply = ?, due = ?, at = ? WHERE id = ?"
_RECORD_ALIKE = """
UPDATE delivery SET state = ?, attempts = ?, reply = ?, due = ?, at = ?
WHERE id IN (SELECT value FROM json_each(?))
"""

_CLAIM = """
SELECT d.id, r.seq, r.salt, r.box, coalesce(d.date, ?), d.attempts
FROM delivery AS d JOIN recipient AS r ON r.id = d.recipient
"""
_READY_RANGE = _CLAIM + "WHERE d.id BETWEEN ? AND ? AND d.state = 0 ORDER BY d.id LIMIT ?"
_LISTED = "SELECT value FROM json_each(?)"
_READY_LISTED = f"{_CLAIM} WHERE d.state = 0 AND d.id IN ({_LISTED})"
_DUE = _CLAIM + "WHERE d.cohort = ? AND d.state = 4 AND d.due <= ? ORDER BY d.due, d.id LIMIT ?"
_TAKE = """
UPDATE delivery SET state = 1, epoch = ?, date = coalesce(date, ?)
WHERE id IN (SELECT value FROM json_each(?))
"""
_READY_LEFT = "SELECT n FROM tally WHERE cohort = ? AND state = 0"

_IN_HANDS = """
SELECT c.mailing, c.id, c.first, c.last, t.state
FROM tally AS t JOIN cohort AS c ON c.id = t.cohort WHERE t.state IN (1, 2) AND t.n > 0
ORDER BY c.id, t.state
"""
_TO_DOUBT = """
UPDATE delivery SET state = 6, reply = NULL, due = NULL, at = ?
WHERE id BETWEEN ? AND ? AND state = 2
"""
_TO_DEFERRED = """
UPDATE delivery SET state = 4, due = coalesce(due, ?)
WHERE id BETWEEN ? AND ? AND state = 1 AND (attempts > 0 OR due IS NOT NULL)
"""
_TO_READY = "UPDATE delivery SET state = 0 WHERE id BETWEEN ? AND ? AND state = 1"
_NEXT_DUE = """
SELECT cohort, CAST(due AS INTEGER) + (due > CAST(due AS INTEGER)) AS second, count(*)
FROM delivery INDEXED BY delivery_due
WHERE state = 4 AND cohort IN (SELECT id FROM cohort WHERE mailing = ?)
GROUP BY cohort, second ORDER BY second, cohort
"""


class Delivering:
    """The part of the ledger that one process at a time, the holder of the epoch, drives."""

    _store: Store

    def __init__(self) -> None:
        self._frontiers: dict[int, Frontier] = {}
        self._frontiers_epoch = -1
        self._replies: dict[tuple[int, str, str, str], int] = {}
        self._mailing_of: dict[int, str] = {}

    # --- the epoch

    def take_over(self, now: float) -> int:
        """A new epoch. What was claimed is ready (or deferred) again; attempting is in doubt.

        Looks only through cohorts of which the tally says that something is in hand.
        """
        with self._store.write() as db:
            db.execute("UPDATE ledger SET epoch = epoch + 1")
            epoch = _epoch(db)
            changes: dict[str, Counter[DeliveryState]] = {}
            for mailing, cohort, first, last, state in db.execute(_IN_HANDS).fetchall():
                moved = _let_go(db, state, first, last, now)
                _add_to_tally(db, _moved(cohort, _D(state), moved))
                changes.setdefault(mailing, Counter()).update(moved)
            for act in taken_over(epoch, now, changes):
                write_act(db, act)
            settle_waiting(db)
        return epoch

    # --- claiming

    def claim(self, cohort: Cohort, count: int, epoch: int, now: float) -> Sequence[Claim]:
        """Up to `count` ready deliveries of the cohort, in order, durably claimed."""
        with self._store.write() as db:
            fence(epoch, _epoch(db))
            frontier = self._frontier(cohort, epoch)
            claims = _ready(db, cohort, frontier, count, int(now))
            _take(db, cohort, claims, _D.READY, epoch, int(now))
        if claims:
            frontier.passed(claims[-1].delivery)
        return claims

    def claim_due(self, cohort: Cohort, count: int, epoch: int, now: float) -> Sequence[Claim]:
        """Up to `count` deferred deliveries whose time has come, the oldest first."""
        with self._store.write() as db:
            fence(epoch, _epoch(db))
            rows = db.execute(_DUE, (int(now), cohort.id, now, max(count, 0)))
            claims = [Claim(*row) for row in rows]
            _take(db, cohort, claims, _D.DEFERRED, epoch, int(now))
        return claims

    def next_due(self, mailing_id: str) -> Sequence[tuple[int, float, int]]:
        """Deferred deliveries as (cohort id, due to the next whole second, how many)."""
        with self._store.read() as db:
            rows = db.execute(_NEXT_DUE, (mailing_id,))
            return [(cohort, float(second), n) for cohort, second, n in rows]

    def _frontier(self, cohort: Cohort, epoch: int) -> Frontier:
        if epoch != self._frontiers_epoch:
            self._frontiers.clear()
            self._frontiers_epoch = epoch
        frontier = self._frontiers.get(cohort.id)
        if frontier is None:
            frontier = self._frontiers[cohort.id] = Frontier(cohort)
        return frontier

    # --- turns

    def turn(self, turn: Turn) -> TurnResult:
        """Records first, then attempts. Raises Fenced where the epoch is no longer ours."""
        try:
            with self._store.write() as db:
                fence(turn.epoch, _epoch(db))
                standings = _standings(db, delivery_ids(turn))
                apply_records(turn, standings)
                self._write_records(db, turn, standings)
                halted = self._attempt(db, turn, standings)
                _add_to_tally(db, deltas(standings.values()))
                for act in outcomes(turn):
                    write_act(db, act)
                hear(db, turn.events, turn.now)
                settle_waiting(db)
        except BaseException:
            self._replies.clear()  # some of them may have been rolled back
            raise
        self._give_back(turn, standings)
        return TurnResult(halted)

    def _write_records(
        self, db: sqlite3.Connection, turn: Turn, standings: dict[int, Standing]
    ) -> None:
        # most of a turn's records say the same, and are written by one statement
        alike: dict[tuple[int, int, int | None, float | None], list[int]] = {}
        for delivery in {record.delivery for record in turn.records}:
            each = standings[delivery]
            reply = each.reply_row if each.reply is None else self._reply(db, each.reply)
            fields = (int(each.state), each.attempts, reply, each.due)
            alike.setdefault(fields, []).append(delivery)
        single = [(*f, turn.now, ids[0]) for f, ids in alike.items() if len(ids) == 1]
        db.executemany(_RECORD, single)
        for fields, ids in alike.items():
            if len(ids) > 1:
                db.execute(_RECORD_ALIKE, (*fields, turn.now, _listed(ids)))

    def _attempt(
        self, db: sqlite3.Connection, turn: Turn, standings: dict[int, Standing]
    ) -> frozenset[str]:
        if not turn.attempts:
            return frozenset()
        self._learn_mailings(db, standings.values())
        mailings = _states(db, turn.attempts)
        halted = apply_attempts(turn, standings, self._mailing_of, mailings)
        marked = [d for a in turn.attempts if a.mailing not in halted for d in a.deliveries]
        db.execute(_ATTEMPT, (_listed(marked),))
        return halted

    def _reply(self, db: sqlite3.Connection, record: Record) -> int | None:
        words = (record.code, record.enhanced, record.text, record.rule)
        if words == (0, "", "", ""):
            return None
        number = self._replies.get(words)
        if number is None:
            if len(self._replies) >= _REPLIES_KNOWN:
                self._replies.clear()
            number = add_reply(db, words)
            self._replies[words] = number
        return number

    def _learn_mailings(self, db: sqlite3.Connection, standings: Iterable[Standing]) -> None:
        if any(standing.cohort not in self._mailing_of for standing in standings):
            self._mailing_of = dict(db.execute("SELECT id, mailing FROM cohort"))

    def _give_back(self, turn: Turn, standings: dict[int, Standing]) -> None:
        for record in turn.records:
            standing = standings[record.delivery]
            frontier = self._frontiers.get(standing.cohort)
            if frontier is not None and standing.state is _D.READY:
                frontier.returned(record.delivery)


def _epoch(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT epoch FROM ledger").fetchone()[0])


def _standings(db: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Standing]:
    return {
        id_: Standing(cohort, _STATES[state], attempts, epoch, _STATES[state], None, None, reply)
        for id_, cohort, state, attempts, epoch, reply in db.execute(_STANDINGS, (_listed(ids),))
    }


def _states(
    db: sqlite3.Connection, attempts: Sequence[Attempts]
) -> dict[str, tuple[MailingState, int]]:
    sql = """SELECT id, state, halt_epoch FROM mailing
             WHERE id IN (SELECT value FROM json_each(?))"""
    names = _encode([each.mailing for each in attempts]).decode()
    rows = db.execute(sql, (names,))
    return {id_: (MailingState(state), epoch) for id_, state, epoch in rows}


def _listed(ids: Iterable[int]) -> str:
    return _encode(list(ids)).decode()


def _add_to_tally(db: sqlite3.Connection, changes: Deltas) -> None:
    recount(db, [(cohort, state, n) for (cohort, state), n in changes.items() if n])


def _ready(
    db: sqlite3.Connection, cohort: Cohort, frontier: Frontier, count: int, date: int
) -> list[Claim]:
    """Ready deliveries in order: given back ones, then from the frontier on."""
    if count <= 0:
        return []
    claims: list[Claim] = []
    returned = frontier.take_returned(count)
    if returned:
        listed = (date, _listed(returned))
        claims += sorted((Claim(*row) for row in db.execute(_READY_LISTED, listed)), key=_number)
    rest = (date, frontier.next, cohort.last, count - len(claims))
    claims += [Claim(*row) for row in db.execute(_READY_RANGE, rest)]
    if len(claims) == count:
        return claims
    frontier.passed(cohort.last)
    left = db.execute(_READY_LEFT, (cohort.id,)).fetchone()
    if left is None or left[0] == len(claims):
        return claims
    # somebody else made some ready below the frontier
    everything = (date, cohort.first, cohort.last, count)
    return [Claim(*row) for row in db.execute(_READY_RANGE, everything)]


def _take(
    db: sqlite3.Connection,
    cohort: Cohort,
    claims: list[Claim],
    was: DeliveryState,
    epoch: int,
    date: int,
) -> None:
    """Mark them claimed. The first claim fixes a delivery's date, to the second."""
    if not claims:
        return
    db.execute(_TAKE, (epoch, date, _listed(claim.delivery for claim in claims)))
    _add_to_tally(db, _moved(cohort.id, was, Counter({_D.CLAIMED: len(claims)})))


def _let_go(
    db: sqlite3.Connection, state: int, first: int, last: int, now: float
) -> Counter[DeliveryState]:
    """Take what was in the old holder's hands in one state out of them; where it went."""
    if state == _D.ATTEMPTING:
        return Counter({_D.IN_DOUBT: db.execute(_TO_DOUBT, (now, first, last)).rowcount})
    deferred = db.execute(_TO_DEFERRED, (now, first, last)).rowcount
    ready = db.execute(_TO_READY, (first, last)).rowcount
    return Counter({_D.DEFERRED: deferred, _D.READY: ready})


def _moved(cohort: int, was: DeliveryState, to: Counter[DeliveryState]) -> Deltas:
    return {(cohort, int(was)): -to.total()} | {(cohort, int(s)): n for s, n in to.items()}
