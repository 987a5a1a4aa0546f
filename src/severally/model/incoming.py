"""A message that came back to us, as it waits somewhere to be understood."""

from __future__ import annotations

import msgspec


class Came(msgspec.Struct, frozen=True):
    """Its name where it waits, its bytes, and when it came (Unix seconds)."""

    name: str
    raw: bytes
    at: float
