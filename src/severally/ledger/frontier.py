"""Where in a cohort the next ready delivery is to be looked for.

A hint and no more: the ledger checks what it finds, and looks from the start again where
the tally says that the hint has missed some.
"""

from __future__ import annotations

import heapq

from severally.model.mailing import Cohort


class Frontier:
    """Everything from `next` on may be ready; below it only what was given back."""

    __slots__ = ("_returned", "next")

    def __init__(self, cohort: Cohort) -> None:
        self.next = cohort.first
        self._returned: list[int] = []

    def returned(self, delivery: int) -> None:
        """A delivery is ready again; without this, a scan from the start would find it."""
        if delivery < self.next:
            heapq.heappush(self._returned, delivery)

    def take_returned(self, most: int) -> list[int]:
        """Up to `most` of those given back, in order; they are forgotten here."""
        taken: list[int] = []
        while self._returned and len(taken) < most:
            delivery = heapq.heappop(self._returned)
            if not taken or taken[-1] != delivery:
                taken.append(delivery)
        return taken

    def passed(self, delivery: int) -> None:
        """Nothing up to and with this one is ready any more, but for what is given back."""
        self.next = max(self.next, delivery + 1)
