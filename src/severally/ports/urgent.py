"""The seam to urgent messages: a part of the ledger, which knows of no mailing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from severally.model.entries import Act
from severally.model.mailing import Frozen
from severally.model.urgent import (
    Answer,
    ApiKey,
    Backlog,
    Caps,
    Change,
    Flood,
    Happening,
    Tracked,
    Urgent,
    UrgentNotice,
)


class UrgentLedger(Protocol):
    """Notices, keys and messages. Every method is one durable transaction."""

    # notices
    def propose_urgent(self, notice: UrgentNotice, frozen: Frozen, act: Act) -> None:
        """Keep this version; one with the same digest stays as it is."""
        ...

    def approve_urgent(self, digest: str, act: Act) -> UrgentNotice:
        """By `act.who`, at `act.at`. Raises UsageError where there is none."""
        ...

    def urgent_notices(self) -> Sequence[UrgentNotice]:
        """All versions, the oldest first."""
        ...

    def urgent_frozen(self, digest: str) -> Frozen:
        """Raises UsageError where there is none."""
        ...

    # keys
    def add_key(self, key: ApiKey, act: Act) -> None: ...
    def api_keys(self) -> Sequence[ApiKey]:
        """All, revoked ones included, the oldest first."""
        ...

    def revoke_key(self, key_id: str, act: Act) -> None:
        """Raises UsageError where there is none."""
        ...

    # messages
    def accept_urgent(
        self, batch: Sequence[tuple[Urgent, Caps]], claimed: bool
    ) -> Sequence[Answer]:
        """Keep all that may be kept, in order. `claimed`: the caller sends what is due at once."""
        ...

    def claim_urgent(self, count: int, now: float) -> Sequence[Tracked]:
        """Up to `count` ready or deferred messages whose time has come, the oldest due first."""
        ...

    def change_urgent(self, changes: Sequence[Change]) -> None:
        """New standings, with what happened."""
        ...

    def recover_urgent(self, now: float) -> tuple[int, int]:
        """Nobody sends any more: what was claimed is ready again, and what was attempting too,
        in doubt once more. How many of each."""
        ...

    def floods(self, before: float) -> Sequence[Flood]:
        """Held messages, by event and person, where the first was accepted before then."""
        ...

    def fold_urgent(self, newest: Urgent, now: float) -> None:
        """The newest is ready, with what it holds now; the others held with it are withdrawn."""
        ...

    # looking
    def urgent(self, ident: int) -> Tracked | None: ...
    def urgent_happenings(self, ident: int) -> Sequence[Happening]:
        """What happened to a message, in order."""
        ...

    def urgent_by_reference(self, scope: str, reference: str, count: int) -> Sequence[Tracked]:
        """The newest first, of keys with this scope."""
        ...

    def urgent_backlog(self) -> Backlog:
        """What is not final."""
        ...
