"""The register of operators in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec

from severally.ledger.rules import name_taken, no_operator
from severally.model.entries import Act
from severally.model.operator import Operator, Pass, waits_until


class MemoryRegister:
    """The part of the ledger that knows who works here."""

    _lock: threading.RLock

    def __init__(self) -> None:
        super().__init__()
        self._operators: dict[str, Operator] = {}
        self._passes: dict[bytes, Pass] = {}

    def _write(self, *acts: Act) -> None:
        raise NotImplementedError

    def add_operator(self, operator: Operator, act: Act) -> None:
        """Raises Refused where the name is taken."""
        with self._lock:
            if operator.name in self._operators:
                raise name_taken(operator.name)
            self._operators[operator.name] = operator
            self._write(act)

    def operators(self) -> Sequence[Operator]:
        """All, disabled ones included, by name."""
        with self._lock:
            return [one for _, one in sorted(self._operators.items())]

    def disable_operator(self, name: str, act: Act) -> None:
        """With all their passes. Raises UsageError for a name nobody has."""
        with self._lock:
            one = self._operators.get(name)
            if one is None:
                raise no_operator(name)
            at = one.disabled_at or act.at
            self._operators[name] = msgspec.structs.replace(one, disabled_at=at)
            self._passes = {h: p for h, p in self._passes.items() if p.operator != name}
            self._write(act)

    def use_code(self, name: str, step: int) -> bool:
        """Use up the code of this step and all before it; False where it is used up already."""
        with self._lock:
            one = self._operators.get(name)
            if one is None or one.step >= step:
                return False
            self._operators[name] = msgspec.structs.replace(one, step=step)
            return True

    def count_try(self, name: str, now: float) -> float:
        """Count a try, unless it has to wait; until when."""
        with self._lock:
            one = self._operators[name]
            until = waits_until(one.tries, one.tried_at)
            if until > now:
                return until
            counted = msgspec.structs.replace(one, tries=one.tries + 1, tried_at=now)
            self._operators[name] = counted
            return 0.0

    def forget_tries(self, name: str) -> None:
        """It was the right one."""
        with self._lock:
            one = self._operators[name]
            self._operators[name] = msgspec.structs.replace(one, tries=0, tried_at=0.0)

    def add_pass(self, made: Pass, act: Act) -> None:
        """Keep it, and forget those that have run out."""
        with self._lock:
            left = {h: p for h, p in self._passes.items() if p.expires_at > act.at}
            self._passes = {**left, made.hash: made}
            self._write(act)

    def find_pass(self, hash_: bytes) -> Pass | None:
        """The pass with this hash."""
        with self._lock:
            return self._passes.get(hash_)

    def drop_pass(self, hash_: bytes, act: Act) -> None:
        """Forget it; harmless where it is not there."""
        with self._lock:
            self._passes.pop(hash_, None)
            self._write(act)
