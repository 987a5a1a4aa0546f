"""What urgent messages are made from and who may ask for them, in SQLite: notices and keys."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from severally.ledger.sqlite.mailings import read_frozen, write_act
from severally.ledger.sqlite.store import Store
from severally.ledger.urgent_rules import no_key, no_notice
from severally.model.entries import Act
from severally.model.mailing import Frozen
from severally.model.urgent import ApiKey, KeyScope, UrgentNotice

_NOTICE = """
SELECT digest, name, event, expires_s, proposed_at, proposed_by, approved_at, approved_by
FROM urgent_notice
"""
_KEYS = """
SELECT id, name, scope, hash, per_minute, made_at, made_by, expires_at, revoked_at
FROM api_key ORDER BY made_at, id
"""


class SqliteUrgentRegister:
    """The part of the ledger that knows urgent notices and keys."""

    _store: Store

    def propose_urgent(self, notice: UrgentNotice, frozen: Frozen, act: Act) -> None:
        """Keep this version; one with the same digest stays as it is."""
        with self._store.write() as db:
            added = db.execute(
                "INSERT OR IGNORE INTO urgent_notice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (notice.digest, notice.name, notice.event, notice.expires_s, notice.proposed_at,
                 notice.proposed_by, notice.approved_at, notice.approved_by,
                 msgspec.msgpack.encode(frozen)),
            )  # fmt: skip
            if added.rowcount:
                write_act(db, act)

    def approve_urgent(self, digest: str, act: Act) -> UrgentNotice:
        """By `act.who`, at `act.at`."""
        approving = "UPDATE urgent_notice SET approved_at = ?, approved_by = ? WHERE digest = ?"
        with self._store.write() as db:
            if not db.execute(approving, (act.at, act.who, digest)).rowcount:
                raise no_notice(digest)
            write_act(db, act)
            row = db.execute(f"{_NOTICE} WHERE digest = ?", (digest,)).fetchone()
        return UrgentNotice(*row)

    def urgent_notices(self) -> Sequence[UrgentNotice]:
        """All versions, the oldest first."""
        with self._store.read() as db:
            return [UrgentNotice(*row) for row in db.execute(f"{_NOTICE} ORDER BY rowid")]

    def urgent_frozen(self, digest: str) -> Frozen:
        """Raises UsageError where there is none."""
        found = "SELECT frozen FROM urgent_notice WHERE digest = ?"
        with self._store.read() as db:
            row = db.execute(found, (digest,)).fetchone()
        if row is None:
            raise no_notice(digest)
        return read_frozen(row[0])

    def add_key(self, key: ApiKey, act: Act) -> None:
        """Keep it."""
        with self._store.write() as db:
            db.execute(
                "INSERT INTO api_key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (key.id, key.name, key.scope.value, key.hash, key.per_minute, key.made_at,
                 key.made_by, key.expires_at, key.revoked_at),
            )  # fmt: skip
            write_act(db, act)

    def api_keys(self) -> Sequence[ApiKey]:
        """All, revoked ones included, the oldest first."""
        with self._store.read() as db:
            return [
                ApiKey(id_, name, KeyScope(scope), *rest)
                for id_, name, scope, *rest in db.execute(_KEYS)
            ]

    def revoke_key(self, key_id: str, act: Act) -> None:
        """Raises UsageError where there is none."""
        revoking = "UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at = 0"
        with self._store.write() as db:
            if not db.execute("SELECT 1 FROM api_key WHERE id = ?", (key_id,)).fetchone():
                raise no_key(key_id)
            if db.execute(revoking, (act.at, key_id)).rowcount:
                write_act(db, act)
