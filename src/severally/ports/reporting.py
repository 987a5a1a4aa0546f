"""The seam to what became of a mailing over time: a part of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from severally.model.observed import Figure


class Reporting(Protocol):
    """Sums by receiver group, locale and time; nobody is named in them.

    Slots are `width_s` seconds long, the first begins at `since` (Unix seconds); what was before
    counts in it. With `math.inf` there is one slot, for all time.
    """

    def states_over_time(self, mailing_id: str, since: float, width_s: float) -> Sequence[Figure]:
        """Every delivery once, by state; the slot is that of its last record of sending, and
        says nothing where there is none."""
        ...

    def events_over_time(self, mailing_id: str, since: float, width_s: float) -> Sequence[Figure]:
        """Every event once, by kind."""
        ...
