"""Who is asking: `Authorization: Bearer KEY`, checked before anything of the request is read."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from severally.app.api.problems import Declined
from severally.app.urgent.keys import KeyRing
from severally.model.urgent import ApiKey

KEY = "key"
"""The name of the security scheme, in the served description."""
HELD = "severally.key"
RING = "severally.ring"


def known(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A Litestar guard: 401 for a key that opens nothing, 429 for one that asks too often."""
    ring: KeyRing = connection.app.state[RING]
    scheme, _, shown = connection.headers.get("authorization", "").partition(" ")
    key = ring.find(shown.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        challenge = {"WWW-Authenticate": "Bearer"}
        detail = "no key, or one that is not known, has expired or was revoked"
        raise Declined(401, "no-key", detail, (), challenge)
    wait = ring.wait(key)
    if wait:
        seconds = str(max(1, int(wait + 0.999)))
        raise Declined(429, "too-many-requests", "this key asks too often", (), {
            "Retry-After": seconds
        })  # fmt: skip
    connection.scope["state"][HELD] = key


def key_of(connection: ASGIConnection[Any, Any, Any, Any]) -> ApiKey:
    """The key that `known` found."""
    found: ApiKey = connection.scope["state"][HELD]
    return found
