"""The long-running process: a workspace's HTTP side and the loops beside it, until told to end.

Responsible for the socket, the signals, and that one failing loop ends the whole (whoever
watches over the process starts it again). Not for what is served (`app.api`).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog
import uvicorn

from severally.app.api import ROUTERS, make_app
from severally.app.api.health import Checks
from severally.app.api.requests import Watched
from severally.app.office import Office
from severally.app.operations import intaking, measuring, webhooks
from severally.app.serving_parts import Part, Served
from severally.app.urgent.part import urgent_part
from severally.model.errors import UsageError

BACKLOG = 2_048
"""Connections that may wait to be taken (uvicorn's own default)."""
KEEP_ALIVE_S = 75
"""How long an idle connection is kept: longer than clients keep theirs (httpx five seconds, nginx
sixty), so that none is closed under a request that has just set out."""
GRACE_S = 10.0
"""How long requests under way may take to end after SIGTERM (Kubernetes kills after 30 s)."""
_LOGGED = frozenset(
    {"event", "level", "timestamp", "method", "path", "status", "ms", "error", "place"}
    | {"message", "kind", "route", "state", "count", "seconds"}
)
"""The only fields a log line may have; what is not listed is dropped."""


PARTS: tuple[Part, ...] = (measuring.part, intaking.part, webhooks.part, urgent_part)
"""Everything that runs beside the HTTP side, in the order it is started."""


def listening(host: str, port: int) -> socket.socket:
    """A socket listening there; port 0 lets the system choose. Raises UsageError."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as stack:
            made = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
            made.listen(BACKLOG)  # before the address is said: who reads it may connect at once
            stack.pop_all()
            return made
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            "name another with --host and --port, or in [serve]"
        ) from None


def serve(
    office: Office,
    bound: socket.socket,
    say: Callable[[str], None],
    until: float | None = None,
    parts: Sequence[Part] = PARTS,
) -> None:
    """Serve until SIGTERM, SIGINT or `until` (Unix seconds); requests under way are answered."""
    with _log_lines(), _our_signals():
        asyncio.run(_serve(office, bound, say, until, parts))


async def _serve(
    office: Office,
    bound: socket.socket,
    say: Callable[[str], None],
    until: float | None,
    parts: Sequence[Part],
) -> None:
    served = Served(Watched())
    async with AsyncExitStack() as stack:
        for part in parts:
            await stack.enter_async_context(part(office, served))
        checks: Checks = served.checks
        app = make_app(
            office, served.watched, (*ROUTERS, *served.routers), checks=checks, **served.given
        )
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(GRACE_S),
            ws="none",
        )
        server = uvicorn.Server(config)
        host, port = bound.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        say(f"serving on http://{shown}:{port} (Ctrl-C ends it)")
        if until is not None:
            ahead = max(0.0, until - office.wiring.clock.wall())
            asyncio.get_running_loop().call_later(ahead, served.stop.set)
        stopping = asyncio.create_task(_stop(server, served.stop))
        await server.serve([bound])
        stopping.cancel()
    if served.failure is not None:
        raise served.failure


async def _stop(server: uvicorn.Server, asked: asyncio.Event) -> None:
    await asked.wait()
    server.should_exit = True


@contextlib.contextmanager
def _our_signals() -> Iterator[None]:
    """uvicorn raises a signal once more after it has ended gracefully: nothing is left to do."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _log_lines() -> Iterator[None]:
    """One JSON object a line on standard error, allowed fields only."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allowed,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()


def _allowed(logger: Any, name: str, event: Any) -> Any:
    return {key: value for key, value in event.items() if key in _LOGGED}
