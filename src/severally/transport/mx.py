"""Direct to the receiving providers: MX hosts in order of preference, opportunistic TLS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from severally.model.envelope import Sealed
from severally.model.lane import Lane
from severally.model.outcome import Reply
from severally.ports import ConnectFailed
from severally.transport.smtp import Relay, open_connection, tls_context
from severally.transport.smtp_connection import SmtpConnection, Timeouts

_HOSTS_TRIED = 2
"""RFC 5321 5.1 asks for at least two addresses where there are as many."""

HostsFor = Callable[[str], Awaitable[Sequence[str]]]
"""Receiver id -> addresses of its mail hosts, best first. Raises ConnectFailed."""


class MxTransport:
    """`ports.Transport` that connects to the receiver of each lane itself.

    `tls` is `opportunistic` (encrypt where offered, unverified: RFC 7435) or `none`.
    """

    def __init__(
        self,
        hosts_for: HostsFor,
        port: int = 25,
        ehlo: str = "",
        source_ip: str = "",
        timeouts: Timeouts | None = None,
    ) -> None:
        self._hosts_for = hosts_for
        self._port = port
        self._ehlo = ehlo
        self._source_ip = source_ip
        self._timeouts = timeouts or Timeouts()
        self._context = tls_context(verify=False)
        self._plain: set[str] = set()

    def endpoint(self, lane: Lane) -> str:
        """Each receiver has connections of its own."""
        return f"{lane.source}/{lane.receiver}"

    async def connect(self, lane: Lane, first: Sealed) -> SmtpConnection:
        """To the first host that answers. Raises ConnectFailed."""
        problem = ConnectFailed(Reply(0, "", "no mail host is known"))
        for host in (await self._hosts_for(lane.receiver))[:_HOSTS_TRIED]:
            try:
                return await self._connect(host)
            except ConnectFailed as failed:
                problem = failed
                if failed.reply.code >= 500:
                    break  # it did answer
        raise problem

    async def close(self) -> None:
        """Nothing is held between connections."""

    async def _connect(self, host: str) -> SmtpConnection:
        tls = "none" if host in self._plain else "starttls"
        relay = Relay(
            host,
            self._port,
            "starttls" if tls == "starttls" else "none",
            ehlo=self._ehlo,
            source_ip=self._source_ip,
            verify=False,
        )
        try:
            return await open_connection(relay, self._context, self._timeouts)
        except ConnectFailed as failed:
            if tls == "none" or "STARTTLS" not in failed.reply.text:
                raise
        self._plain.add(host)
        return await self._connect(host)
