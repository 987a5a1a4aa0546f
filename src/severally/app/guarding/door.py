"""Who is let in: programs that show a key, or sign with it, as they would at their provider."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from severally.deliver.dialects import Dialect
from severally.submit.draft import Request
from severally.submit.sigv4 import signed_by


class Door:
    """`keys` are what programs may show; never shown in turn."""

    def __init__(self, keys: Sequence[str], wall: Callable[[], float]) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._wall = wall

    def lets_in(self, shown: str) -> bool:
        """Compared with each in constant time."""
        given = shown.encode("utf-8", "surrogateescape")
        return any([hmac.compare_digest(given, key) for key in self._keys])  # noqa: C419

    def lets_request_in(self, dialect: Dialect, request: Request) -> bool:
        """By the provider's own way of signing in."""
        if dialect.key is not None:
            return self.lets_in(dialect.key(request))
        return signed_by(request, (key.decode() for key in self._keys), self._wall())
