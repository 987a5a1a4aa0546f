"""What travels through the sending loop: a parcel (one sealed message) and a run of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from severally.model.envelope import Sealed


@dataclass(slots=True)
class Parcel:
    """One sealed message with what the ledger said about its delivery when it was claimed.

    `attempts` made before; `first_at` the second of its first claim (Unix).
    """

    sealed: Sealed
    delivery: int
    mailing: str
    cohort: int
    lane: str
    attempts: int
    first_at: int


@dataclass(slots=True)
class Run:
    """Parcels of one mailing and lane that leave together on one connection.

    `at` is the slot of the first (seconds of the monotonic clock).
    """

    lane: str
    cohort: int
    mailing: str
    at: float
    parcels: list[Parcel] = field(default_factory=list)

    @property
    def first(self) -> Sealed:
        """The message that leads it."""
        return self.parcels[0].sealed
