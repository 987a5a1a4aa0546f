"""Checkpoints outside the ledger, and a ledger that is older than they are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.ledger_samples import attempt, audience, mailing, record, totals

from severally.adapters.checkpoints import Checkpoints, verified
from severally.deliver.marks import AHEAD, Marks, restored
from severally.ledger.sqlite import SqliteLedger
from severally.model.audit import Checkpoint
from severally.model.delivery import DeliveryState as D
from severally.model.entries import Act, Record
from severally.model.errors import StorageFailed
from severally.model.mailing import MailingState as M

SEED = bytes(range(32))


def places(folder: Path) -> list[Path]:
    return [folder / "here" / "checkpoints.jsonl", folder / "there" / "checkpoints.jsonl"]


def test_a_checkpoint_is_at_every_place_and_verified(tmp_path: Path) -> None:
    points = Checkpoints(SEED, places(tmp_path))
    said = Checkpoint(5.0, 3, "ab" * 32, {"1": 500})
    points.append(said)
    assert points.all() == [said, said]
    assert points.last() == said
    for place in places(tmp_path):
        assert place.stat().st_mode & 0o077 == 0


def test_a_changed_line_or_another_key_is_no_checkpoint(tmp_path: Path) -> None:
    points = Checkpoints(SEED, places(tmp_path)[:1])
    points.append(Checkpoint(5.0, 3, "ab" * 32))
    place = places(tmp_path)[0]
    line = place.read_bytes()
    for wrong in (line.replace(b'"seq":3', b'"seq":2'), b"{}\n", b"garbage\n", b"\xff\n"):
        place.write_bytes(wrong)
        assert points.all() == []
        assert points.forged()
    assert verified(line, Checkpoints(bytes(32), []).public_key) is None
    place.write_bytes(line + line[:20])
    assert len(points.all()) == 1, "a line cut off by a crash is no line"


def test_a_place_that_cannot_be_written_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("a file where a folder should be")
    with pytest.raises(StorageFailed, match="nothing was acknowledged"):
        Checkpoints(SEED, places(tmp_path)).append(Checkpoint(5.0, 1, ""))


def test_marks_are_written_ahead_and_rarely(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.sqlite3")
    audience(ledger, 30, receiver="google")
    (cohort,) = mailing(ledger)
    points = Checkpoints(SEED, places(tmp_path))
    marks = Marks(ledger, points, lambda: 9.0)
    marks.reserve(cohort, cohort.first + 3)
    marks.reserve(cohort, cohort.first + 20)
    assert len(points.all()) == 2, "one line at each of two places"
    assert points.all()[0].marks == {str(cohort.id): min(cohort.last, cohort.first + 3 + AHEAD)}
    ledger.close()


def sent(ledger: SqliteLedger, epoch: int, marks: Marks, numbers: Sequence[int]) -> None:
    """These are claimed, marked and accepted."""
    (cohort,) = ledger.cohorts("m-1")
    claims = ledger.claim(cohort, len(numbers), epoch, 10.0)
    marks.reserve(cohort, claims[-1].delivery)
    ids = [claim.delivery for claim in claims]
    assert attempt(ledger, epoch, ids)
    record(ledger, epoch, *(Record(i, D.ACCEPTED, 250) for i in ids))


def test_last_nights_ledger_sends_nobody_twice(tmp_path: Path) -> None:
    path, night = tmp_path / "ledger.sqlite3", tmp_path / "night.sqlite3"
    ledger = SqliteLedger(path)
    audience(ledger, 40, receiver="google")
    mailing(ledger)
    points = Checkpoints(SEED, places(tmp_path))
    marks = Marks(ledger, points, lambda: 20.0)
    epoch = ledger.take_over(5.0)
    sent(ledger, epoch, marks, range(10))
    marks.anchor()
    assert restored(ledger, points, 21.0) is None, "it is not behind"
    ledger.close()
    shutil.copy(path, night)

    ledger = SqliteLedger(path)
    ledger.add_act(Act(22.0, "m-1", "something", "after the backup"))
    later = Marks(ledger, points, lambda: 23.0)
    sent(ledger, ledger.take_over(22.5), later, range(20))
    ledger.close()

    old = SqliteLedger(night)
    assert totals(old) == {D.ACCEPTED: 10, D.READY: 30}
    assert restored(old, points, 30.0) == 30
    assert totals(old) == {D.ACCEPTED: 10, D.IN_DOUBT: 30}
    assert old.mailing("m-1").state is M.HALTED
    assert "put back from a backup" in old.mailing("m-1").reason
    assert old.recount("m-1") == old.tally("m-1")
    assert restored(old, points, 31.0) is None, "it is said once"
    old.close()
