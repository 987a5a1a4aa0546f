"""Bounces that come back as mail, and a staged mailing's gates: what the intake hears halts it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from tests.bounces import corpus
from tests.mailbag import KEYS, freeze
from tests.simulation.test_conducting import PEOPLE, Course

from severally.adapters.keys import AesRowCipher
from severally.app.wiring import means_nobody
from severally.deliver.intake import Intake
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import DeliveryState as D
from severally.model.delivery import delivery_token
from severally.model.entries import Record
from severally.model.incoming import Came
from severally.model.mailing import MailingState as M

UNKNOWN, BLOCKED = (
    next(case for case in corpus() if case.kind == kind) for kind in ("invalid", "blocked")
)


class Mail:
    """An `Incoming` of which the test says what waits there."""

    def __init__(self) -> None:
        self.there: list[Came] = []

    def waiting(self, most: int) -> Sequence[Came]:
        return self.there[:most]

    def done(self, names: Sequence[str]) -> None:
        self.there = [came for came in self.there if came.name not in names]

    def keep(self, names: Sequence[str]) -> None:
        assert not names, "nothing here is strange"


class Bouncing(Course):
    """Everything is accepted; then `share` of it comes back."""

    def _freeze(self) -> None:
        freeze(self.ledger, KEYS, [f"user{n}@there.example" for n in range(self.people)])

    def told(self, case: object, share: float) -> M:
        """Where the mailing stands when it is halted or everybody is told."""
        self.hard = means_nobody
        self.rebuild()
        rng, key, mail = random.Random(5), KEYS.token_key("m-1"), Mail()
        intake = Intake(self.ledger, KEYS, AesRowCipher, lambda: self.now)

        def answer(number: int) -> Record:
            if rng.random() < share:
                raw = case.message(delivery_token(key, number), "x@there.example")  # type: ignore[attr-defined]
                mail.there.append(Came(str(number), raw, self.now))
            return Record(number, D.ACCEPTED, 250)

        for _ in range(200):
            self.tick()
            self.send(answer)
            while mail.there:
                intake.take(mail)
            self.now += 60.0
            if self.mailing.state in (M.HALTED, M.SENDING):
                break
        return self.mailing.state


@pytest.mark.parametrize(("share", "ends"), [(0.001, M.SENDING), (0.02, M.HALTED)])
def test_unknown_users_that_bounce_late_halt_it(share: float, ends: M) -> None:
    course = Bouncing(MemoryLedger())
    assert course.told(UNKNOWN, share) is ends
    if ends is M.HALTED:
        assert course.left < PEOPLE / 2, course.left
        assert "bounce" in course.mailing.reason


def test_nobody_is_suppressed_where_all_are_blocked_and_it_halts() -> None:
    course = Bouncing(MemoryLedger())
    assert course.told(BLOCKED, 0.5) is M.HALTED
    assert list(course.ledger.suppressions()) == []
