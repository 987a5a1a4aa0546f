"""Chance from a seed: the same mailbox has the same luck, whatever the order of arrival."""

from __future__ import annotations

import hashlib

_RANGE = 2**64


class Chance:
    """Draws that depend on nothing but the seed and the names."""

    def __init__(self, seed: int, place: str) -> None:
        self._key = hashlib.sha256(f"{seed}:{place}".encode()).digest()

    def draw(self, what: str, whom: str) -> float:
        """From 0 (included) to 1 (excluded)."""
        digest = hashlib.blake2b(f"{what}:{whom}".encode(), digest_size=8, key=self._key)
        return int.from_bytes(digest.digest(), "big") / _RANGE

    def happens(self, share: float, what: str, whom: str) -> bool:
        """Whether it happens to one whose share is `share`, from 0 to 1."""
        return share > 0 and self.draw(what, whom) < share
