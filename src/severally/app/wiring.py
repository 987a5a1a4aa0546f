"""The only place that chooses adapters. Everything a test may want to replace is a factory here.

Responsible for turning configuration into the objects that `deliver` works with. Not for
what they do.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from severally.adapters.chromium import Chromium, find_chromium
from severally.adapters.clock import SystemClock
from severally.adapters.dns import Dns
from severally.adapters.dns_cache import DnsCache
from severally.adapters.exchanges import DnsExchanges
from severally.adapters.fonts import installed_fonts
from severally.adapters.keys import AesRowCipher, FileKeys
from severally.adapters.mta_sts import Https, StsReader
from severally.adapters.pool import PoolBench
from severally.adapters.providers import DomainTable, Grouping
from severally.adapters.survey import Survey
from severally.app.allowed import Allowed
from severally.app.config import Workspace
from severally.app.lanes import lane_of
from severally.app.sections import DiscardRoute, MaildirRoute, MxRoute, SmtpRoute
from severally.app.studio import Camera, Fonts
from severally.compose.compositor import Compositor, signers_for
from severally.deliver.bench import Workbench
from severally.deliver.progress import Progress
from severally.deliver.records import Classify
from severally.deliver.sending import Deliverer
from severally.deliver.settings import Settings
from severally.feedback.replies import ReplyRules, Windows
from severally.guard.sealing import Guard
from severally.ledger.sqlite import SqliteLedger
from severally.model.destination import Destination, MailHost
from severally.model.errors import Refused, UsageError
from severally.model.mailing import Frozen, Mailing
from severally.model.outcome import Origin, Reply, Verdict
from severally.pace.retry import RetryPlan
from severally.pace.scheduler import Settings as Pacing
from severally.ports import (
    Clock,
    Composer,
    Exchanges,
    Keys,
    Ledger,
    Resolver,
    RowCipher,
    Transport,
)
from severally.transport.build import build_smtp
from severally.transport.discard import DiscardTransport
from severally.transport.maildir import MaildirTransport
from severally.transport.mx import MxTransport
from severally.transport.smtp import Relay, SmtpTransport

SURVEY_S = 6.0
"""How long one question may take before a send: three tries of two seconds."""

MakeComposer = Callable[[Frozen, Mapping[str, bytes]], Composer]
"""From the frozen mailing and its DKIM keys (PEM by fingerprint); importable by name."""


def make_composer(frozen: Frozen, pems: Mapping[str, bytes]) -> Composer:
    """The real one."""
    return Compositor(frozen, signers_for(frozen.sender, pems.__getitem__))


class BenchKit(NamedTuple):
    """What a composing process needs for one mailing, and no other secret."""

    frozen: bytes
    audience: str
    audience_key: bytes
    token_key: bytes
    pems: dict[str, bytes]
    make_composer: MakeComposer


def make_workbench(kit: BenchKit) -> Workbench:
    """Inside the composing process."""
    frozen = msgspec.msgpack.decode(kit.frozen, type=Frozen)
    return Workbench(
        AesRowCipher(kit.audience_key, kit.audience),
        kit.make_composer(frozen, kit.pems),
        build_smtp,
        Guard(frozen),
        kit.token_key,
    )


def open_ledger(path: Path) -> Ledger:
    """The workspace's record."""
    return SqliteLedger(path)


def open_keys(workspace: Workspace) -> Keys:
    """The workspace's secrets. Raises UsageError where they are missing or not private."""
    files = [key.key_file for sender in workspace.senders.values() for key in sender.dkim]
    return FileKeys(workspace.root / "keys", [workspace.path(file) for file in files])


def make_resolver(workspace: Workspace, route: str, keys: Keys, clock: Clock) -> Resolver:
    """Which provider a domain belongs to, with the workspace's own receivers first."""
    extra = {name: receiver for receiver, names in workspace.receivers.items() for name in names}
    settings = workspace.routes.get(route)
    if not isinstance(settings, MxRoute):
        return DomainTable(extra)
    cache = DnsCache(workspace.state / "dns.sqlite3", keys.blind)
    return Survey(Dns(settings.resolver, SURVEY_S), Grouping(extra), cache, clock.wall)


def make_transport(workspace: Workspace, name: str) -> Transport:
    """The way out called `name`. Raises UsageError where its password cannot be read."""
    match workspace.routes[name]:
        case SmtpRoute() as route:
            return SmtpTransport(_relay(workspace, name, route))
        case MaildirRoute() as route:
            return MaildirTransport(workspace.path(route.path))
        case DiscardRoute():
            return DiscardTransport()
        case MxRoute() as route:
            return _mx(workspace, name, route)


def _relay(workspace: Workspace, name: str, route: SmtpRoute) -> Relay:
    ca_file = _authority(workspace, name, route.ca_file)
    return Relay(
        route.host,
        route.port,
        route.tls,
        route.username,
        _password(workspace, name, route),
        ca_file,
        route.ehlo,
        route.source_ip,
    )


def _authority(workspace: Workspace, name: str, file: str) -> str:
    path = str(workspace.path(file)) if file else ""
    if path and not Path(path).is_file():
        raise UsageError(f"routes.{name}.ca_file: there is no file {file}")
    return path


def _password(workspace: Workspace, name: str, route: SmtpRoute) -> str:
    if route.password_env:
        value = os.environ.get(route.password_env)
        if not value:
            raise UsageError(
                f"routes.{name}.password_env: the environment has no {route.password_env}"
            )
        return value
    if not route.password_file:
        return ""
    try:
        return workspace.path(route.password_file).read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"routes.{name}.password_file: {route.password_file} cannot be read; "
            "write the password into it, on one line, and make it readable to you alone"
        ) from None


def _mx(workspace: Workspace, name: str, route: MxRoute) -> Transport:
    clock = SystemClock()
    dns = Dns(route.resolver)
    cache = DnsCache(workspace.state / "dns.sqlite3", open_keys(workspace).blind)
    ca_file = _authority(workspace, name, route.ca_file)
    sts = StsReader(dns, cache, clock.wall, Https(route.sts_port, ca_file))
    exchanges = DnsExchanges(dns, sts, route.port, random.Random(), clock.monotonic)
    return MxTransport(
        AllowedExchanges(exchanges, workspace.allowed, name),
        clock.monotonic,
        route.port,
        route.ehlo,
        route.source_ip,
        ca_file,
    )


class AllowedExchanges:
    """`ports.Exchanges` within what the workspace may reach."""

    def __init__(self, inner: Exchanges, allowed: Allowed, route: str) -> None:
        self._inner = inner
        self._allowed = allowed
        self._route = route

    async def destination(self, domain: str) -> Destination:
        """As DNS says."""
        return await self._inner.destination(domain)

    async def host(self, name: str, secure: bool) -> MailHost:
        """Raises Refused where an address is not among the allowed hosts."""
        host = await self._inner.host(name, secure)
        for address in host.addresses:
            if not self._allowed.host(address):
                raise Refused(
                    f"route {self._route} leads to the host {name} ({address}), which this trial "
                    "workspace does not send to; list it under allow_hosts if you mean to reach it"
                )
        return host


def find_camera() -> AbstractContextManager[Camera] | None:
    """Chromium, where there is one."""
    program = find_chromium()
    return Chromium(program) if program else None


@dataclass(frozen=True)
class Wiring:
    """Every choice of an adapter. `make_composer` must be importable by name: it is used in
    spawned processes."""

    make_composer: MakeComposer = make_composer
    make_transport: Callable[[Workspace, str], Transport] = make_transport
    open_ledger: Callable[[Path], Ledger] = open_ledger
    open_keys: Callable[[Workspace], Keys] = open_keys
    resolver: Callable[[Workspace, str, Keys, Clock], Resolver] = make_resolver
    find_camera: Callable[[], AbstractContextManager[Camera] | None] = find_camera
    fonts: Callable[[], Fonts] = installed_fonts
    clock: Clock = field(default_factory=SystemClock)

    def row_cipher(self, audience_key: bytes, audience: str) -> RowCipher:
        """Encrypts and opens one audience's rows."""
        return AesRowCipher(audience_key, audience)

    def kit(self, keys: Keys, ledger: Ledger, mailing_id: str) -> BenchKit:
        """For the composing processes."""
        mailing = ledger.mailing(mailing_id)
        frozen = ledger.frozen(mailing_id)
        return BenchKit(
            msgspec.msgpack.encode(frozen),
            mailing.audience,
            keys.audience_key(mailing.audience),
            keys.token_key(mailing_id),
            {key.fingerprint: keys.dkim_key(key.fingerprint) for key in frozen.sender.dkim},
            self.make_composer,
        )

    @asynccontextmanager
    async def deliverer(
        self,
        workspace: Workspace,
        keys: Keys,
        ledger: Ledger,
        listen: Callable[[Progress], None],
    ) -> AsyncIterator[Deliverer]:
        """Everything that sends, put together; taken apart on leaving."""
        transports = {name: self.make_transport(workspace, name) for name in workspace.routes}
        bench = PoolBench(
            make_workbench, lambda mailing: self.kit(keys, ledger, mailing), workspace.processes
        )
        threads = ThreadPoolExecutor(4, thread_name_prefix="severally-ledger")
        loop = asyncio.get_running_loop()

        async def off_loop(call: Callable[[], Any]) -> Any:
            return await loop.run_in_executor(threads, call)

        def lane(mailing: Mailing, receiver: str) -> Any:
            return lane_of(workspace, mailing.route, receiver)

        try:
            yield Deliverer(
                ledger=ledger,
                bench=bench,
                transports=transports,
                lane_of=lane,
                clock=self.clock,
                classify=judging(),
                routes={name: workspace.route_limits(name) for name in workspace.routes},
                settings=sending_settings(workspace),
                rng=random.Random(),
                listen=listen,
                off_loop=off_loop,
            )
        finally:
            await bench.close()
            for transport in transports.values():
                await transport.close()
            threads.shutdown()


def judging() -> Classify:
    """The shipped reply rules, with the counts of one delivering process."""
    rules, windows = ReplyRules(), Windows()

    def classify(reply: Reply, origin: Origin, now: float) -> Verdict:
        return rules.classify(reply, origin, now, windows)

    return classify


def sending_settings(workspace: Workspace) -> Settings:
    """`[sending]` and `[retries]` for the sending loop."""
    retries = workspace.retries
    return Settings(
        pacing=Pacing(in_flight=workspace.max_in_doubt),
        retry=RetryPlan(retries.first_s, retries.factor, retries.most_s, retries.give_up_s),
    )
