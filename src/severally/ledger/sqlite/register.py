"""The register of operators in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from severally.ledger.rules import name_taken, no_operator
from severally.ledger.sqlite.mailings import write_act
from severally.ledger.sqlite.store import Store
from severally.model.entries import Act
from severally.model.operator import Operator, Pass, PassKind, Role, waits_until

_OPERATORS = """
SELECT name, roles, password, salt, box, step, added_at, disabled_at, tries, tried_at FROM operator
ORDER BY name
"""
_FIND = """
SELECT hash, operator, kind, label, scopes, purpose, made_at, expires_at FROM pass WHERE hash = ?
"""
_DISABLE = "UPDATE operator SET disabled_at = ? WHERE name = ? AND disabled_at = 0"

_TRIES = "SELECT tries, tried_at FROM operator WHERE name = ?"
_COUNT = "UPDATE operator SET tries = ?, tried_at = ? WHERE name = ?"


class SqliteRegister:
    """The part of the ledger that knows who works here."""

    _store: Store

    def add_operator(self, operator: Operator, act: Act) -> None:
        """Raises Refused where the name is taken."""
        with self._store.write() as db:
            if db.execute("SELECT 1 FROM operator WHERE name = ?", (operator.name,)).fetchone():
                raise name_taken(operator.name)
            db.execute("INSERT INTO operator VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(operator))
            write_act(db, act)

    def operators(self) -> Sequence[Operator]:
        """All, disabled ones included, by name."""
        with self._store.read() as db:
            return [_operator(*row) for row in db.execute(_OPERATORS)]

    def disable_operator(self, name: str, act: Act) -> None:
        """With all their passes. Raises UsageError for a name nobody has."""
        with self._store.write() as db:
            if not db.execute("SELECT 1 FROM operator WHERE name = ?", (name,)).fetchone():
                raise no_operator(name)
            db.execute(_DISABLE, (act.at, name))
            db.execute("DELETE FROM pass WHERE operator = ?", (name,))
            write_act(db, act)

    def use_code(self, name: str, step: int) -> bool:
        """Use up the code of this step and all before it; False where it is used up already."""
        with self._store.write() as db:
            used = "UPDATE operator SET step = ? WHERE name = ? AND step < ?"
            return db.execute(used, (step, name, step)).rowcount == 1

    def count_try(self, name: str, now: float) -> float:
        """Count a try, unless it has to wait; until when."""
        with self._store.write() as db:
            (tries, tried_at), *_ = db.execute(_TRIES, (name,))
            until = waits_until(tries, tried_at)
            if until > now:
                return until
            db.execute(_COUNT, (tries + 1, now, name))
            return 0.0

    def forget_tries(self, name: str) -> None:
        """It was the right one."""
        with self._store.write() as db:
            db.execute(_COUNT, (0, 0.0, name))

    def add_pass(self, made: Pass, act: Act) -> None:
        """Keep it, and forget those that have run out."""
        with self._store.write() as db:
            db.execute("DELETE FROM pass WHERE expires_at <= ?", (act.at,))
            scopes = " ".join(made.scopes)
            db.execute(
                "INSERT INTO pass VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (made.hash, made.operator, made.kind, made.label, scopes, made.purpose,
                 made.made_at, made.expires_at),
            )  # fmt: skip
            write_act(db, act)

    def find_pass(self, hash_: bytes) -> Pass | None:
        """The pass with this hash."""
        with self._store.read() as db:
            row = db.execute(_FIND, (hash_,)).fetchone()
        if row is None:
            return None
        found, operator, kind, label, scopes, *rest = row
        return Pass(found, operator, PassKind(kind), label, tuple(scopes.split()), *rest)

    def drop_pass(self, hash_: bytes, act: Act) -> None:
        """Forget it; harmless where it is not there."""
        with self._store.write() as db:
            db.execute("DELETE FROM pass WHERE hash = ?", (hash_,))
            write_act(db, act)


def _row(one: Operator) -> tuple[object, ...]:
    return (
        one.name, " ".join(one.roles), one.password, one.salt, one.box, one.step, one.added_at,
        one.disabled_at, one.tries, one.tried_at,
    )  # fmt: skip


def _operator(name: str, roles: str, *rest: Any) -> Operator:
    return Operator(name, tuple(map(Role, roles.split())), *rest)
