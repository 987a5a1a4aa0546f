"""What is kept of each request: one log line and its metrics, with nobody's address in them.

A path can hold anything somebody typed, so it is logged as the template it matched. Neither
queries, bodies, headers nor the caller's network address are looked at.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram

UNMATCHED = "(none)"


class Watched:
    """The metrics of one serving process; each part of the program adds its own to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "severally_http_requests",
            "Requests answered.",
            ["method", "path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "severally_http_request_seconds",
            "From a request's first byte to its answer.",
            ["method", "path"],
            registry=self.registry,
        )


class Watching:
    """Counts and logs every request. Around the whole application: what no endpoint is there for
    is counted too."""

    def __init__(self, app: ASGIApp, watched: Watched) -> None:
        self._app = app
        self._watched = watched
        self._log = structlog.get_logger("severally.serve")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on; the status is what is sent first."""
        began = time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if scope["type"] == ScopeType.HTTP:
                self._keep(scope, status, time.perf_counter() - began)

    def _keep(self, scope: Any, status: int, seconds: float) -> None:
        method, path = str(scope["method"]), template(scope)
        method = method if method in _METHODS else "OTHER"
        self._watched.requests.labels(method, path, status).inc()
        self._watched.seconds.labels(method, path).observe(seconds)
        self._log.info("request", method=method, path=path, status=status, ms=round(seconds * 1e3))


def template(scope: Any) -> str:
    """The path as it was declared (`/v1/messages/{id}`), never as it was typed."""
    return str(scope.get("path_template") or UNMATCHED)


def unexpected(scope: Any, error: BaseException) -> None:
    """Log where an error came from; its text could hold a recipient's values."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    place = f"{Path(last.filename).name}:{last.lineno}" if last else ""
    structlog.get_logger("severally.serve").error(
        "unexpected", error=type(error).__name__, place=place, path=template(scope)
    )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
