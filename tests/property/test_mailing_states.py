"""The states of a mailing: which may follow which, and that nobody is told out of turn.

The steps that are legal stand here once more, as the design names them: a change of
`model.mailing.TRANSITIONS` has to be made twice, and meant.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.ledger_samples import KINDS, attempt, audience, mailing, opened, record
from tests.simulation.test_conducting import Boxes, Course, accepted, bounced

from severally.ledger.memory import MemoryLedger
from severally.model.audit import flaws
from severally.model.entries import Act
from severally.model.errors import Refused
from severally.model.mailing import MailingState as M
from severally.model.staging import DECIDED, NO_STEP, asks_a_person
from severally.ports import Ledger
from severally.stage.gates import Arrived, SentinelSeen
from severally.stage.steps import ramp

ONWARD = {
    M.DRAFT: {M.PROPOSED, M.SENDING},
    M.PROPOSED: {M.APPROVED, M.REHEARSED},
    M.APPROVED: {M.REHEARSED},
    M.REHEARSED: {M.CANARY},
    M.CANARY: {M.RAMPING},
    M.RAMPING: {M.SENDING},
    M.SENDING: {M.DONE},
    M.HALTED: {M.REHEARSED, M.CANARY, M.RAMPING, M.SENDING},
}
ORDER = (M.REHEARSED, M.CANARY, M.RAMPING, M.SENDING)
BEGUN = frozenset(ORDER)
LEAVING = BEGUN - {M.REHEARSED}
FINAL = frozenset({M.DONE, M.VOID, M.CANCELLED})


def legal(old: M, new: M) -> bool:
    """Onward; halted where it was begun; ended where it was not."""
    return (
        new in ONWARD.get(old, set())
        or (new is M.HALTED and old in BEGUN)
        or (new in (M.VOID, M.CANCELLED) and old not in FINAL)
    )


def tell(ledger: Ledger, name: str) -> None:
    """Everybody of it, if the ledger lets them."""
    epoch = ledger.take_over(3.0)
    for cohort in ledger.cohorts(name):
        claims = ledger.claim(cohort, cohort.count, epoch, 3.0)
        if attempt(ledger, epoch, [claim.delivery for claim in claims], name=name):
            record(ledger, epoch, *(accepted(claim.delivery) for claim in claims))


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_legal_or_refused_and_changes_nothing_then(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path) as ledger:
        audience(ledger, 1)
        for number, (old, new) in enumerate(itertools.product(M, M)):
            name = f"m-{number}"
            mailing(ledger, name=name, state=old)
            if (old, new) == (M.SENDING, M.DONE):
                with pytest.raises(Refused, match="1 ready"):
                    ledger.set_state(name, new, 5.0)
                tell(ledger, name)
            before, acts = ledger.mailing(name), ledger.acts(name)
            if not legal(old, new):
                with pytest.raises(Refused, match=f"{old} and cannot become {new}"):
                    ledger.set_state(name, new, 5.0)
                assert (ledger.mailing(name), ledger.acts(name)) == (before, acts)
                continue
            after = ledger.set_state(name, new, 5.0, "why", who="alice")
            assert after.state is new
            assert after.halt_epoch == before.halt_epoch + (new is M.HALTED)
            assert ledger.acts(name)[-1] == Act(5.0, name, new.value, "why", "alice")


RARELY = st.sampled_from([False] * 5 + [True])
RIGHT = SentinelSeen("s1", "main", "en", Arrived.RIGHT)
MISSING = SentinelSeen("s1", "main", "en", Arrived.MISSING)
WRONG = SentinelSeen("s1", "main", "en", Arrived.WRONG, "its To field shows 2 addresses")


class Life(RuleBasedStateMachine):
    """A staged mailing with its conductor, to which everything happens at any moment: people
    halt, resume, decide and change files; mailboxes fill; bounces come; the process crashes.

    What the machine believes is little: which sentinels are right, how much was rehearsed, and
    who has spoken. Everything else is read from the ledger and has to agree with it.
    """

    @initialize(people=st.sampled_from([40, 700]), ready=st.integers(0, 5))
    def begin(self, people: int, ready: int) -> None:
        canary = min(650, people // 2)
        steps = ramp(people, canary, chunk=max(10, canary // 4), fractions=(0.95, 1.0), trickle=1)
        self.boxes = Boxes(RIGHT if ready else MISSING)
        self.course = Course(MemoryLedger(), self.boxes, people, steps)
        self.course.rehearsal.upto = 1_000 if ready > 1 else -1
        self.canary = sum(1 for step in steps if step.name == "canary")
        self.step_sums = list(itertools.accumulate(step.count for step in steps))
        self.was = self.course.mailing

    # --- what happens

    @rule(seconds=st.sampled_from([1.0, 60.0, 700.0, 25_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.course.now += seconds
        self.boxes.waited += seconds

    @rule()
    def the_conductor_looks(self) -> None:
        self.may_leave = self._may_leave()
        self.on_its_way = self.course.on_its_way
        self.course.tick()
        self._all_is_in_order()

    @rule(rounds=st.integers(1, 12), every=st.sampled_from([10_000, 10_000, 10_000, 20]))
    def what_may_leave_leaves(self, rounds: int, every: int) -> None:
        for _ in range(rounds):
            self.course.send(bounced(every) if every < 1_000 else accepted)
            self.the_conductor_looks()

    @rule(seen=st.sampled_from([RIGHT, RIGHT, RIGHT, MISSING, WRONG]))
    def a_mailbox_is_read(self, seen: SentinelSeen) -> None:
        self.boxes.seen = [seen]

    @rule(share=st.sampled_from([0.5, 1.0, 1.0, 2.0, 1_000.0]))
    def the_rehearsal_goes_on(self, share: float) -> None:
        upto = int(self.canary * share) - 1
        self.course.rehearsal.upto = max(self.course.rehearsal.upto, upto)

    @rule(fails=RARELY)
    def the_rehearsal_finds_something(self, fails: bool) -> None:
        self.course.rehearsal.found[:] = ["c7: the value of amount is missing"] * fails

    @rule(changed=RARELY)
    def a_file_is_changed(self, changed: bool) -> None:
        self.course.changed[:] = ["body.md was changed"] * changed

    @rule()
    def the_process_crashes(self) -> None:
        self.course.epoch = self.course.ledger.take_over(self.course.now)
        self.course.rebuild()

    @rule()
    def somebody_lets_it_pass(self) -> None:
        """As `decide` does: only where somebody is asked."""
        mailing = self.course.mailing
        if asks_a_person(self.course.ledger.acts("m-1")) and mailing.state in BEGUN:
            step = NO_STEP if mailing.state is M.REHEARSED else mailing.step
            said = f"pass at step {step}: looked at"
            self.course.ledger.add_act(Act(self.course.now, "m-1", DECIDED, said, "alice"))

    @rule(state=st.sampled_from([M.HALTED] * 10 + [*M]))
    def somebody_sets_a_state(self, state: M) -> None:
        """Whatever it is: what is not legal is refused."""
        old = self.course.mailing.state
        try:
            self.course.ledger.set_state("m-1", state, self.course.now, "by hand")
        except Refused:
            assert not legal(old, state) or state is M.DONE
        else:
            assert legal(old, state)
        self.was = self.course.mailing  # beyond what the conductor may do

    @rule()
    def it_is_resumed(self) -> None:
        """As `resume` does: it goes on when its sentinels are right once more."""
        if self.course.mailing.state is M.HALTED:
            self.course.ledger.set_state("m-1", M.REHEARSED, self.course.now)
            self.was = self.course.mailing

    # --- what holds

    def _may_leave(self) -> bool:
        """Whether the first customers may be told at the conductor's next look."""
        rehearsed = self.course.rehearsal.upto >= self.canary - 1
        return rehearsed and not self.course.rehearsal.found and not self.course.changed

    def _all_is_in_order(self) -> None:
        """After one look of the conductor at what the ledger said before it."""
        was, now = self.was, self.course.mailing
        if now.state is not was.state:
            # several at once where the last step is opened, and where it goes on after a halt
            assert was.state in BEGUN, "what is not under way is not its business"
            assert now.state is M.HALTED or ORDER.index(now.state) > ORDER.index(was.state)
        assert now.step >= was.step, "steps are opened, never closed"
        if now.step > was.step:
            assert self.may_leave, "rehearsed, without a finding, and still what was approved"
            assert was.state in BEGUN
            assert not self.on_its_way, "the step before was tried"
        first = was.step < 0 <= now.step
        if first or (was.step >= 0 and was.state is M.REHEARSED and now.state in LEAVING):
            (seen,) = self.boxes.seen
            decided = any(act.what == DECIDED for act in self.course.ledger.acts("m-1"))
            assert seen.arrived is Arrived.RIGHT or (seen.arrived is Arrived.MISSING and decided)
        if now.step >= self.canary and was.step < now.step:
            gated = self.course.steps[now.step].gate
            assert not gated or self.course.rehearsal.upto >= len(self.course.steps) - 1
        self.was = now

    @invariant()
    def nobody_left_beyond_the_open_steps(self) -> None:
        step = self.course.mailing.step
        assert self.course.left <= (self.step_sums[step] if step >= 0 else 0)

    @invariant()
    def nobody_leaves_where_nothing_may(self) -> None:
        if self.course.mailing.state not in LEAVING:
            before = self.course.left
            self.course.send(accepted)
            assert self.course.left == before

    def teardown(self) -> None:
        """The record is whole, and the last state it names is the one it is in."""
        rows = self.course.ledger.chain(0, 10_000)
        assert list(flaws(rows, ())) == []
        named = [row.act.what for row in rows if row.act.what in set(M)]
        assert self.course.mailing.state in (named[-1:] or [M.REHEARSED])


Life.TestCase.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None, derandomize=True
)
TestLife = Life.TestCase
