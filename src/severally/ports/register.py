"""The seam to the register of operators: a part of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from severally.model.entries import Act
from severally.model.operator import Operator, Pass


class Register(Protocol):
    """Who works here. Each act is written in the transaction it describes."""

    def add_operator(self, operator: Operator, act: Act) -> None:
        """Raises Refused where the name is taken."""
        ...

    def operators(self) -> Sequence[Operator]:
        """All, disabled ones included, by name."""
        ...

    def disable_operator(self, name: str, act: Act) -> None:
        """With all their passes. Raises UsageError for a name nobody has."""
        ...

    def use_code(self, name: str, step: int) -> bool:
        """Use up the code of this step and all before it; False where it is used up already."""
        ...

    def count_try(self, name: str, now: float) -> float:
        """Count a try of a password or code before it is looked at; 0.0, or until when (Unix
        seconds) none is, and nothing is counted then."""
        ...

    def forget_tries(self, name: str) -> None:
        """It was the right one."""
        ...

    def add_pass(self, made: Pass, act: Act) -> None: ...
    def find_pass(self, hash_: bytes) -> Pass | None: ...
    def drop_pass(self, hash_: bytes, act: Act) -> None: ...
