"""What other programs hand in, in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from severally.ledger.handing import doubted, handed_in, not_held
from severally.model.delivery import DeliveryState
from severally.model.entries import Act, Record
from severally.model.submission import Boxed, Submission, SubmissionState, Waiting

_D = DeliveryState
_OPEN = frozenset({_D.READY, _D.DEFERRED})


@dataclass
class _Letter:
    submission: str
    boxed: Boxed
    state: DeliveryState
    first_at: int
    attempts: int = 0
    due: float = 0.0


class MemorySubmissions:
    """The part of the ledger that the drop-in guard drives."""

    _lock: threading.RLock

    def __init__(self) -> None:
        super().__init__()
        self._submissions: dict[str, Submission] = {}
        self._letters: dict[int, _Letter] = {}
        self._allowed: dict[bytes, float] = {}
        self._halt = ""

    def _write(self, *acts: Act) -> None:
        raise NotImplementedError

    def hand_in(
        self, submission: Submission, letters: Sequence[Boxed], most: int, since: float
    ) -> Submission:
        """Keep it, and say how it stands."""
        with self._lock:
            if submission.id in self._submissions:
                return self._submissions[submission.id]
            if most and self._many(submission, most, since):
                submission = msgspec.structs.replace(submission, state=SubmissionState.HELD)
            self._submissions[submission.id] = submission
            state = _D.HELD if submission.state is SubmissionState.HELD else _D.READY
            for boxed in letters:
                number = len(self._letters) + 1
                self._letters[number] = _Letter(submission.id, boxed, state, int(submission.at))
            self._write(handed_in(submission))
            return submission

    def _many(self, submission: Submission, most: int, since: float) -> bool:
        if self._allowed.get(submission.content, 0.0) > submission.at:
            return False
        alike = (s for s in self._submissions.values() if s.content == submission.content)
        return sum(s.count for s in alike if s.at >= since) + submission.count > most

    def held(self) -> Sequence[Submission]:
        """All that wait for a person, oldest first."""
        with self._lock:
            return [s for s in self._submissions.values() if s.state is SubmissionState.HELD]

    def release(self, submission_id: str, until: float, act: Act) -> int:
        """Let a held one go, and allow its content until then."""
        with self._lock:
            moved = self._decide(submission_id, SubmissionState.RELEASED, _D.READY, act)
            self._allowed[self._submissions[submission_id].content] = until
            return moved

    def discard(self, submission_id: str, act: Act) -> int:
        """Never send it."""
        with self._lock:
            return self._decide(submission_id, SubmissionState.DISCARDED, _D.WITHDRAWN, act)

    def _decide(self, name: str, decided: SubmissionState, letters: DeliveryState, act: Act) -> int:
        known = self._submissions.get(name)
        if known is None or known.state is not SubmissionState.HELD:
            raise not_held(name)
        self._submissions[name] = msgspec.structs.replace(known, state=decided)
        theirs = [each for each in self._letters.values() if each.submission == name]
        for letter in theirs:
            letter.state = letters
        self._write(act)
        return len(theirs)

    def recipients_among(self, blinds: Collection[bytes]) -> int:
        """How many of these addresses were written to before."""
        with self._lock:
            known = {letter.boxed.blind for letter in self._letters.values()}
        return len(known & set(blinds))

    def letters_due(self, now: float, count: int) -> Sequence[Waiting]:
        """Ready, or deferred and due, in order; none while the guard is halted."""
        with self._lock:
            if self._halt:
                return []
            due = sorted(
                (letter.due, number)
                for number, letter in self._letters.items()
                if letter.state in _OPEN and letter.due <= now
            )
            return [self._as_waiting(number) for _, number in due[:count]]

    def _as_waiting(self, number: int) -> Waiting:
        letter = self._letters[number]
        boxed = letter.boxed
        return Waiting(
            number,
            letter.submission,
            boxed.seq,
            boxed.salt,
            boxed.box,
            letter.attempts,
            letter.first_at,
        )

    def attempt_letters(self, numbers: Sequence[int], now: float) -> bool:
        """Mark them as being sent, unless the guard is halted."""
        with self._lock:
            if self._halt:
                return False
            for number in numbers:
                if self._letters[number].state in _OPEN:
                    self._letters[number].state = _D.ATTEMPTING
            return True

    def conclude_letters(self, records: Sequence[Record], now: float) -> None:
        """What became of letters that were being sent."""
        with self._lock:
            for record in records:
                letter = self._letters[record.delivery]
                if letter.state is _D.ATTEMPTING:
                    tried = letter.attempts + bool(record.code or record.text)
                    self._letters[record.delivery] = replace(
                        letter, state=record.state, due=record.due, attempts=tried
                    )

    def doubt_letters(self, now: float, waiting: bool = False) -> int:
        """What was being sent is in doubt, and what is `waiting` in a ledger that was put back."""
        states = {_D.ATTEMPTING} | (_OPEN if waiting else frozenset())
        with self._lock:
            lost = [each for each in self._letters.values() if each.state in states]
            for letter in lost:
                letter.state = _D.IN_DOUBT
            if lost:
                said = f"{len(lost):,} letters: {doubted(waiting)}"
                self._write(Act(now, "", "in doubt", said))
            return len(lost)

    def letter_counts(self) -> Mapping[DeliveryState, int]:
        """Letters per state."""
        with self._lock:
            return Counter(letter.state for letter in self._letters.values())

    def guard_halt(self) -> str:
        """Why nothing is taken or sent, or empty."""
        return self._halt

    def halt_guard(self, reason: str, act: Act) -> None:
        """Take and send nothing more."""
        with self._lock:
            self._halt = reason
            self._write(act)

    def resume_guard(self, act: Act) -> None:
        """Go on."""
        with self._lock:
            if self._halt:
                self._halt = ""
                self._write(act)
