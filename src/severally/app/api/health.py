"""Is it alive, can it take work, and its metrics: for whoever watches over the process.

Open to everybody who can reach the port: nothing here is about anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import MediaType, Response, Router, get
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from severally.app.api.given import Given
from severally.app.api.problems import Declined, documented
from severally.app.api.requests import Watched
from severally.app.office import Office
from severally.model.errors import SeverallyError

Checks = Mapping[str, Callable[[], str]]
"""Name -> what is wrong now, or empty."""


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


@get("/healthz", sync_to_thread=False)
def healthz() -> Alive:
    """Whether the process answers. Restart it when it does not."""
    return Alive("ok")


@get("/readyz", sync_to_thread=True, responses=documented(503))
def readyz(office: Given[Office], checks: Given[dict[str, Any]]) -> Alive:
    """Whether it can take work: the record can be read, and what runs beside runs."""
    wrong = [f"{name}: {said}" for name, check in checks.items() if (said := check())]
    try:
        office.ledger.orders()
    except SeverallyError:
        wrong.append("ledger: the record cannot be read")
    if wrong:
        raise Declined(503, "not-ready", "; ".join(wrong), (), {"Retry-After": "1"})
    return Alive("ready")


@get("/metrics", sync_to_thread=True, media_type=MediaType.TEXT, include_in_schema=False)
def metrics(watched: Given[Watched]) -> Response[bytes]:
    """In the form Prometheus reads."""
    return Response(generate_latest(watched.registry), media_type=CONTENT_TYPE_LATEST)


health = Router("/", route_handlers=[healthz, readyz, metrics], tags=["health"])
