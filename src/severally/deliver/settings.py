"""How one process sends: paces, batches, how often it looks up. Data only."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from severally.model.notice import Kind
from severally.pace.retry import RetryPlan
from severally.pace.scheduler import Settings as Pacing


class Settings(msgspec.Struct, frozen=True):
    """How this process sends. Times in seconds.

    `pacing.in_flight` is `max_in_doubt`: the most that a crash can leave in doubt. `batch`
    messages are claimed and composed together; `ahead_s` of each lane's speed is kept
    ready, `ready` messages at most over all (memory). `poll_s`: how often the ledger is
    asked about halts and mailings handed over. `give_up_s`: in place of `retry`'s, for notices
    of these kinds.
    """

    pacing: Pacing = Pacing()
    retry: RetryPlan = RetryPlan()
    batch: int = 250
    ahead_s: float = 2.0
    ready: int = 4_000
    poll_s: float = 0.2
    progress_s: float = 0.5
    give_up_s: Mapping[Kind, float] = {}

    def retry_of(self, kind: Kind) -> RetryPlan:
        """How long notices of this kind are tried."""
        give_up_s = self.give_up_s.get(kind, self.retry.give_up_s)
        return msgspec.structs.replace(self.retry, give_up_s=give_up_s)
