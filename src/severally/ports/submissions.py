"""The part of the ledger that keeps what other programs hand in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from severally.model.delivery import DeliveryState
from severally.model.entries import Act, Record
from severally.model.submission import Boxed, Submission, Waiting


class Submissions(Protocol):
    """Every method is one durable transaction. Letters have the states of deliveries."""

    def hand_in(
        self, submission: Submission, letters: Sequence[Boxed], most: int, since: float
    ) -> Submission:
        """Keep it, and say how it stands: held where with it more than `most` recipients (0: no
        limit) have been handed this content since `since`, and nobody allowed that.

        One whose id is there already is not kept again: what is there is returned.
        """
        ...

    def held(self) -> Sequence[Submission]:
        """All that wait for a person, oldest first."""
        ...

    def release(self, submission_id: str, until: float, act: Act) -> int:
        """Let a held one go, and allow its content until then; how many letters. Raises
        UsageError where it is not held."""
        ...

    def discard(self, submission_id: str, act: Act) -> int:
        """Never send it; how many letters are withdrawn. Raises UsageError as `release`."""
        ...

    def recipients_among(self, blinds: Collection[bytes]) -> int:
        """How many of these addresses were written to before."""
        ...

    def letters_due(self, now: float, count: int) -> Sequence[Waiting]:
        """Ready, or deferred and due, in order; none while the guard is halted."""
        ...

    def attempt_letters(self, numbers: Sequence[int], now: float) -> bool:
        """Mark them as being sent; False, and nothing is marked, while the guard is halted."""
        ...

    def conclude_letters(self, records: Sequence[Record], now: float) -> None:
        """What became of letters that were being sent. A final one's payload is forgotten."""
        ...

    def doubt_letters(self, now: float, waiting: bool = False) -> int:
        """A process died: what was being sent is in doubt. How many. `waiting`: the ledger was
        put back, so that what seems to wait may have left, and is in doubt too."""
        ...

    def letter_counts(self) -> Mapping[DeliveryState, int]:
        """Letters per state (zeros left out)."""
        ...

    def guard_halt(self) -> str:
        """Why nothing is taken or sent; empty where that is not so."""
        ...

    def halt_guard(self, reason: str, act: Act) -> None:
        """Take and send nothing more."""
        ...

    def resume_guard(self, act: Act) -> None:
        """Go on."""
        ...
