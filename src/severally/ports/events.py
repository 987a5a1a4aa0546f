"""The seam to what came back, and to who is not to be written to: a part of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from severally.model.delivery import Claim
from severally.model.event import Event
from severally.model.mailing import Cohort
from severally.model.notice import Kind
from severally.model.suppression import Suppression, Why


class Events(Protocol):
    """What was heard about deliveries."""

    def add_events(self, events: Sequence[Event], now: float) -> int:
        """Keep them, move their deliveries' states, suppress whom they say; all or nothing.

        How many were new: one that is known already (by delivery and kind) does nothing.
        Raises LedgerError for a delivery that is not there.
        """
        ...

    def events_of(self, delivery: int) -> Sequence[Event]:
        """All that was heard about one delivery, by kind."""
        ...

    def whereabouts(self, delivery: int) -> tuple[Cohort, Claim] | None:
        """The cohort of a delivery and its recipient's encrypted row; None for none such."""
        ...


class Suppressions(Protocol):
    """Who gets no notices, of one kind or of any. By blind index; addresses only encrypted."""

    def suppress(self, suppressions: Sequence[Suppression], now: float) -> int:
        """Keep the stronger of each and the one that was there; how many changed anything.

        What is ready or deferred for these addresses in mailings of which `exclude` was called
        is excluded with it.
        """
        ...

    def lift(self, blind: bytes, scope: str | None) -> int:
        """Forget what bars this address from one scope, or from all; how many."""
        ...

    def suppressed(self, blind: bytes, kind: Kind, now: float) -> Suppression | None:
        """What bars this address from notices of this kind now; the strongest."""
        ...

    def suppressions(self) -> Iterator[Suppression]:
        """All, those that ran out included, by blind index; streaming."""
        ...

    def barred(self, kind: Kind, now: float) -> Mapping[bytes, Why]:
        """Every address (blind index) that gets no notices of this kind now, and why."""
        ...

    def exclude(self, mailing_id: str, kind: Kind, now: float) -> Mapping[Why, int]:
        """Exclude every recipient of the mailing who is suppressed and was not written to, now
        and as others are suppressed while it is under way. How many of them are, by reason."""
        ...

    def exclusions(self, mailing_id: str) -> Mapping[Why, int]:
        """How many of its recipients are excluded, by reason."""
        ...
