"""Accepts everything and keeps nothing: rehearsal needs no `if`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from severally.model.envelope import Sealed
from severally.model.lane import Lane
from severally.model.outcome import Ending, Outcome, Reply
from severally.transport.sealed import opened


class DiscardConnection:
    """See `ports.Connection`."""

    usable = True

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        """Look at each seal, then let it go."""
        for sealed in run:
            opened(sealed)
            self.sent += 1
            reply = Reply(250, "2.0.0", "2.0.0 discarded")
            report(sealed, Outcome(sealed.deliveries[0], Ending.REPLIED, reply))

    async def turn_to(self, first: Sealed) -> None:
        """One end for all."""

    async def close(self) -> None:
        """Nothing to let go of."""


class DiscardTransport:
    """See `ports.Transport`."""

    def endpoint(self, lane: Lane) -> str:
        """One end for all."""
        return "discard"

    async def connect(self, lane: Lane, first: Sealed) -> DiscardConnection:
        """Always at once."""
        return DiscardConnection()

    async def close(self) -> None:
        """Nothing to let go of."""
