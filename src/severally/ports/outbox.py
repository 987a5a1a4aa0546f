"""The seam to an outbox: a table in somebody else's database, written in their transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from severally.model.outbox import OutboxRow


class Outbox(Protocol):
    """Only what is committed is seen. Every method blocks, and raises SeverallyError where the
    table cannot be read or written; the next call tries again."""

    def waiting(self, after: int, most: int) -> Sequence[OutboxRow]:
        """Up to `most` rows without an answer whose id is above `after`, in order."""
        ...

    def answer(self, answers: Sequence[tuple[int, str]]) -> None:
        """Write what became of each row, by id; harmless when repeated."""
        ...

    def close(self) -> None: ...
