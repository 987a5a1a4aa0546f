"""Mailings in SQLite: made with all their deliveries, stepped from state to state."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from severally.ledger.halted import halted_since
from severally.ledger.rules import (
    Steps,
    check_lanes,
    check_new,
    cohorts_of,
    no_mailing,
    opened,
    parts_of,
    step,
)
from severally.ledger.sqlite.audiences import groups, numbered
from severally.ledger.sqlite.building import building, note, reserve, strike_out
from severally.ledger.sqlite.numbering import fill_by_step, fill_in_order
from severally.ledger.sqlite.store import Store
from severally.model.audit import GENESIS, chained
from severally.model.delivery import DeliveryState
from severally.model.entries import Act
from severally.model.mailing import Cohort, Frozen, Mailing, MailingState
from severally.model.observed import Orders

_COLUMNS = (
    "id, notice, audience, count, digest, state, route, halt_epoch, created_at, started_at, "
    "ended_at, estimate_s, reason, step"
)
_SELECT = f"SELECT {_COLUMNS} FROM mailing"  # noqa: S608
_INSERT = f"INSERT INTO mailing ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
STEP = """
UPDATE mailing SET state = ?, halt_epoch = ?, started_at = ?, ended_at = ?, reason = ? WHERE id = ?
"""
_COHORT = """
INSERT INTO cohort (id, mailing, receiver, lane, first, last, step, zone)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_COUNTS = """
SELECT state, sum(n) FROM tally JOIN cohort ON cohort.id = tally.cohort
WHERE mailing = ? GROUP BY state
"""
_ACT = """
INSERT INTO act (at, mailing, what, detail, who, seq, hash) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_HEAD = "SELECT seq, hash FROM act WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"
_OPEN = """
SELECT id, state, halt_epoch, step FROM mailing WHERE state NOT IN ('done', 'void', 'cancelled')
"""


# A decoder's types are worked out when it is made: here, once. Two threads that did it at the same
# time ended the process with SIGSEGV (msgspec 0.22 on Python 3.11).
read_frozen = msgspec.msgpack.Decoder(Frozen).decode


class Mailings:
    """The part of the ledger that knows what is sent, and in which state that is."""

    _store: Store

    def create_mailing(
        self,
        mailing: Mailing,
        frozen: Frozen,
        lanes: Mapping[str, str],
        now: float,
        steps: Steps | None = None,
    ) -> Sequence[Cohort]:
        """Store it with one ready delivery per recipient, numbered by (receiver, step).

        Written in short transactions; the last one makes it count. Raises LedgerError for
        a mailing that is there already, a count that is not the audience's, a missing lane.
        """
        with building(self._store):
            cohorts, first_recipient = self._plan(mailing, lanes, steps)
            if steps is None:
                fill_in_order(self._store, cohorts, first_recipient, now)
            else:
                fill_by_step(self._store, mailing.audience, cohorts, steps, now)
            self._make(mailing, frozen, lanes, cohorts, now)
        return cohorts

    def _plan(
        self, mailing: Mailing, lanes: Mapping[str, str], steps: Steps | None
    ) -> tuple[list[Cohort], int]:
        with self._store.write() as db:
            number, first, last = numbered(db, mailing.audience)
            sizes = groups(db, number)
            check_lanes(mailing.id, (receiver for receiver, _ in sizes), lanes)
            check_new(mailing, last - first + 1, _find(db, mailing.id) is not None)
            parts = parts_of(mailing.id, sizes, steps)
            delivery = reserve(db, "delivery", mailing.count)
            cohort = reserve(db, "cohort", len(parts))
            note(db, "mailing", 0, delivery, delivery + mailing.count - 1)
        return cohorts_of(mailing.id, parts, cohort, delivery), first

    def _make(
        self,
        mailing: Mailing,
        frozen: Frozen,
        lanes: Mapping[str, str],
        cohorts: list[Cohort],
        now: float,
    ) -> None:
        made = msgspec.structs.replace(mailing, created_at=mailing.created_at or now)
        with self._store.write() as db:
            db.execute(_INSERT, msgspec.structs.astuple(made))
            db.execute(
                "INSERT INTO frozen VALUES (?, ?)", (mailing.id, msgspec.msgpack.encode(frozen))
            )
            db.executemany(
                _COHORT,
                (
                    (
                        c.id,
                        c.mailing,
                        c.receiver,
                        lanes[c.receiver],
                        c.first,
                        c.last,
                        c.step,
                        c.zone,
                    )
                    for c in cohorts
                ),
            )
            db.executemany(
                "INSERT INTO tally VALUES (?, ?, ?)",
                ((c.id, int(DeliveryState.READY), c.count) for c in cohorts),
            )
            write_act(db, Act(now, mailing.id, "created", mailing.state.value))
            strike_out(db, "mailing", cohorts[0].first)

    def mailing(self, mailing_id: str) -> Mailing:
        """Raises UsageError where there is none."""
        with self._store.read() as db:
            return found(db, mailing_id)

    def mailings(self) -> Sequence[Mailing]:
        """All, oldest first."""
        with self._store.read() as db:
            return [_mailing(row) for row in db.execute(f"{_SELECT} ORDER BY number")]

    def by_digest(self, digest: str) -> Sequence[Mailing]:
        """All with this digest, oldest first."""
        with self._store.read() as db:
            rows = db.execute(f"{_SELECT} WHERE digest = ? ORDER BY number", (digest,))
            return [_mailing(row) for row in rows]

    def frozen(self, mailing_id: str) -> Frozen:
        """What was fixed when the mailing was made."""
        with self._store.read() as db:
            sql = "SELECT body FROM frozen WHERE mailing = ?"
            row = db.execute(sql, (mailing_id,)).fetchone()
        if row is None:
            raise no_mailing(mailing_id)
        return read_frozen(row[0])

    def set_state(
        self,
        mailing_id: str,
        state: MailingState,
        now: float,
        reason: str = "",
        *,
        who: str = "",
        said: str = "",
        halt_epoch: int | None = None,
    ) -> Mailing:
        """A legal transition, recorded as an act. Raises Refused for an illegal one."""
        with self._store.write() as db:
            old = found(db, mailing_id)
            if halted_since(old, halt_epoch):
                return old
            new = step(old, state, now, reason, counts_of(db, mailing_id))
            db.execute(
                STEP,
                (new.state, new.halt_epoch, new.started_at, new.ended_at, reason, mailing_id),
            )
            write_act(db, Act(now, mailing_id, state.value, said or reason, who))
        return new

    def set_estimate(self, mailing_id: str, estimate_s: float) -> None:
        """Keep what was promised (seconds)."""
        with self._store.write() as db:
            found(db, mailing_id)
            db.execute("UPDATE mailing SET estimate_s = ? WHERE id = ?", (estimate_s, mailing_id))

    def open_step(
        self, mailing_id: str, step: int, now: float, reason: str, *, halt_epoch: int | None = None
    ) -> Mailing:
        """Let every step up to this one leave, recorded as an act."""
        with self._store.write() as db:
            old = found(db, mailing_id)
            if halted_since(old, halt_epoch):
                return old
            new = opened(old, step)
            db.execute("UPDATE mailing SET step = ? WHERE id = ?", (step, mailing_id))
            write_act(db, Act(now, mailing_id, f"step {step} opened", reason))
        return new

    def orders(self) -> Mapping[str, Orders]:
        """What holds for every mailing that is not final."""
        with self._store.read() as db:
            rows = db.execute(_OPEN)
            return {id_: Orders(MailingState(s), epoch, step) for id_, s, epoch, step in rows}


def counts_of(db: sqlite3.Connection, mailing_id: str) -> dict[DeliveryState, int]:
    """Its deliveries by state."""
    return {DeliveryState(state): n for state, n in db.execute(_COUNTS, (mailing_id,))}


def write_act(db: sqlite3.Connection, act: Act) -> None:
    """Add to the chain of who did what, in the transaction under way."""
    seq, head = chain_head(db)
    fields = (act.at, act.mailing, act.what, act.detail, act.who)
    db.execute(_ACT, (*fields, seq + 1, chained(head, seq + 1, act)))


def chain_head(db: sqlite3.Connection) -> tuple[int, bytes]:
    """(number, hash) of the chain's last row."""
    row: tuple[int, bytes] | None = db.execute(_HEAD).fetchone()
    return row or (0, GENESIS)


def found(db: sqlite3.Connection, mailing_id: str) -> Mailing:
    """The mailing. Raises UsageError where there is none."""
    mailing = _find(db, mailing_id)
    if mailing is None:
        raise no_mailing(mailing_id)
    return mailing


def _find(db: sqlite3.Connection, mailing_id: str) -> Mailing | None:
    row = db.execute(f"{_SELECT} WHERE id = ?", (mailing_id,)).fetchone()
    return None if row is None else _mailing(row)


def _mailing(row: tuple[object, ...]) -> Mailing:
    fields = dict(zip(Mailing.__struct_fields__, row, strict=True))
    return Mailing(**{**fields, "state": MailingState(str(fields["state"]))})  # type: ignore[arg-type]
