"""The receiving world in this process: SMTP servers and a name server on loopback.

    async with World(Setting(shipped_providers(), seed=7)) as world:
        # type = "mx", resolver = world.resolver, port = world.port
        ...
        record = world.record()
    assert record.strangers() == 0 and not record.exceeded

Each provider listens on an address of its own (`world.hosts`), all on one port. A relay
route leads to `world.hosts["relay"]` where `providers.RELAY` is among them. A proof that
kills the sender uses `process.WorldProcess`, which offers the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from severally.sim.nameserver import Nameserver, Zone
from severally.sim.providers import Provider
from severally.sim.reading import Watched
from severally.sim.record import Counts, Record
from severally.sim.session import Session
from severally.sim.site import Site

_FIRST_HOST = 11
_TRIES = 50
_BACKLOG = 256


class Setting(msgspec.Struct, frozen=True):
    """Everything that decides how a world behaves. `spool`: a folder in which every message
    is kept whole, one file per provider (`mailbox size LF bytes LF`), or empty. `null_mx`:
    domains that say they take no mail. `sender_domains`: addresses there are the sender's
    own, and not looked for where a provider takes mail for any domain. `maildirs`: mailbox (lower
    case) -> a Maildir into which its messages are put as well, to be read back."""

    providers: tuple[Provider, ...]
    seed: int = 1
    spool: str = ""
    null_mx: tuple[str, ...] = ()
    sender_domains: tuple[str, ...] = ("exchange.example",)
    maildirs: dict[str, str] = {}


class World:
    """An asynchronous context: servers listen within it."""

    def __init__(self, setting: Setting) -> None:
        ids = [provider.id for provider in setting.providers]
        domains = [domain for provider in setting.providers for domain in provider.domains]
        if len(set(ids)) < len(ids) or len(set(domains)) < len(domains):
            raise ValueError("two providers have the same id or domain")
        self.hosts = {name: f"127.0.0.{_FIRST_HOST + at}" for at, name in enumerate(ids)}
        self.port = 0
        self.resolver = ""
        self._setting = setting
        self._watched = Watched(domains, setting.sender_domains)
        self._sites: dict[str, Site] = {}
        self._exits = contextlib.AsyncExitStack()
        self._began = 0.0

    async def __aenter__(self) -> World:
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        async with contextlib.AsyncExitStack() as exits:
            sockets = _listening(list(self.hosts.values()))
            for listener in sockets:
                exits.callback(listener.close)
            self.port = sockets[0].getsockname()[1]
            for provider, listener in zip(self._setting.providers, sockets, strict=True):
                await self._serve(exits, provider, listener)
            await self._answer_names(exits)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    def counts(self) -> dict[str, Counts]:
        """Provider -> how it stands now. Cheap."""
        return {name: site.counts() for name, site in self._sites.items()}

    def record(self) -> Record:
        """All that was kept and counted so far, and the spool on disk up to here."""
        return Record(tuple(site.record() for site in self._sites.values()))

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def _serve(
        self, exits: contextlib.AsyncExitStack, provider: Provider, listener: socket.socket
    ) -> None:
        spool = exits.enter_context(self._spool(provider)) if self._setting.spool else None
        site = Site(provider, self._watched, self._setting.seed, spool, self._setting.maildirs)
        self._sites[provider.id] = site
        sessions: set[Session] = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: Session(site, self._now, sessions), sock=listener, backlog=_BACKLOG
        )

        async def close() -> None:
            server.close()
            for each in list(sessions):
                each.abort()
            await server.wait_closed()

        exits.push_async_callback(close)

    def _spool(self, provider: Provider) -> BinaryIO:
        folder = Path(self._setting.spool)
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / f"{provider.id}.spool").open("wb")

    async def _answer_names(self, exits: contextlib.AsyncExitStack) -> None:
        exchangers = {
            domain: provider.host
            for provider in self._setting.providers
            for domain in provider.domains
        } | dict.fromkeys(self._setting.null_mx, "")
        hosts = {each.host: self.hosts[each.id] for each in self._setting.providers}
        zone = Zone(exchangers, hosts)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Nameserver(zone), local_addr=("127.0.0.1", 0)
        )
        exits.callback(transport.close)
        host, port = transport.get_extra_info("sockname")[:2]
        self.resolver = f"{host}:{port}"


def _listening(hosts: list[str]) -> list[socket.socket]:
    """One socket on each address, all on one free port."""
    for _ in range(_TRIES):
        sockets: list[socket.socket] = []
        port = 0
        try:
            for host in hosts:
                listener = socket.socket()
                sockets.append(listener)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((host, port))
                port = listener.getsockname()[1]
        except OSError:
            for listener in sockets:
                listener.close()
            continue
        return sockets
    raise OSError("no port is free on all of the world's addresses")


def messages(path: Path) -> list[tuple[str, bytes]]:
    """A spool file's (mailbox, message) pairs, in order of arrival."""
    found: list[tuple[str, bytes]] = []
    with path.open("rb") as file:
        while head := file.readline():
            mailbox, _, size = head.decode().rpartition(" ")
            found.append((mailbox, file.read(int(size))))
            file.read(1)
    return found
