"""A connection of an `mx` lane: one socket at a time, to where the next message goes.

A lane is a receiving provider, and a provider has many domains with mail hosts of their own.
Domains with the same hosts share a socket; for another site this connection takes over the
socket of an idle one of the lane, or closes its own and opens a new one. So there are never
more sockets than connections, and limits stay exact.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from severally.model.destination import Destination
from severally.model.envelope import Sealed, SmtpPayload
from severally.model.lane import Lane
from severally.model.outcome import Ending, Outcome
from severally.ports import ConnectFailed
from severally.transport.smtp_connection import SmtpConnection


@dataclass(slots=True)
class Line:
    """A socket and the site it leads to."""

    site: str
    smtp: SmtpConnection


class MxConnection:
    """See `ports.Connection`."""

    def __init__(
        self,
        lane: Lane,
        destination: Callable[[str], Awaitable[Destination]],
        open_line: Callable[[Lane, Destination], Awaitable[Line]],
        peers: set[MxConnection],
    ) -> None:
        self._lane = lane
        self._destination = destination
        self._open_line = open_line
        self._peers = peers
        self._line: Line | None = None
        self._busy = False
        self._closed = False

    @property
    def usable(self) -> bool:
        """Without a socket too: it opens one."""
        return not self._closed and (self._line is None or self._line.smtp.usable)

    @property
    def sent(self) -> int:
        """Messages on the socket it has now."""
        return self._line.smtp.sent if self._line else 0

    async def turn_to(self, first: Sealed) -> None:
        """Raises ConnectFailed."""
        self._busy = True
        try:
            destination = await self._destination(domain_of(first))
            if not self._fits(destination.site) and not self._swap(destination.site):
                await self._hang_up()
                self._line = await self._open_line(self._lane, destination)
        except BaseException:
            self._busy = False
            raise

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        """Each domain's messages in order, where that domain's mail goes."""
        try:
            for _, messages in groupby(run, domain_of):
                await self._send(list(messages), report)
        finally:
            self._busy = False

    async def close(self) -> None:
        """QUIT, and no more sockets."""
        self._closed = True
        self._peers.discard(self)
        await self._hang_up()

    async def _send(
        self, messages: list[Sealed], report: Callable[[Sealed, Outcome], None]
    ) -> None:
        try:
            await self.turn_to(messages[0])
        except ConnectFailed as failed:
            ending = Ending.UNTRIED if failed.lane_wide else Ending.REPLIED
            for sealed in messages:
                report(sealed, Outcome(sealed.deliveries[0], ending, failed.reply))
            return
        assert self._line is not None
        await self._line.smtp.send(messages, report)

    def _fits(self, site: str) -> bool:
        line = self._line
        return line is not None and line.site == site and self._fresh(line)

    def _fresh(self, line: Line) -> bool:
        most = self._lane.limits.messages_per_connection
        return line.smtp.usable and (most is None or line.smtp.sent < most)

    def _swap(self, site: str) -> bool:
        """Take an idle one's socket that leads there; it gets ours."""
        for other in self._peers:
            if other is not self and not other._busy and other._fits(site):
                self._line, other._line = other._line, self._line
                return True
        return False

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.smtp.close()


def domain_of(sealed: Sealed) -> str:
    """The domain that the one recipient's mail goes to, as a lower-case A-label."""
    payload = sealed.payload
    assert isinstance(payload, SmtpPayload)
    return payload.rcpt_to[0].rpartition("@")[2].lower()
