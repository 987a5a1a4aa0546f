"""The only place that chooses adapters. Everything a test may want to replace is a factory here.

Responsible for turning configuration into the objects that `deliver` works with. Not for
what they do.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from severally.adapters.chromium import Chromium, find_chromium
from severally.adapters.clock import SystemClock
from severally.adapters.dns import DomainTable, MailHosts, shipped_domains
from severally.adapters.fonts import installed_fonts
from severally.adapters.keys import AesRowCipher, FileKeys
from severally.adapters.pool import PoolBench
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
from severally.model.errors import Refused, UsageError
from severally.model.mailing import Frozen, Mailing
from severally.model.outcome import Origin, Reply, Verdict
from severally.pace.retry import RetryPlan
from severally.pace.scheduler import Settings as Pacing
from severally.ports import (
    Clock,
    Composer,
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


def make_resolver(workspace: Workspace, route: str) -> Resolver:
    """Which provider a domain belongs to, with the workspace's own domains first."""
    extra = {
        domain: receiver for receiver, domains in workspace.receivers.items() for domain in domains
    }
    return DomainTable(extra, own_lanes=isinstance(workspace.routes.get(route), MxRoute))


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
    ca_file = str(workspace.path(route.ca_file)) if route.ca_file else ""
    if ca_file and not Path(ca_file).is_file():
        raise UsageError(f"routes.{name}.ca_file: there is no file {route.ca_file}")
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
    mail_hosts = MailHosts(route.resolver, random.Random())

    async def hosts_for(receiver: str) -> Sequence[str]:
        hosts = await mail_hosts.of(domain_of(workspace, receiver))
        for host in hosts:
            if not workspace.allowed.host(host):
                raise Refused(
                    f"lane {name}/{receiver} leads to the host {host}, which this trial workspace "
                    "does not send to; list it under allow_hosts if you mean to reach it"
                )
        return hosts

    return MxTransport(hosts_for, route.port, route.ehlo, route.source_ip)


def domain_of(workspace: Workspace, receiver: str) -> str:
    """A domain whose mail hosts are the receiver's: itself, or the first of its list."""
    if "." in receiver:
        return receiver
    domains = workspace.receivers.get(receiver) or shipped_domains().get(receiver)
    if not domains:
        raise UsageError(
            f"no domain of the receiver {receiver} is known; "
            f'write it into severally.toml: [receivers] {receiver} = ["its.domain"]'
        )
    return domains[0].replace(".*", ".com")


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
    resolver: Callable[[Workspace, str], Resolver] = make_resolver
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
