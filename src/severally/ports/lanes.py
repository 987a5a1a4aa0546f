"""The seam to what lanes learned: advice, not a part of the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from severally.model.learned import Learned


class LaneMemory(Protocol):
    """By lane, across mailings. Never raises: without it everything is found out anew."""

    def recall(self) -> Mapping[str, Learned]: ...
    def keep(self, lanes: Mapping[str, Learned]) -> None:
        """Put these in place of what was known of them; others stay."""
        ...
