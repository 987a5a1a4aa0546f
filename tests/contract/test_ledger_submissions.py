"""Both ledgers keep what other programs hand in alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from severally.ledger.memory import MemoryLedger
from severally.ledger.sqlite import SqliteLedger
from severally.model.delivery import DeliveryState
from severally.model.entries import Act, Record
from severally.model.errors import UsageError
from severally.model.submission import Boxed, Submission, SubmissionState
from severally.ports import Ledger

D = DeliveryState
ACT = Act(60.0, "g-1", "decided", "", "alice")


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    make: Callable[[], Ledger] = (
        MemoryLedger
        if request.param == "memory"
        else lambda: SqliteLedger(tmp_path / "ledger.sqlite3")
    )
    made = make()
    yield made
    made.close()


def hand_in(
    ledger: Ledger,
    name: str,
    count: int = 2,
    at: float = 50.0,
    most: int = 0,
    content: bytes = b"x",
) -> Submission:
    letters = [Boxed(n, f"{name}-{n}".encode(), b"s", f"{name}{n}".encode()) for n in range(count)]
    return ledger.hand_in(
        Submission(name, "sendgrid", at, content, count), letters, most, since=at - 10
    )


def attempt(ledger: Ledger, *records: tuple[int, DeliveryState, float]) -> None:
    assert ledger.attempt_letters([number for number, _, _ in records], 70.0)
    ledger.conclude_letters(
        [Record(number, state, 250, due=due) for number, state, due in records], 70.0
    )


def test_letters_are_due_in_the_order_they_came(ledger: Ledger) -> None:
    hand_in(ledger, "g-1")
    hand_in(ledger, "g-2")
    due = ledger.letters_due(60.0, 3)
    assert [(each.submission, each.seq, each.box) for each in due] == [
        ("g-1", 0, b"g-10"),
        ("g-1", 1, b"g-11"),
        ("g-2", 0, b"g-20"),
    ]
    assert [each.number for each in due] == [1, 2, 3]


def test_what_was_handed_in_is_in_the_record(ledger: Ledger) -> None:
    hand_in(ledger, "g-1", 3)
    (row,) = ledger.chain(0, 10)
    assert (row.act.mailing, row.act.what) == ("g-1", "handed in")
    assert row.act.detail == "sendgrid: 3 letters of content 78"


def test_the_same_id_is_kept_once(ledger: Ledger) -> None:
    hand_in(ledger, "g-1")
    again = hand_in(ledger, "g-1", 5)
    assert again.count == 2 and len(ledger.letters_due(60.0, 10)) == 2


def test_an_attempt_ends_a_letter_or_puts_it_off(ledger: Ledger) -> None:
    hand_in(ledger, "g-1", 4)
    attempt(
        ledger, (1, D.ACCEPTED, 0.0), (2, D.DEFERRED, 90.0), (3, D.IN_DOUBT, 0.0), (4, D.READY, 0.0)
    )
    assert ledger.letter_counts() == {D.ACCEPTED: 1, D.DEFERRED: 1, D.IN_DOUBT: 1, D.READY: 1}
    assert [each.number for each in ledger.letters_due(80.0, 10)] == [4]
    assert [(e.number, e.attempts) for e in ledger.letters_due(90.0, 10)] == [(4, 1), (2, 1)]


def test_what_a_dead_process_was_sending_is_in_doubt(ledger: Ledger) -> None:
    hand_in(ledger, "g-1", 3)
    assert ledger.attempt_letters([1, 2], 60.0)
    assert ledger.letters_due(61.0, 10)[0].number == 3
    assert ledger.doubt_letters(62.0) == 2
    assert ledger.letter_counts() == {D.IN_DOUBT: 2, D.READY: 1}
    assert ledger.doubt_letters(63.0) == 0
    ledger.conclude_letters([Record(1, D.ACCEPTED, 250)], 64.0)  # too late: it stays in doubt
    assert ledger.letter_counts()[D.IN_DOUBT] == 2


def test_in_a_ledger_that_was_put_back_what_waits_is_in_doubt(ledger: Ledger) -> None:
    hand_in(ledger, "g-1", 3)
    hand_in(ledger, "g-2", 3, most=4)
    assert ledger.doubt_letters(62.0, waiting=True) == 3
    assert ledger.letter_counts() == {D.IN_DOUBT: 3, D.HELD: 3}


def test_more_than_so_many_of_one_content_are_held(ledger: Ledger) -> None:
    assert hand_in(ledger, "g-1", 3, most=5).state is SubmissionState.PASSED
    assert hand_in(ledger, "g-2", 2, most=5).state is SubmissionState.PASSED
    assert hand_in(ledger, "g-3", 1, most=5).state is SubmissionState.HELD
    assert hand_in(ledger, "g-4", 5, most=5, content=b"y").state is SubmissionState.PASSED
    assert hand_in(ledger, "g-5", 5, at=100.0, most=5).state is SubmissionState.PASSED  # later
    assert [each.id for each in ledger.held()] == ["g-3"]
    assert ledger.letter_counts()[D.HELD] == 1


def test_a_released_content_goes_on_until_its_time(ledger: Ledger) -> None:
    hand_in(ledger, "g-1", 6, most=5)
    assert ledger.letters_due(60.0, 10) == []
    assert ledger.release("g-1", 80.0, ACT) == 6
    assert len(ledger.letters_due(60.0, 10)) == 6 and not ledger.held()
    assert hand_in(ledger, "g-2", 9, at=79.0, most=5).state is SubmissionState.PASSED
    assert hand_in(ledger, "g-3", 9, at=81.0, most=5).state is SubmissionState.HELD
    with pytest.raises(UsageError, match="is not held"):
        ledger.release("g-1", 80.0, ACT)


def test_what_is_discarded_is_withdrawn(ledger: Ledger) -> None:
    hand_in(ledger, "g-1", 6, most=5)
    assert ledger.discard("g-1", ACT) == 6
    assert ledger.letter_counts() == {D.WITHDRAWN: 6}
    with pytest.raises(UsageError, match="is not held"):
        ledger.discard("g-1", ACT)
    assert [row.act.what for row in ledger.chain(0, 10)] == ["held", "decided"]


def test_a_halt_stops_attempts_and_what_is_due(ledger: Ledger) -> None:
    hand_in(ledger, "g-1")
    ledger.halt_guard("wrong", ACT)
    assert ledger.guard_halt() == "wrong"
    assert ledger.letters_due(60.0, 10) == []
    assert not ledger.attempt_letters([1], 60.0)
    ledger.resume_guard(ACT)
    ledger.resume_guard(ACT)  # nothing to go on with: no second act
    assert ledger.guard_halt() == "" and len(ledger.letters_due(60.0, 10)) == 2
    assert len(ledger.chain(0, 10)) == 3


def test_who_was_written_to_is_known_by_keyed_hash(ledger: Ledger) -> None:
    hand_in(ledger, "g-1")
    assert ledger.recipients_among([b"g-1-0", b"g-1-1", b"nobody", b"g-1-0"]) == 2
    assert ledger.recipients_among([]) == 0
