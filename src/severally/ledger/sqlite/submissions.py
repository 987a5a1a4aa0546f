"""What other programs hand in, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence

import msgspec

from severally.ledger.handing import doubted, handed_in, not_held
from severally.ledger.sqlite.mailings import write_act
from severally.ledger.sqlite.store import Store
from severally.model.delivery import DeliveryState
from severally.model.entries import Act, Record
from severally.model.submission import Boxed, Submission, SubmissionState, Waiting

_D = DeliveryState
_SELECT = "SELECT id, way, at, content, count, standing FROM submission"
_HELD = f"{_SELECT} WHERE standing = 'held' ORDER BY number"
_ALIKE = "SELECT coalesce(sum(count), 0) FROM submission WHERE content = ? AND at >= ?"
_LETTER = """
INSERT INTO letter (submission, seq, blind, state, attempts, due, first_at, at, salt, box)
VALUES (?, ?, ?, ?, 0, 0, ?, ?, ?, ?)
"""
_DUE = """
SELECT l.id, s.id, l.seq, l.salt, l.box, l.attempts, l.first_at
FROM letter AS l INDEXED BY letter_due JOIN submission AS s ON s.number = l.submission
WHERE l.state IN (0, 4) AND l.due <= ? ORDER BY l.due, l.id LIMIT ?
"""
_ATTEMPT = "UPDATE letter SET state = 2, at = ? WHERE id = ? AND state IN (0, 4)"
_CONCLUDE = """
UPDATE letter SET state = ?, due = ?, at = ?, code = ?, text = ?, attempts = attempts + ?
WHERE id = ? AND state = 2
"""
_FORGET = "UPDATE letter SET salt = NULL, box = NULL WHERE id = ?"
_KNOWN = """
SELECT 1 FROM letter WHERE blind = ? UNION ALL SELECT 1 FROM audience AS a
JOIN recipient_by_blind AS b ON b.audience = a.number AND b.blind = ? LIMIT 1
"""
_DOUBT = "UPDATE letter SET state = 6, at = ?, text = ? WHERE state = 2"
_DOUBT_ALL = "UPDATE letter SET state = 6, at = ?, text = ? WHERE state IN (0, 2, 4)"
_FINAL = frozenset({_D.ACCEPTED, _D.REFUSED, _D.EXPIRED, _D.WITHDRAWN})


class SqliteSubmissions:
    """The part of the ledger that the drop-in guard drives."""

    _store: Store

    def hand_in(
        self, submission: Submission, letters: Sequence[Boxed], most: int, since: float
    ) -> Submission:
        """Keep it, and say how it stands."""
        with self._store.write() as db:
            known = _found(db, submission.id)
            if known is not None:
                return known[1]
            if most and _many(db, submission, most, since):
                submission = msgspec.structs.replace(submission, state=SubmissionState.HELD)
            row = db.execute(
                "INSERT INTO submission VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                msgspec.structs.astuple(submission),
            )
            state = _D.HELD if submission.state is SubmissionState.HELD else _D.READY
            at = submission.at
            db.executemany(
                _LETTER,
                ((row.lastrowid, b.seq, b.blind, state, int(at), at, b.salt, b.box)
                 for b in letters),
            )  # fmt: skip
            write_act(db, handed_in(submission))
        return submission

    def held(self) -> Sequence[Submission]:
        """All that wait for a person, oldest first."""
        with self._store.read() as db:
            rows = db.execute(_HELD).fetchall()
        return [_submission(row) for row in rows]

    def release(self, submission_id: str, until: float, act: Act) -> int:
        """Let a held one go, and allow its content until then."""
        with self._store.write() as db:
            moved, content = _decide(db, submission_id, SubmissionState.RELEASED, _D.READY, act)
            db.execute("INSERT OR REPLACE INTO allowed_content VALUES (?, ?)", (content, until))
        return moved

    def discard(self, submission_id: str, act: Act) -> int:
        """Never send it."""
        with self._store.write() as db:
            moved, _ = _decide(db, submission_id, SubmissionState.DISCARDED, _D.WITHDRAWN, act)
        return moved

    def recipients_among(self, blinds: Collection[bytes]) -> int:
        """How many of these addresses were written to before."""
        with self._store.read() as db:
            return sum(
                db.execute(_KNOWN, (blind, blind)).fetchone() is not None for blind in set(blinds)
            )

    def letters_due(self, now: float, count: int) -> Sequence[Waiting]:
        """Ready, or deferred and due, in order; none while the guard is halted."""
        with self._store.read() as db:
            if _halt(db):
                return []
            return [Waiting(*row) for row in db.execute(_DUE, (now, count)).fetchall()]

    def attempt_letters(self, numbers: Sequence[int], now: float) -> bool:
        """Mark them as being sent, unless the guard is halted."""
        with self._store.write() as db:
            if _halt(db):
                return False
            db.executemany(_ATTEMPT, ((now, number) for number in numbers))
        return True

    def conclude_letters(self, records: Sequence[Record], now: float) -> None:
        """What became of letters that were being sent."""
        with self._store.write() as db:
            db.executemany(
                _CONCLUDE,
                ((r.state, r.due, now, r.code, r.text, bool(r.code or r.text), r.delivery)
                 for r in records),
            )  # fmt: skip
            db.executemany(_FORGET, ((r.delivery,) for r in records if r.state in _FINAL))

    def doubt_letters(self, now: float, waiting: bool = False) -> int:
        """What was being sent is in doubt, and what is `waiting` in a ledger that was put back."""
        said = doubted(waiting)
        with self._store.write() as db:
            moved = db.execute(_DOUBT_ALL if waiting else _DOUBT, (now, said)).rowcount
            if moved:
                write_act(db, Act(now, "", "in doubt", f"{moved:,} letters: {said}"))
        return moved

    def letter_counts(self) -> Mapping[DeliveryState, int]:
        """Letters per state."""
        with self._store.read() as db:
            rows = db.execute("SELECT state, count(*) FROM letter GROUP BY state").fetchall()
        return {_D(state): count for state, count in rows}

    def guard_halt(self) -> str:
        """Why nothing is taken or sent, or empty."""
        with self._store.read() as db:
            return _halt(db)

    def halt_guard(self, reason: str, act: Act) -> None:
        """Take and send nothing more."""
        with self._store.write() as db:
            db.execute("INSERT OR REPLACE INTO guard_halt VALUES (1, ?)", (reason,))
            write_act(db, act)

    def resume_guard(self, act: Act) -> None:
        """Go on."""
        with self._store.write() as db:
            if db.execute("DELETE FROM guard_halt").rowcount:
                write_act(db, act)


def _halt(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT reason FROM guard_halt").fetchone()
    return "" if row is None else str(row[0])


def _many(db: sqlite3.Connection, submission: Submission, most: int, since: float) -> bool:
    allowed = "SELECT 1 FROM allowed_content WHERE content = ? AND until > ?"
    if db.execute(allowed, (submission.content, submission.at)).fetchone():
        return False
    (before,) = db.execute(_ALIKE, (submission.content, since)).fetchone()
    return bool(before + submission.count > most)


def _found(db: sqlite3.Connection, submission_id: str) -> tuple[int, Submission] | None:
    row = db.execute(f"{_NUMBERED} WHERE id = ?", (submission_id,)).fetchone()
    return None if row is None else (row[0], _submission(row[1:]))


_NUMBERED = _SELECT.replace("SELECT", "SELECT number,")


def _decide(
    db: sqlite3.Connection,
    submission_id: str,
    decided: SubmissionState,
    letters: DeliveryState,
    act: Act,
) -> tuple[int, bytes]:
    known = _found(db, submission_id)
    if known is None or known[1].state is not SubmissionState.HELD:
        raise not_held(submission_id)
    db.execute("UPDATE submission SET standing = ? WHERE number = ?", (decided, known[0]))
    move = "UPDATE letter SET state = ?, at = ? WHERE submission = ? AND state = 11"
    moved = db.execute(move, (letters, act.at, known[0])).rowcount
    if letters in _FINAL:
        db.execute("UPDATE letter SET salt = NULL, box = NULL WHERE submission = ?", (known[0],))
    write_act(db, act)
    return moved, known[1].content


def _submission(row: tuple[str, str, float, bytes, int, str]) -> Submission:
    return Submission(*row[:5], SubmissionState(row[5]))
