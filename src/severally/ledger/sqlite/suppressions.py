"""Who is not to be written to, in SQLite, and the deliveries that are excluded for it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from severally.ledger.hearing import EXCLUDABLE, in_force, why_of
from severally.ledger.sqlite.audiences import numbered
from severally.ledger.sqlite.mailings import found
from severally.ledger.sqlite.store import Store
from severally.ledger.sqlite.tally import add_reply, recount
from severally.model.delivery import DeliveryState
from severally.model.event import Party
from severally.model.mailing import Mailing
from severally.model.notice import Kind
from severally.model.suppression import Suppression, Why, exclusion, stronger

_PAGE = 1_000
_COLUMNS = "blind, scope, salt, box, why, source, at, expires"
_OF = f"SELECT {_COLUMNS} FROM suppression WHERE blind = ? ORDER BY scope"  # noqa: S608
_ALL = f"""
SELECT {_COLUMNS} FROM suppression WHERE (blind, scope) > (?, ?) ORDER BY blind, scope LIMIT ?
"""  # noqa: S608
_BARRING = f"""
SELECT {_COLUMNS} FROM suppression
WHERE scope IN ('all', ?) AND (expires = 0 OR expires > ?) ORDER BY blind, scope
"""  # noqa: S608
_KEEP = "INSERT OR REPLACE INTO suppression VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_RECIPIENTS = "SELECT recipient FROM recipient_by_blind WHERE audience = ? AND blind = ?"
_UNDER_WAY = """
SELECT m.id, e.kind FROM excluding AS e JOIN mailing AS m ON m.id = e.mailing
WHERE m.state NOT IN ('done', 'void', 'cancelled') ORDER BY m.number
"""
_COHORTS_OF = """
SELECT c.id, c.first, c.last FROM receiver_group AS g
JOIN cohort AS c ON c.receiver = g.receiver AND c.mailing = ?
WHERE g.audience = ? AND ? BETWEEN g.first AND g.last ORDER BY c.id
"""
_COHORTS = "SELECT id, first, last FROM cohort WHERE mailing = ? ORDER BY id"
_AMONG = """
SELECT id, recipient, state FROM delivery WHERE id BETWEEN ? AND ?
AND recipient IN (SELECT value FROM json_each(?)) ORDER BY id
"""
_EXCLUDE = "UPDATE delivery SET state = ?, reply = ?, due = NULL, at = ? WHERE id = ?"
_EXCLUDED = """
SELECT p.rule, count(*) FROM cohort AS c
JOIN tally AS t ON t.cohort = c.id AND t.state = 10 AND t.n > 0
JOIN delivery AS d ON d.id BETWEEN c.first AND c.last AND d.state = 10
JOIN reply AS p ON p.id = d.reply WHERE c.mailing = ? GROUP BY p.rule
"""
_SEARCHED_AT_MOST = 100
"""So many recipients are looked for one by one; for more, a mailing is read through."""


class SqliteSuppressions:
    """The part of the ledger that knows who is not to be written to."""

    _store: Store

    def suppress(self, suppressions: Sequence[Suppression], now: float) -> int:
        """Keep the stronger of each and the one that was there; how many changed anything."""
        with self._store.write() as db:
            return suppress(db, suppressions, now)

    def lift(self, blind: bytes, scope: str | None) -> int:
        """Forget what bars this address from one scope, or from all; how many."""
        sql = "DELETE FROM suppression WHERE blind = ? AND (? IS NULL OR scope = ?)"
        with self._store.write() as db:
            return db.execute(sql, (blind, scope, scope)).rowcount

    def suppressed(self, blind: bytes, kind: Kind, now: float) -> Suppression | None:
        """What bars this address from notices of this kind now; the strongest."""
        with self._store.read() as db:
            return in_force((_read(row) for row in db.execute(_OF, (blind,))), kind, now)

    def suppressions(self) -> Iterator[Suppression]:
        """All, by blind index, page by page."""
        after: tuple[bytes, str] = (b"", "")
        while True:
            with self._store.read() as db:
                page = [_read(row) for row in db.execute(_ALL, (*after, _PAGE))]
            yield from page
            if len(page) < _PAGE:
                return
            after = (page[-1].party.blind, page[-1].scope)

    def barred(self, kind: Kind, now: float) -> Mapping[bytes, Why]:
        """Every address that gets no notices of this kind now, and why."""
        with self._store.read() as db:
            return _barred(db, kind, now)

    def exclude(self, mailing_id: str, kind: Kind, now: float) -> Mapping[Why, int]:
        """Exclude every recipient of the mailing who is suppressed and was not written to."""
        with self._store.write() as db:
            mailing = found(db, mailing_id)
            db.execute("INSERT OR REPLACE INTO excluding VALUES (?, ?)", (mailing_id, kind))
            number = numbered(db, mailing.audience)[0]
            whys = {
                recipient: why
                for blind, why in _barred(db, kind, now).items()
                for (recipient,) in db.execute(_RECIPIENTS, (number, blind))
            }
            return _exclude(db, mailing, number, whys, now)

    def exclusions(self, mailing_id: str) -> Mapping[Why, int]:
        """How many of its recipients are excluded, by reason."""
        with self._store.read() as db:
            found(db, mailing_id)
            rows = db.execute(_EXCLUDED, (mailing_id,)).fetchall()
        return {why: n for rule, n in rows if (why := why_of(rule)) is not None}


def suppress(db: sqlite3.Connection, suppressions: Iterable[Suppression], now: float) -> int:
    """In a transaction under way; how many changed anything."""
    changed = 0
    for new in suppressions:
        rows = (_read(row) for row in db.execute(_OF, (new.party.blind,)).fetchall())
        old = next((each for each in rows if each.scope == new.scope), None)
        kept = new if old is None else stronger(old, new)
        if kept != old:
            db.execute(_KEEP, _row(kept))
            changed += 1
            if kept.holds(now):
                _leave_out(db, kept, now)
    return changed


def _leave_out(db: sqlite3.Connection, one: Suppression, now: float) -> None:
    """Take it out of the mailings under way."""
    for mailing_id, kind in db.execute(_UNDER_WAY).fetchall():
        if one.bars(Kind(kind)):
            mailing = found(db, mailing_id)
            number = numbered(db, mailing.audience)[0]
            recipients = db.execute(_RECIPIENTS, (number, one.party.blind)).fetchall()
            _exclude(db, mailing, number, {r: one.why for (r,) in recipients}, now)


def _barred(db: sqlite3.Connection, kind: Kind, now: float) -> dict[bytes, Why]:
    strongest: dict[bytes, Suppression] = {}
    for row in db.execute(_BARRING, (kind, now)):
        each = _read(row)
        before = strongest.get(each.party.blind)
        strongest[each.party.blind] = each if before is None else stronger(before, each)
    return {blind: each.why for blind, each in strongest.items()}


def _exclude(
    db: sqlite3.Connection, mailing: Mailing, number: int, whys: Mapping[int, Why], now: float
) -> Counter[Why]:
    """Exclude these recipients' deliveries where they wait; how many, by reason."""
    replies: dict[Why, int] = {}
    counted: Counter[Why] = Counter()
    for delivery, cohort, recipient, state in _deliveries(db, mailing, number, whys):
        if DeliveryState(state) not in EXCLUDABLE:
            continue
        why = whys[recipient]
        if why not in replies:
            replies[why] = add_reply(db, exclusion(why))
        db.execute(_EXCLUDE, (DeliveryState.EXCLUDED, replies[why], now, delivery))
        changes = [(cohort, state, -1), (cohort, int(DeliveryState.EXCLUDED), 1)]
        recount(db, changes)
        counted[why] += 1
    return counted


def _deliveries(
    db: sqlite3.Connection, mailing: Mailing, number: int, recipients: Mapping[int, Why]
) -> list[tuple[int, int, int, int]]:
    """(delivery, cohort, recipient, state) of each of these recipients."""
    if len(recipients) > _SEARCHED_AT_MOST:
        wanted = msgspec.json.encode(list(recipients)).decode()
        return [
            (id_, cohort, recipient, state)
            for cohort, first, last in db.execute(_COHORTS, (mailing.id,)).fetchall()
            for id_, recipient, state in db.execute(_AMONG, (first, last, wanted)).fetchall()
        ]
    each = (_search(db, mailing.id, number, recipient) for recipient in recipients)
    return [one for one in each if one is not None]


def _search(
    db: sqlite3.Connection, mailing_id: str, number: int, recipient: int
) -> tuple[int, int, int, int] | None:
    """By halving: within a cohort, deliveries stand in the order of their recipients."""
    for cohort, first, last in db.execute(_COHORTS_OF, (mailing_id, number, recipient)).fetchall():
        while first <= last:
            middle = (first + last) // 2
            sql = "SELECT recipient, state FROM delivery WHERE id = ?"
            there, state = db.execute(sql, (middle,)).fetchone()
            if there == recipient:
                return middle, cohort, recipient, state
            if there < recipient:
                first = middle + 1
            else:
                last = middle - 1
    return None


def _read(row: tuple[object, ...]) -> Suppression:
    blind, scope, salt, box, why, *rest = row
    return Suppression(Party(blind, salt, box), scope, Why(str(why)), *rest)  # type: ignore[arg-type]


def _row(one: Suppression) -> tuple[object, ...]:
    party = one.party
    return (
        party.blind, one.scope, party.salt, party.box, one.why, one.source, one.at, one.expires
    )  # fmt: skip
