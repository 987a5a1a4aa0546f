"""Several processes on one ledger: killed imports, killed writers, fair hand-over."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ledger_samples import audience, mailing, row, totals

from severally.ledger.sqlite import SqliteLedger, building
from severally.ledger.sqlite import staging as sqlite_staging
from severally.model.errors import LedgerError, StorageFailed, UsageError
from severally.model.mailing import MailingState

NAME = "ledger.sqlite3"
ROOT = Path(__file__).parents[2]


@contextmanager
def running(path: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `code` on the ledger and is killed when it has said `there`."""
    whole = f"from pathlib import Path\nfrom tests.ledger_samples import *\n{code}"
    command = [sys.executable, "-c", whole, str(path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


_IMPORTING = """
import sys
ledger = SqliteLedger(Path(sys.argv[1]))
staging = ledger.stage("a-1")
staging.add([row(n) for n in range(3000)])
print("there", flush=True)
sys.stdin.read()
"""


def test_a_killed_import_leaves_nothing_that_sweeping_does_not_remove(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    with running(tmp_path / NAME, _IMPORTING):
        assert ledger.sweep() == 0, "it is still at work"
        with pytest.raises(LedgerError, match="written by another import"):
            ledger.stage("a-1")
    assert ledger.sweep() == 1
    assert ledger.sweep() == 0
    assert list(tmp_path.glob("*import*")) == []
    assert audience(ledger, 3).count == 3
    ledger.close()


def test_a_dead_import_is_replaced_without_sweeping(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    with running(tmp_path / NAME, _IMPORTING):
        pass
    assert audience(ledger, 3).count == 3
    ledger.close()


def test_a_torn_import_is_removed(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    (tmp_path / f"{NAME}-import-a-1").write_bytes(b"torn" * 3000)
    assert ledger.sweep() == 1
    ledger.close()


_FREEZING = """
import sys
from severally.ledger.sqlite import staging, mailings
ledger = SqliteLedger(Path(sys.argv[1]))
def stop(*args):
    print("there", flush=True)
    sys.stdin.read()
if sys.argv[1].endswith(".audience"):
    staging._BATCH = 1000
    staging.SqliteStaging._fill_lookup = stop
    audience(ledger, 3000)
else:
    audience(ledger, 3000)
    mailings.Mailings._make = stop
    mailing(ledger)
"""


@pytest.mark.parametrize("what", ["audience", "mailing"])
def test_what_was_being_built_when_it_was_killed_is_removed(tmp_path: Path, what: str) -> None:
    path = tmp_path / f"ledger.{what}"
    ledger = SqliteLedger(path)
    table = {"audience": "recipient", "mailing": "delivery"}[what]
    with running(path, _FREEZING):
        assert rows_in(ledger, table) == 3000
        assert ledger.sweep() == 0, "it is still at work"
        with pytest.raises(UsageError):
            ledger.mailing("m-1")
    assert ledger.sweep() == {"audience": 2, "mailing": 1}[what]
    assert rows_in(ledger, table) == 0
    assert rows_in(ledger, "building") == 0
    if what == "audience":
        audience(ledger, 5)
    mailing(ledger)
    assert sum(totals(ledger).values()) == ledger.audience("a-1").count
    ledger.close()


def rows_in(ledger: SqliteLedger, table: str) -> int:
    with ledger._store.read() as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_freeze_that_the_disk_refuses_leaves_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    pages = ledger._store._writer.execute("PRAGMA page_count").fetchone()[0]
    ledger._store._writer.execute(f"PRAGMA max_page_count = {pages + 20}")
    staging = ledger.stage("a-1")
    staging.add([row(number) for number in range(3000)])
    with pytest.raises(StorageFailed):
        staging.freeze("x.csv", 1.0)
    staging.discard()
    assert [rows_in(ledger, t) for t in ("audience", "recipient", "building")] == [0, 0, 0]
    assert audience(ledger, 30).count == 30
    ledger.close()


def test_big_batches_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same audience and mailing, whatever the batches are."""
    results = []
    for size in (7, 5000):
        monkeypatch.setattr(sqlite_staging, "_BATCH", size)
        monkeypatch.setattr(sqlite_staging, "_LOOKUP_BATCH", size)
        monkeypatch.setattr("severally.ledger.sqlite.numbering._BATCH", size)
        ledger = SqliteLedger(tmp_path / f"{size}.sqlite3")
        frozen = audience(ledger, 100)
        cohorts = mailing(ledger)
        found = [ledger.find_recipient("a-1", f"c{n}") for n in range(100)]
        results.append((frozen, cohorts, found, list(ledger.rows("a-1")), ledger.recount("m-1")))
        ledger.close()
    assert results[0] == results[1]


def test_leftovers_are_removed_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_REMOVED_AT_ONCE", 10)
    monkeypatch.setattr(sqlite_staging, "_AUDIENCE", "INSERT INTO nowhere VALUES (1)")
    ledger = SqliteLedger(tmp_path / NAME)
    with pytest.raises(LedgerError, match="nowhere"):
        audience(ledger, 35)
    tables = ("recipient", "recipient_by_rid", "recipient_by_blind", "building")
    assert [rows_in(ledger, table) for table in tables] == [0, 0, 0, 0]
    ledger.close()


_WRITING = """
import sys
ledger = SqliteLedger(Path(sys.argv[1]))
with ledger._store.write() as db:
    db.execute("UPDATE mailing SET state = 'void'")
    print("there", flush=True)
    sys.stdin.read()
"""


def test_the_locks_of_a_killed_writer_are_free(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    audience(ledger, 1)
    mailing(ledger)
    with running(tmp_path / NAME, _WRITING):
        pass
    assert ledger.set_state("m-1", MailingState.HALTED, 1.0).halt_epoch == 1
    ledger.close()


_WRITING_ON = """
import sys
ledger = SqliteLedger(Path(sys.argv[1]))
print("there", flush=True)
writes = 0
busy = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
while True:
    with ledger._store.write() as db:
        db.execute(f"{busy} SELECT count(*) FROM n").fetchone()
        db.execute("UPDATE mailing SET sealed = sealed + 1")
        if db.execute("SELECT state FROM mailing").fetchone() == ("halted",):
            break
    writes += 1
print(writes, flush=True)
sys.stdin.read()
"""


def test_a_halt_gets_in_between_writes_without_pause(tmp_path: Path) -> None:
    """Without the gate a waiter is passed over for seconds; with it, by one writer at most."""
    ledger = SqliteLedger(tmp_path / NAME)
    audience(ledger, 60, receiver="google")
    mailing(ledger)
    passed_over = []
    with running(tmp_path / NAME, _WRITING_ON) as process:
        while not ledger.guard_counts("m-1")[0]:
            pass  # until it writes
        for _ in range(40):
            before = ledger.guard_counts("m-1")[0]
            with ledger._store.write() as db:
                now = db.execute("SELECT sealed FROM mailing").fetchone()[0]
            passed_over.append(now - before)
        ledger.set_state("m-1", MailingState.HALTED, 3.0)
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
    # one or two by rights; the rest is left to the machine being busy with something else
    assert max(passed_over) <= 20
    ledger.close()
