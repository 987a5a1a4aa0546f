"""The seam to where what comes back waits: a spool, a Maildir, a mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from severally.model.incoming import Came


class Incoming(Protocol):
    """Messages stay until they are said to be done. Raises SeverallyError where it cannot be
    read."""

    def waiting(self, most: int) -> Sequence[Came]:
        """Up to `most` that were neither done nor kept."""
        ...

    def done(self, names: Sequence[str]) -> None:
        """What they said is committed; harmless when repeated."""
        ...

    def keep(self, names: Sequence[str]) -> None:
        """Nobody understood them: they are marked for a person, and wait no more."""
        ...
