"""The seam to an audience while it is read: a part of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from severally.model.mailing import Audience
from severally.model.staged import Duplicate, StagedRow


class Staging(Protocol):
    """An audience being read. Nothing of it counts before `freeze`; a crash leaves no trace
    that `Ledger.sweep` does not remove."""

    def add(self, rows: Sequence[StagedRow]) -> None: ...
    def repeated_ids(self) -> Sequence[tuple[str, tuple[int, ...]]]:
        """Ids that stand in more than one row, with the rows."""
        ...

    def domains(self) -> Iterator[Sequence[str]]:
        """Every domain once, in batches."""
        ...

    def assign(self, receivers: Mapping[str, str]) -> None:
        """These domains belong to these receivers."""
        ...

    def receivers(self) -> Mapping[str, int]:
        """Rows that are left, by receiver."""
        ...

    def zones(self) -> Mapping[tuple[str, str], int]:
        """Rows that are left, by receiver and time zone."""
        ...

    def ids_at(self, receiver: str, most: int) -> Sequence[str]:
        """Up to `most` ids of this receiver's rows, in order of reading."""
        ...

    def set_aside_repeats(self) -> Sequence[Duplicate]:
        """Take later rows with the same `blind` out (same_address = once) and name them."""
        ...

    def loose_repeats(self, most: int) -> Sequence[Duplicate]:
        """Up to `most` rows whose address differs only by a provider's own rules."""
        ...

    def content(self) -> str:
        """Order-free keyed hash (hex) of the rows that are left."""
        ...

    def freeze(self, name: str, now: float) -> Audience:
        """Number the rows by (receiver, order) and make the audience. Needs one row at least."""
        ...

    def discard(self) -> None: ...
