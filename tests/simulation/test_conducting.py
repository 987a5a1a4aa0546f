"""Staged mailings on a clock of the test's own: who is told when, and what stops it.

The world is three functions: it takes whatever the ledger lets leave, and answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from tests.ledger_samples import FROZEN, KINDS, attempt, audience, opened, record, totals

from severally.deliver.conducting import Conductor
from severally.deliver.journal import at_once
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import DeliveryState as D
from severally.model.entries import Act, Record
from severally.model.mailing import Mailing
from severally.model.mailing import MailingState as M
from severally.model.staging import DECIDED, Sentinel, StagingPlan, Step
from severally.ports import Ledger
from severally.stage.arrival import AT_ONCE, Curve, assumed
from severally.stage.gates import Arrived, SentinelSeen
from severally.stage.steps import allot, ramp

PEOPLE = 4_000
RAMP = ramp(PEOPLE, canary=800, chunk=100, fractions=(0.4, 1.0), trickle=2)
Answer = Callable[[int], Record]


class Rehearsed:
    """A rehearsal that is over, or stays where it is told to."""

    def __init__(self, upto: int = 1_000) -> None:
        self.upto = upto
        self.found: list[str] = []

    async def go_on(self, mailing_id: str) -> None: ...

    def rehearsed(self, mailing_id: str) -> int:
        return self.upto

    def problems(self, mailing_id: str) -> Sequence[str]:
        return self.found


class Boxes:
    """Sentinels of which the test says what arrived."""

    def __init__(self, *seen: SentinelSeen) -> None:
        self.seen = list(seen)
        self.waited = 0.0
        self.epochs: set[int] = set()

    async def look(
        self, mailing_id: str, plan: StagingPlan, halt_epoch: int
    ) -> Sequence[SentinelSeen]:
        self.epochs.add(halt_epoch)
        return self.seen

    def waited_s(self, mailing_id: str) -> float:
        return self.waited


class Course:
    """A staged mailing under way. `go` lets everything that may leave be answered."""

    def __init__(
        self,
        ledger: Ledger,
        boxes: Boxes | None = None,
        people: int = PEOPLE,
        steps: tuple[Step, ...] = RAMP,
    ) -> None:
        self.ledger = ledger
        self.people, self.steps = people, steps
        self.changed: list[str] = []
        self.now = 10_000.0
        self.rehearsal = Rehearsed()
        self.boxes = boxes or Boxes()
        self.curves: tuple[Curve, Curve] = (AT_ONCE, AT_ONCE)
        self.hard: Callable[[str], bool] = lambda rule: rule == "unknown user"
        self._make()
        self.epoch = ledger.take_over(self.now)
        self.rebuild()

    def rebuild(self) -> None:
        """A conductor that knows nothing but what the ledger holds, as after a crash."""
        self.conductor = Conductor(
            ledger=self.ledger,
            wall=lambda: self.now,
            off_loop=at_once,
            rehearsing=self.rehearsal,
            sentinels=self.boxes,
            curves=lambda: self.curves,
            hard=self.hard,
            unfit=lambda mailing: self.changed,
        )

    def _freeze(self) -> None:
        audience(self.ledger, self.people)

    def _make(self) -> None:
        self._freeze()
        plan = StagingPlan(self.steps, (Sentinel("s1", "s1@exchange.example", "en"),))
        frozen = msgspec.structs.replace(FROZEN, staging=plan)
        made = Mailing("m-1", "n", "a-1", self.people, "d", M.REHEARSED, "main", step=-1)
        lanes = {receiver: f"main/{receiver}" for receiver in self.ledger.receivers("a-1")}
        steps = allot(self.ledger.strata("a-1"), [step.count for step in self.steps])
        self.ledger.create_mailing(made, frozen, lanes, self.now, steps)

    @property
    def mailing(self) -> Mailing:
        return self.ledger.mailing("m-1")

    @property
    def left(self) -> int:
        """How many have left."""
        counts = totals(self.ledger)
        return self.people - counts.get(D.READY, 0) - counts.get(D.CLAIMED, 0)

    @property
    def on_its_way(self) -> int:
        """How many of the open steps were not tried yet."""
        told = sum(step.count for step in self.steps[: self.mailing.step + 1])
        return told - self.left

    def tick(self) -> None:
        asyncio.run(self.conductor.tick())

    def send(self, answer: Answer) -> None:
        for cohort in self.ledger.cohorts("m-1"):
            if cohort.step <= self.mailing.step and self.mailing.state is not M.HALTED:
                claims = self.ledger.claim(cohort, cohort.count, self.epoch, self.now)
                ids = [claim.delivery for claim in claims]
                if ids and attempt(self.ledger, self.epoch, ids, self.now):
                    record(self.ledger, self.epoch, *map(answer, ids), now=self.now)

    def go(self, answer: Answer, ticks: int = 200, seconds: float = 60.0) -> None:
        for _ in range(ticks):
            self.tick()
            self.send(answer)
            self.now += seconds
            if self.mailing.state in (M.HALTED, M.SENDING):
                return


def accepted(delivery: int) -> Record:
    return Record(delivery, D.ACCEPTED, 250, "2.0.0", "ok", "accepted")


def bounced(every: int) -> Answer:
    """One in so many is unknown there."""
    return lambda delivery: (
        Record(delivery, D.REFUSED, 550, "5.1.1", "no such user", "unknown user")
        if delivery % every == 0
        else accepted(delivery)
    )


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def memory() -> Ledger:
    return MemoryLedger()


def test_a_good_mailing_goes_from_rehearsal_to_everybody(ledger: Ledger) -> None:
    course = Course(ledger)
    course.go(bounced(500))
    assert course.mailing.state is M.SENDING
    course.send(accepted)
    assert course.left == PEOPLE
    acts = [act.what for act in ledger.acts("m-1")]
    assert [what for what in acts if what in ("canary", "ramping", "sending")] == [
        *("canary", "ramping", "sending")
    ]
    assert any("the gate passed" in act.detail for act in ledger.acts("m-1"))


def test_a_bad_mailing_halts_within_the_canary(ledger: Ledger) -> None:
    course = Course(ledger)
    course.go(bounced(20))
    assert course.mailing.state is M.HALTED
    assert "hard bounces" in course.mailing.reason
    assert course.left <= 800


def test_the_canary_leaves_in_hundreds_one_after_the_other(memory: Ledger) -> None:
    course = Course(memory)
    sizes: list[int] = []
    for _ in range(6):
        course.tick()
        before = course.left
        course.send(accepted)
        sizes.append(course.left - before)
    assert sizes == [100] * 6


def test_no_customer_is_told_before_the_canary_is_rehearsed(memory: Ledger) -> None:
    course = Course(memory)
    course.rehearsal.upto = 6  # the canary is steps 0 to 7
    course.go(accepted, ticks=5)
    assert (course.left, course.mailing.state) == (0, M.REHEARSED)
    course.rehearsal.upto = 7
    course.go(accepted, ticks=40)
    assert 0 < course.left <= 1_000, "the ramp waits for the whole rehearsal"
    course.rehearsal.upto = 1_000
    course.go(accepted)
    assert course.mailing.state is M.SENDING


def test_what_the_rehearsal_finds_halts_and_names_the_recipient(memory: Ledger) -> None:
    course = Course(memory)
    course.rehearsal.found.append("c7: the value of amount is missing")
    course.go(accepted)
    assert course.mailing.state is M.HALTED
    assert "c7: the value of amount is missing" in course.mailing.reason
    assert course.left == 0


@pytest.mark.parametrize(
    ("arrived", "waited", "state"),
    [
        (Arrived.WRONG, 0.0, M.HALTED),
        (Arrived.MISSING, 0.0, M.CANARY),
        (Arrived.MISSING, 10_000.0, M.CANARY),
    ],
)
def test_no_customer_is_told_before_the_sentinels_are_right(
    arrived: Arrived, waited: float, state: M
) -> None:
    boxes = Boxes(SentinelSeen("s1", "main", "en", arrived, "its To field shows 2 addresses"))
    boxes.waited = waited
    course = Course(MemoryLedger(), boxes)
    course.go(accepted, ticks=20)
    assert (course.mailing.state, course.left) == (state, 0)
    if state is M.CANARY:
        boxes.seen = [SentinelSeen("s1", "main", "en", Arrived.RIGHT)]
        course.go(accepted)
        assert course.mailing.state is M.SENDING


def test_late_bounces_let_only_a_trickle_leave(memory: Ledger) -> None:
    """Nothing is known of late bounces for hours: the canary, two chunks, and no more."""
    course = Course(memory)
    course.curves = (AT_ONCE, assumed())
    course.go(accepted, ticks=60)
    assert course.left == 1_000
    assert any(act.what == "waits" for act in memory.acts("m-1"))
    course.go(accepted, ticks=300)
    assert course.mailing.state is M.SENDING, "as bounces would be known by now, it goes on"


def test_bounces_that_come_late_halt_before_the_ramp(memory: Ledger) -> None:
    course = Course(memory)
    course.curves = (AT_ONCE, assumed())
    course.go(accepted, ticks=30)
    accepted_ones = [r.delivery for _, r in memory.recipients_in("m-1", D.ACCEPTED, 5_000)]
    late = [Record(d, D.BOUNCED, 550, "5.1.1", "", "unknown user") for d in accepted_ones[::30]]
    record(memory, course.epoch, *late, now=course.now)
    course.go(accepted)
    assert course.mailing.state is M.HALTED
    assert course.left <= 1_000


class HaltedMeanwhile(Rehearsed):
    """Somebody halts the mailing while the conductor is at work on it."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    async def go_on(self, mailing_id: str) -> None:
        self._ledger.set_state(mailing_id, M.HALTED, 10_001.0, "by hand")


@pytest.mark.parametrize("ticks", [0, 1, 4, 7])
def test_a_halt_in_the_middle_of_a_look_stands(ledger: Ledger, ticks: int) -> None:
    """The conductor decides by what it read before the halt: that opens nothing any more."""
    course = Course(ledger)
    course.go(accepted, ticks=ticks)
    left, before = course.left, course.mailing
    course.rehearsal = HaltedMeanwhile(ledger)
    course.rebuild()
    course.go(accepted, ticks=1)
    course.tick()
    assert course.mailing.state is M.HALTED
    assert (course.mailing.step, course.left) == (before.step, left)


def test_sentinels_that_cannot_be_told_halt_the_mailing(ledger: Ledger) -> None:
    course = Course(ledger, Boxes(SentinelSeen("s1", "main", "en", Arrived.MISSING)))
    told = msgspec.structs.replace(course.mailing, id="m-1.s", state=M.SENDING, step=0)
    ledger.create_mailing(told, FROZEN, ledger.lanes("m-1"), course.now)
    course.go(accepted, ticks=2)
    assert course.mailing.state is M.CANARY
    ledger.set_state("m-1.s", M.HALTED, course.now, "the guard refused a message")
    course.go(accepted, ticks=2)
    assert course.mailing.state is M.HALTED
    assert "the guard refused a message" in course.mailing.reason
    assert course.left == 0


@pytest.mark.parametrize("ticks", [3, 11, 40])
def test_what_goes_on_after_a_halt_has_told_its_sentinels_anew(ledger: Ledger, ticks: int) -> None:
    course = Course(ledger, Boxes(SentinelSeen("s1", "main", "en", Arrived.RIGHT)))
    course.go(accepted, ticks=ticks)
    stood, left = course.mailing, course.left
    ledger.set_state("m-1", M.HALTED, course.now, "by hand")
    ledger.set_state("m-1", M.REHEARSED, course.now)
    course.boxes.seen = [SentinelSeen("s1", "main", "en", Arrived.MISSING)]
    course.go(accepted, ticks=5)
    assert (course.mailing.state, course.left) == (M.REHEARSED, left)
    said = Act(course.now, "m-1", DECIDED, f"pass at step {stood.step}: the gate's figures")
    ledger.add_act(said)
    course.go(accepted, ticks=5)
    assert course.left == left, "a word about the gate says nothing of the sentinels"
    course.boxes.seen = [SentinelSeen("s1", "main", "en", Arrived.RIGHT)]
    course.tick()
    assert (course.mailing.state, course.mailing.step) == (stood.state, stood.step)
    assert course.boxes.epochs == {0, 1}
    course.go(accepted)
    course.send(accepted)
    assert (course.mailing.state, course.left) == (M.SENDING, PEOPLE)


def test_a_halt_between_steps_stays_a_halt(memory: Ledger) -> None:
    course = Course(memory)
    course.go(accepted, ticks=3)
    memory.set_state("m-1", M.HALTED, course.now, "by hand")
    left = course.left
    course.go(accepted, ticks=1)
    course.tick()
    assert (course.mailing.state, course.left) == (M.HALTED, left)
