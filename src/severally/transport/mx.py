"""Direct to the receiving domains: which host and address, with which proof of who it is.

Responsible for the order of hosts, for TLS as the domain asks for it, and for remembering what
does not answer. A connection of a lane leads to one site at a time (`mx_connection`).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from severally.model.destination import Destination, MailHost
from severally.model.envelope import Sealed
from severally.model.lane import Lane
from severally.model.outcome import Reply
from severally.ports import ConnectFailed, Exchanges
from severally.transport.dane import proven
from severally.transport.mx_connection import Line, MxConnection
from severally.transport.smtp import Inspect, Relay, Tls, TlsFailed, open_connection, tls_context
from severally.transport.smtp_connection import SmtpConnection, Timeouts

ADDRESSES_TRIED = 2
"""RFC 5321 5.1 asks for at least two addresses where there are as many."""
PATIENCE_S = 300.0
"""A site that fails for longer is the messages' trouble, not the lane's: they are deferred, and
given up in the end. Until then a lane that leads nowhere else waits as a whole."""
AGAIN_S = 30.0
"""How long a site that did not answer is taken not to answer: each message would wait for the
same timeout."""


@dataclass(slots=True)
class _Down:
    """A site that does not answer. Seconds of the monotonic clock."""

    since: float
    until: float
    reply: Reply


class MxTransport:
    """`ports.Transport` that finds each domain's mail hosts itself.

    TLS is opportunistic and unverified (RFC 7435) unless the domain asks for more, by an
    enforced MTA-STS policy or by DANE: then nothing is sent without it, ever. `ca_file` names
    a private authority for MTA-STS.
    """

    def __init__(
        self,
        exchanges: Exchanges,
        monotonic: Callable[[], float],
        port: int = 25,
        ehlo: str = "",
        source_ip: str = "",
        ca_file: str = "",
        timeouts: Timeouts | None = None,
    ) -> None:
        self._exchanges = exchanges
        self._monotonic = monotonic
        self._port = port
        self._ehlo = ehlo
        self._source_ip = source_ip
        self._timeouts = timeouts or Timeouts()
        self._unverified = tls_context(verify=False)
        self._verified = tls_context(ca_file)
        self._plain: set[str] = set()
        self._down: dict[str, _Down] = {}
        self._sites: dict[str, set[str]] = {}
        self._connections: dict[str, set[MxConnection]] = {}

    def endpoint(self, lane: Lane) -> str:
        """Each receiver has connections of its own."""
        return f"{lane.source}/{lane.receiver}"

    async def connect(self, lane: Lane, first: Sealed) -> MxConnection:
        """To where this message goes. Raises ConnectFailed."""
        peers = self._connections.setdefault(lane.key, set())
        connection = MxConnection(lane, self._exchanges.destination, self._open, peers)
        await connection.turn_to(first)
        peers.add(connection)
        return connection

    async def close(self) -> None:
        """Nothing is held between connections."""

    async def _open(self, lane: Lane, destination: Destination) -> Line:
        site, now = destination.site, self._monotonic()
        sites = self._sites.setdefault(lane.key, set())
        sites.add(site)
        down = self._down.get(site)
        if down is None or down.until <= now:
            try:
                line = Line(site, await self._first_that_answers(destination))
            except ConnectFailed as failed:
                if failed.reply.code:
                    raise ConnectFailed(failed.reply, lane_wide=False) from None
                now = self._monotonic()
                since = down.since if down else now
                down = self._down[site] = _Down(since, now + AGAIN_S, _unanswered(failed.reply))
            else:
                self._down.pop(site, None)
                return line
        young = now - down.since < PATIENCE_S
        raise ConnectFailed(down.reply, lane_wide=young and len(sites) == 1)

    async def _first_that_answers(self, destination: Destination) -> SmtpConnection:
        """Hosts by preference, two addresses of them; the last trouble where none answers."""
        problem = ConnectFailed(Reply(0, "", "none of its mail hosts has an address"))
        left = ADDRESSES_TRIED
        for name in destination.hosts:
            if not _allowed(name, destination.patterns):
                problem = _refused(f"its MTA-STS policy does not name the host {name}")
                continue
            try:
                host = await self._exchanges.host(name, destination.secure)
            except ConnectFailed as failed:
                problem = failed
                continue
            for address in host.addresses:
                try:
                    return await self._reach(host, address, destination.patterns is not None)
                except ConnectFailed as failed:
                    problem = failed
                left -= 1
                if not left:
                    raise problem
        raise problem

    async def _reach(self, host: MailHost, address: str, sts: bool) -> SmtpConnection:
        """TLS as this host and domain want it. DANE goes before MTA-STS (RFC 8461 2)."""
        if host.dane:
            return await self._encrypted(host, address, self._unverified, proven(host))
        if sts:
            return await self._encrypted(host, address, self._verified, None)
        if address not in self._plain:
            try:
                return await self._dial(host, address, "offered", self._unverified)
            except TlsFailed:
                self._plain.add(address)
        return await self._dial(host, address, "none", None)

    async def _encrypted(
        self, host: MailHost, address: str, context: ssl.SSLContext, inspect: Inspect | None
    ) -> SmtpConnection:
        """With TLS and its proof, or not at all."""
        try:
            return await self._dial(host, address, "starttls", context, inspect)
        except TlsFailed as failed:
            how = "DANE" if host.dane else "MTA-STS"
            raise _refused(f"{failed.reply.text} ({how}: no mail without proof)") from None

    async def _dial(
        self,
        host: MailHost,
        address: str,
        tls: Tls,
        context: ssl.SSLContext | None,
        inspect: Inspect | None = None,
    ) -> SmtpConnection:
        relay = Relay(
            address,
            self._port,
            tls,
            ehlo=self._ehlo,
            source_ip=self._source_ip,
            tls_name=host.name,
        )
        return await open_connection(relay, context, self._timeouts, inspect)


def _allowed(host: str, patterns: tuple[str, ...] | None) -> bool:
    """Whether an MTA-STS policy names the host; `*.` stands for one label (RFC 8461 4.1)."""
    if patterns is None:
        return True
    above = host.partition(".")[2]
    return any(
        host == pattern or (pattern.startswith("*.") and above == pattern[2:])
        for pattern in patterns
    )


def _refused(text: str) -> ConnectFailed:
    """We do not send there: a retry later, as RFC 8461 5 and RFC 7672 2.1 want it."""
    return ConnectFailed(Reply(451, "4.7.5", f"4.7.5 {text}"))


def _unanswered(reply: Reply) -> Reply:
    """An answer for those who got none (RFC 3463: 4.4.1, no answer from host)."""
    return Reply(451, "4.4.1", f"4.4.1 {reply.text}")
