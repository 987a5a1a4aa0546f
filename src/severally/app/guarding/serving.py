"""The drop-in guard, put together: its two servers, the desk they share, and what it sends.

A part of wiring: like it, chooses adapters. Not responsible for what they do.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from severally.adapters.threads import Threads
from severally.app.guarded import GuardSettings, Place
from severally.app.guarding.door import Door
from severally.app.guarding.http import Endpoints
from severally.app.guarding.smtp import submission_server
from severally.app.guarding.web import Server
from severally.app.lock import DeliveryLock
from severally.app.office import Office
from severally.app.wiring import judging, sending_settings
from severally.deliver.desk import Desk, Rules
from severally.deliver.marks import Marks
from severally.deliver.passage import Passage
from severally.model.errors import Refused, UsageError
from severally.model.submission import Waiting

_IDLE_S = 5


@dataclass(frozen=True)
class Open:
    """Where it listens, once it does."""

    http_port: int
    smtp_port: int
    ended: asyncio.Event
    """Set when a part of it has ended by itself; leaving raises why."""


@asynccontextmanager
async def serving(office: Office, told: Callable[[str], None]) -> AsyncIterator[Open]:
    """Listen and send until left; `told` gets one line for each thing an operator may want.

    Raises UsageError where it is not configured or cannot listen, Refused where another guard
    runs for this workspace.
    """
    settings = office.workspace.guard
    if settings is None:
        raise UsageError("severally.toml has no [guard]; see docs/guard.md")
    keys = _keys(office, settings)
    lock = DeliveryLock(office.workspace.state / "guard.lock")
    if not lock.take():
        raise Refused("a guard runs for this workspace already")
    try:
        async with _running(office, settings, keys, told) as where:
            yield where
    finally:
        lock.release()


@asynccontextmanager
async def _running(
    office: Office, settings: GuardSettings, keys: list[str], told: Callable[[str], None]
) -> AsyncIterator[Open]:
    loop = asyncio.get_running_loop()
    off_loop = Threads("severally-guard")
    passage = _passage(office, settings, off_loop, told)
    desk = _desk(office, settings, told)
    places = office.wiring.open_checkpoints(office.workspace, office.keys)
    marks = Marks(office.ledger, places, office.wiring.clock.wall)
    door = Door(keys, office.wiring.clock.wall)
    tls = _tls(office, settings)

    def taken() -> None:
        passage.nudge()

    sockets = [_listen(settings.http), _listen(settings.smtp)]
    web = Server(
        uvicorn.Config(
            Endpoints(desk, door, settings.most_bytes, taken),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_IDLE_S,
        )
    )
    if tls is not None:
        web.config.load()
        web.config.ssl = tls
    mail = await loop.create_server(
        submission_server(desk, door, _own_name(), settings.most_bytes, tls, taken),
        sock=sockets[1],
    )
    tasks = [
        asyncio.ensure_future(web.serve([sockets[0]])),
        asyncio.ensure_future(passage.run()),
        asyncio.ensure_future(marks.run(office.wiring.clock, off_loop)),
    ]
    try:
        await web.listening.wait()
        ended = asyncio.Event()
        for task in tasks:
            task.add_done_callback(lambda _: ended.set())
        http_port, smtp_port = (sock.getsockname()[1] for sock in sockets)
        yield Open(http_port, smtp_port, ended)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        mail.close()
        web.should_exit = True
        passage.stop()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        marks.anchor()
        off_loop.close()


def _desk(office: Office, settings: GuardSettings, told: Callable[[str], None]) -> Desk:
    return Desk(
        ledger=office.ledger,
        keys=office.keys,
        cipher=office.wiring.row_cipher,
        wall=office.wiring.clock.wall,
        stamp=lambda: f"g-{secrets.token_hex(8)}",
        allowed=office.workspace.allowed.domain,
        rules=Rules(
            settings.split,
            settings.most,
            settings.window_s,
            frozenset(settings.may_show),
            settings.return_path,
        ),
        told=told,
    )


def _passage(
    office: Office, settings: GuardSettings, off_loop: Any, told: Callable[[str], None]
) -> Passage:
    route = office.workspace.choose_route(settings.route or None)

    def opened(waiting: Waiting) -> bytes:
        key = office.keys.audience_key(waiting.submission)
        cipher = office.wiring.row_cipher(key, waiting.submission)
        return cipher.open(waiting.seq, waiting.salt, waiting.box)

    return Passage(
        ledger=office.ledger,
        transport=office.wiring.make_transport(office.workspace, route),
        route=route,
        limits=office.workspace.route_limits(route),
        open_box=opened,
        clock=office.wiring.clock,
        classify=judging(),
        retry=sending_settings(office.workspace).retry,
        rng=random.Random(),
        off_loop=off_loop,
        told=told,
    )


def _keys(office: Office, settings: GuardSettings) -> list[str]:
    """One a line. Raises UsageError."""
    if settings.keys_env:
        lines = os.environ.get(settings.keys_env, "").split()
        where = f"the environment variable {settings.keys_env}"
    else:
        path = office.workspace.path(settings.keys_file)
        where = settings.keys_file
        try:
            if path.stat().st_mode & 0o077:
                raise UsageError(f"{where} can be read by others; run: chmod 600 {where}")
            lines = path.read_text("utf-8").split()
        except (OSError, UnicodeDecodeError):
            raise UsageError(
                f"guard.keys_file: {where} cannot be read; write into it, one a line, the keys "
                "that your programs show to their provider today"
            ) from None
    if not lines:
        raise UsageError(f"{where} holds no key; nobody would be let in")
    return lines


def _tls(office: Office, settings: GuardSettings) -> ssl.SSLContext | None:
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate, key = map(office.workspace.path, (settings.tls_cert, settings.tls_key))
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError):
        raise UsageError(
            f"guard.tls_cert: {settings.tls_cert} and {settings.tls_key} are no certificate and "
            "its key in PEM form"
        ) from None
    return context


def _listen(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        return socket.create_server((place.host, place.port), family=family, backlog=128)
    except OSError as error:
        raise UsageError(
            f"the guard cannot listen on {place.host}:{place.port}: {error.strerror}"
        ) from None


def _own_name() -> str:
    name = socket.getfqdn()
    return name if "." in name and name.isascii() and " " not in name else "localhost"
