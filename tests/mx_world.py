"""An `mx` transport in a small world of loopback: a name server, mail hosts, messages."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from severally.adapters.dns import Dns
from severally.adapters.exchanges import DnsExchanges
from severally.adapters.mta_sts import Https, RememberedPolicies, StsReader
from severally.model.envelope import Sealed, SmtpPayload, payload_digest
from severally.model.lane import Lane, Limits
from severally.model.outcome import Outcome
from severally.ports import ConnectFailed
from severally.transport.mx import MxTransport
from severally.transport.smtp_connection import Timeouts
from tests.servers.authority import Certified, certify
from tests.servers.nameserver import Nameserver
from tests.servers.policies import PolicyServer
from tests.smtp_sink import Conduct

QUICK = Timeouts(connect=5.0, greeting=5.0, command=5.0, data=5.0, dot=5.0, quit=0.5)
OFFERS_TLS = ("PIPELINING", "8BITMIME", "SIZE 50000000", "SMTPUTF8", "STARTTLS")

_T = TypeVar("_T")


class Moment:
    """A clock that stands where it is put; Unix and monotonic seconds at once."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class World:
    """`transport` sends to what `names` and `policies` say; `sinks` by their addresses."""

    def __init__(
        self, names: Nameserver, certified: Certified, policies: PolicyServer, port: int
    ) -> None:
        self.names = names
        self.certified = certified
        self.policies = policies
        self.port = port
        self.moment = Moment()
        self.remembered = RememberedPolicies()
        self.transport = self.another()

    def another(self, seed: int = 1, ca_file: str | None = None) -> MxTransport:
        """A transport as a process that has just begun has it."""
        dns = Dns(self.names.address, 5.0)
        authority = str(self.certified.ca) if ca_file is None else ca_file
        https = Https(self.policies.port, authority)
        sts = StsReader(dns, self.remembered, self.moment, https)
        exchanges = DnsExchanges(dns, sts, self.port, random.Random(seed), self.moment)
        return MxTransport(
            exchanges, self.moment, self.port, "mail.exchange.example", "", authority, QUICK
        )

    def enforce(self, domain: str, *patterns: str, mode: str = "enforce", id_: str = "1") -> None:
        """Publish an MTA-STS policy for the domain."""
        self.names.add(f"_mta-sts.{domain}", "TXT", f'"v=STSv1; id={id_};"')
        self.names.add(f"mta-sts.{domain}", "A", "127.0.0.1")
        lines = ["version: STSv1", f"mode: {mode}", "max_age: 86400"]
        self.policies.texts[domain] = "\r\n".join([*lines, *(f"mx: {each}" for each in patterns)])

    def secure(self, *names: str) -> None:
        """These answers are authenticated."""
        self.names.secure.update(names)

    def server_tls(self, chain: bool = False) -> ssl.SSLContext:
        """What a mail host of this world shows; with its authority where `chain` is set."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self.certified.certificate
        if chain:
            whole = certificate.with_name("chain.pem")
            whole.write_bytes(certificate.read_bytes() + self.certified.ca.read_bytes())
            certificate = whole
        context.load_cert_chain(certificate, self.certified.key)
        return context


@contextlib.contextmanager
def world(folder: Path, port: int, *certified: str) -> Iterator[World]:
    """Certificates are for `certified` names, and `mta-sts.` of each domain in use."""
    files = certify(folder, *certified)
    with Nameserver() as names, PolicyServer(files) as policies:
        yield World(names, files, policies, port)


def encrypting(world_: World, chain: bool = False) -> Conduct:
    """A mail host that offers STARTTLS."""
    return Conduct(extensions=OFFERS_TLS, tls=world_.server_tls(chain))


def letter(number: int, address: str) -> Sealed:
    """A message of ours."""
    text = b"From: <notices@exchange.example>\r\nSubject: %d\r\n\r\nHello.\r\n" % number
    utf8 = not address.isascii()
    payload = SmtpPayload("bounces@exchange.example", (address,), text, utf8)
    return Sealed((number,), payload, payload_digest(payload))


def lane(receiver: str = "somebody", per_connection: int | None = None) -> Lane:
    return Lane("main", receiver, Limits(None, None, per_connection))


def awaited(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run it to its end in a loop of its own."""

    async def run() -> _T:
        return await work()

    return asyncio.run(run())


def sent(transport: MxTransport, *letters: Sealed, to: Lane | None = None) -> list[Outcome]:
    """Each on a connection of its own, one after the other; what became of them."""
    outcomes: list[Outcome] = []

    async def run() -> None:
        for each in letters:
            connection = await transport.connect(to or lane(), each)
            await connection.send([each], lambda _, outcome: outcomes.append(outcome))
            await connection.close()

    asyncio.run(run())
    return outcomes


def failure(transport: MxTransport, address: str, to: Lane | None = None) -> ConnectFailed:
    """Why nothing can be sent there."""

    async def run() -> ConnectFailed:
        try:
            connection = await transport.connect(to or lane(), letter(1, address))
        except ConnectFailed as failed:
            return failed
        await connection.close()
        raise AssertionError("it connected")

    return asyncio.run(run())
