"""The seam to the recipients of a mailing one by one: who stands where, who is withdrawn.

A part of the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from severally.model.delivery import DeliveryState
from severally.model.entries import Record


class Listing(Protocol):
    """Recipients by id, never by address."""

    def recipients_in(
        self, mailing_id: str, state: DeliveryState, most: int = 1000
    ) -> Sequence[tuple[str, Record]]:
        """Recipient ids in that state with their last record."""
        ...

    def everyone(
        self, mailing_id: str, states: Collection[DeliveryState]
    ) -> Iterator[tuple[str, float, Record]]:
        """Every recipient in one of these states, streaming: the id, when the record was made
        (Unix seconds), and the record."""
        ...

    def withdraw(self, mailing_id: str, now: float, reason: str, most: int) -> int:
        """Withdraw up to `most` deliveries of a halted mailing that were not sent and have not
        ended; how many. `reason` becomes their record.

        Raises Refused where it is not halted, and while a process holds some of them.
        """
        ...
