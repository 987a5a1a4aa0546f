"""What people may do to a staged mailing: decide, hurry, and change it behind its back."""

from __future__ import annotations

import pytest
from tests.simulation.test_conducting import Boxes, Course, accepted, bounced

from severally.ledger.memory import MemoryLedger
from severally.model.entries import Act
from severally.model.mailing import MailingState as M
from severally.model.staging import DECIDED, asks_a_person, waits_for
from severally.model.urgency import ACKNOWLEDGED, BROKEN
from severally.stage.arrival import AT_ONCE, Curve, assumed
from severally.stage.gates import Arrived, SentinelSeen

LATE: tuple[Curve, Curve] = (AT_ONCE, assumed())


@pytest.fixture
def course() -> Course:
    """One of which bounces come late, so that its gate stays undecided for hours."""
    made = Course(MemoryLedger())
    made.curves = LATE
    return made


def said(course: Course, what: str, detail: str = "", who: str = "alice") -> None:
    course.ledger.add_act(Act(course.now, "m-1", what, detail, who))


def missing() -> Boxes:
    boxes = Boxes(SentinelSeen("s1", "main", "en", Arrived.MISSING))
    boxes.waited = 10_000.0
    return boxes


def test_a_person_who_is_asked_may_let_it_pass() -> None:
    course = Course(MemoryLedger(), missing())
    course.go(accepted, ticks=5)
    assert "nothing arrived yet" in asks_a_person(course.ledger.acts("m-1"))
    said(course, DECIDED, "pass at step -1: the mailbox is down")
    assert asks_a_person(course.ledger.acts("m-1")) == ""
    course.go(accepted)
    assert course.mailing.state is M.SENDING


def test_a_word_for_another_step_or_before_a_halt_is_none() -> None:
    course = Course(MemoryLedger(), missing())
    said(course, DECIDED, "pass at step 3: too early")
    course.go(accepted, ticks=5)
    assert course.left == 0
    said(course, DECIDED, "pass at step -1: the mailbox is down")
    course.ledger.set_state("m-1", M.HALTED, course.now, "by hand")
    course.ledger.set_state("m-1", M.REHEARSED, course.now)
    course.go(accepted, ticks=5)
    assert course.left == 0


def test_nobody_can_let_a_halting_figure_pass(course: Course) -> None:
    for step in range(40):
        said(course, DECIDED, f"pass at step {step}: whatever")
    course.go(bounced(20))
    assert course.mailing.state is M.HALTED


def test_broken_glass_tells_a_thousand_and_waits_for_a_second_person(course: Course) -> None:
    said(course, BROKEN, "incident INC-7: logins fail")
    course.go(accepted, ticks=60, seconds=10.0)
    assert course.left == 1_000
    assert any("second person" in act.detail for act in course.ledger.acts("m-1"))
    said(course, ACKNOWLEDGED, who="carol")
    course.go(accepted, ticks=60, seconds=10.0)
    assert course.mailing.state is M.SENDING
    assert course.now < 10_000 + 3_600, "nothing waited at a gate"


def test_broken_glass_runs_out_after_an_hour(course: Course) -> None:
    said(course, BROKEN, "incident INC-7: logins fail")
    course.go(accepted, ticks=100)
    assert course.mailing.state is M.HALTED
    assert "nobody acknowledged" in course.mailing.reason
    assert course.left == 1_000


@pytest.mark.parametrize("arrived", [Arrived.WRONG, Arrived.MISSING])
def test_broken_glass_skips_no_sentinel(arrived: Arrived) -> None:
    course = Course(MemoryLedger(), Boxes(SentinelSeen("s1", "main", "en", arrived, "shows two")))
    said(course, BROKEN, "incident INC-7: logins fail")
    course.go(accepted, ticks=20)
    assert course.left == 0


def test_broken_glass_skips_no_halting_rule(course: Course) -> None:
    said(course, BROKEN, "incident INC-7: logins fail")
    said(course, ACKNOWLEDGED, who="carol")
    course.go(bounced(20), seconds=10.0)
    assert course.mailing.state is M.HALTED
    assert course.left <= 1_000


@pytest.mark.parametrize("told", [0, 800])
def test_what_is_not_what_was_approved_halts_before_the_next_step(told: int) -> None:
    course = Course(MemoryLedger())
    changed: list[str] = []
    course.conductor._unfit = lambda mailing: changed
    while course.left < told:
        course.go(accepted, ticks=1)
    changed.append("layouts/default.mjml was changed")
    course.go(accepted)
    assert course.mailing.state is M.HALTED
    assert "layouts/default.mjml was changed" in course.mailing.reason
    assert course.left == told


def test_what_a_gate_waits_for_is_said_with_its_figures(course: Course) -> None:
    course.go(accepted, ticks=20)
    waiting = waits_for(course.ledger.acts("m-1"))
    assert "hard bounces of" in waiting
    course.go(accepted, ticks=400)
    assert waits_for(course.ledger.acts("m-1")) == ""
