"""A provider's API called once: the whole request, before and after the guard has passed it."""

from __future__ import annotations

import hashlib

import msgspec

REFERENCE = "X-Severally-Delivery"
"""The header that brings a delivery's token back where a provider writes its own Message-ID."""


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """What is handed over, credentials left out: those are added when it leaves, and are nowhere
    else. `headers` as (name, value). Its content is never shown."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpRequest({self.method!r}, {self.url!r}, {len(self.body)} bytes)"


class SealedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request the guard has passed. Only `guard` makes one (a test holds to that).

    `deliveries`: everybody it writes to. `sha256` is `request_digest` at the time of the check.
    """

    deliveries: tuple[int, ...]
    request: HttpRequest
    sha256: bytes


def request_digest(request: HttpRequest) -> bytes:
    """SHA-256 over the request, each field with its length, so that no two collide."""
    head = "\0".join((request.method, request.url, *(t for pair in request.headers for t in pair)))
    digest = hashlib.sha256(b"%d:%d:" % (len(head.encode()), len(request.body)))
    digest.update(head.encode())
    digest.update(request.body)
    return digest.digest()
