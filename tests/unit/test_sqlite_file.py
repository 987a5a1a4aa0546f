"""The ledger's file: who may read it, its versions, and what is said when it fails."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.ledger_samples import FROZEN, attempt, audience, mailing, record, totals

from severally.ledger.sqlite import SqliteLedger, gate, store
from severally.model.delivery import DeliveryState
from severally.model.entries import Act, Attempts, Record, Turn
from severally.model.errors import Fenced, LedgerError, StorageFailed
from severally.model.mailing import MailingState

D = DeliveryState
NAME = "ledger.sqlite3"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_may_read_any_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "new" / ".severally"
    ledger = SqliteLedger(folder / NAME)
    staging = ledger.stage("a-1")
    audience(ledger, 2, "a-2")
    files = sorted(folder.iterdir())
    assert {path.name for path in files} >= {NAME, f"{NAME}-wal", f"{NAME}-import-a-1"}
    assert {path.name: mode(path) for path in files} == {path.name: 0o600 for path in files}
    assert mode(folder) == 0o700
    staging.discard()
    ledger.close()


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / NAME).close()
    (tmp_path / NAME).chmod(0o644)
    SqliteLedger(tmp_path / NAME).close()
    assert mode(tmp_path / NAME) == 0o600


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    with ledger._store.write() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    ledger.close()


def test_everything_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    frozen = audience(ledger, 9)
    cohorts = mailing(ledger)
    ledger.close()
    again = SqliteLedger(tmp_path / NAME)
    assert again.audience("a-1") == frozen
    assert again.frozen("m-1") == FROZEN
    assert again.cohorts("m-1") == cohorts
    assert totals(again) == {D.READY: 9}
    again.close()


def test_a_crash_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """The file as a killed process leaves it, opened by the next one."""
    crashed = SqliteLedger(tmp_path / NAME)
    audience(crashed, 9, receiver="google")
    (cohort,) = mailing(crashed)
    epoch = crashed.take_over(1.0)
    crashed.claim(cohort, 6, epoch, 2.0)
    attempt(crashed, epoch, [cohort.first, cohort.first + 1, cohort.first + 2])
    record(crashed, epoch, Record(cohort.first, D.ACCEPTED, 250))
    again = SqliteLedger(tmp_path / NAME)
    assert totals(again) == {D.ACCEPTED: 1, D.ATTEMPTING: 2, D.CLAIMED: 3, D.READY: 3}
    new = again.take_over(3.0)
    assert totals(again) == {D.ACCEPTED: 1, D.IN_DOUBT: 2, D.READY: 6}
    assert again.tally("m-1") == again.recount("m-1")
    # the one that only seemed dead
    with pytest.raises(Fenced):
        crashed.claim(cohort, 1, epoch, 4.0)
    with pytest.raises(Fenced):
        record(crashed, epoch, Record(cohort.first + 1, D.ACCEPTED))
    assert [c.delivery for c in again.claim(cohort, 9, new, 5.0)] == [
        *range(cohort.first + 3, cohort.last + 1)
    ]
    crashed.close()
    again.close()


def test_one_that_others_made_ready_below_the_frontier_is_found(tmp_path: Path) -> None:
    """Two objects with one epoch, as two parts of one program might hold them."""
    one, other = SqliteLedger(tmp_path / NAME), SqliteLedger(tmp_path / NAME)
    audience(one, 4, receiver="google")
    (cohort,) = mailing(one)
    epoch = one.take_over(1.0)
    one.claim(cohort, 4, epoch, 2.0)
    record(other, epoch, Record(cohort.first + 1, D.READY))
    assert [c.delivery for c in one.claim(cohort, 4, epoch, 3.0)] == [cohort.first + 1]
    one.close()
    other.close()


def test_a_newer_ledger_is_not_touched(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / NAME).close()
    db = sqlite3.connect(tmp_path / NAME)
    db.execute("PRAGMA user_version = 9999")
    db.close()
    with pytest.raises(LedgerError, match=r"newer Severally .*version 9999.*upgrade"):
        SqliteLedger(tmp_path / NAME)


def test_a_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / NAME)
    db.execute("CREATE TABLE theirs (x)")
    db.execute("PRAGMA user_version = 1")
    db.close()
    with pytest.raises(LedgerError, match="some other program"):
        SqliteLedger(tmp_path / NAME)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"this is no database at all" * 400)
    with pytest.raises(LedgerError, match="damaged"):
        SqliteLedger(tmp_path / NAME)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be used"):
        SqliteLedger(tmp_path / "file" / NAME)


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [number for number, _ in store.migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_migration_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteLedger(tmp_path / NAME).close()
    first = store.migrations()
    bad = [*first, (len(first) + 1, "CREATE TABLE half (x);\nCREATE TABLE act (y);")]
    monkeypatch.setattr(store, "migrations", lambda: bad)
    with pytest.raises(LedgerError, match="act already exists"):
        SqliteLedger(tmp_path / NAME)
    good = [*first, (len(first) + 1, "CREATE TABLE half (x);")]
    monkeypatch.setattr(store, "migrations", lambda: good)
    SqliteLedger(tmp_path / NAME).close()


def test_many_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ledgers = list(pool.map(lambda _: SqliteLedger(tmp_path / NAME), range(8)))
    assert {ledger.take_over(1.0) for ledger in ledgers} == set(range(1, 9))
    for ledger in ledgers:
        ledger.close()


def test_threads_may_share_one_ledger(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    audience(ledger, 200, receiver="google")
    (cohort,) = mailing(ledger)
    epoch = ledger.take_over(1.0)
    seen: list[int] = []

    def deliver() -> None:
        while claims := ledger.claim(cohort, 10, epoch, 2.0):
            seen.extend(claim.delivery for claim in claims)

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert sum(totals(ledger).values()) == 200
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(cohort.first, cohort.last + 1))
    ledger.close()


def test_a_lock_that_is_never_given_back_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WAIT_S", 0.01)
    one, other = SqliteLedger(tmp_path / NAME), SqliteLedger(tmp_path / NAME)
    with one._store.write(), pytest.raises(LedgerError, match="locked by another process"):
        other.add_act(Act(1.0, "", "noted"))
    other.add_act(Act(2.0, "", "noted"))
    assert [act.at for act in one.acts("")] == [2.0]
    one.close()
    other.close()


def test_looking_waits_for_no_writer(tmp_path: Path) -> None:
    one, other = SqliteLedger(tmp_path / NAME), SqliteLedger(tmp_path / NAME)
    audience(one, 3)
    mailing(one)
    with one._store.write() as db:
        db.execute("UPDATE mailing SET state = 'halted'")
        assert other.mailing("m-1").state is MailingState.SENDING
        assert totals(other) == {D.READY: 3}
    assert other.mailing("m-1").state is MailingState.HALTED
    one.close()
    other.close()


def test_hostile_22_a_full_disk_acknowledges_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    audience(ledger, 500, receiver="google")
    (cohort,) = mailing(ledger)
    epoch = ledger.take_over(1.0)
    claims = ledger.claim(cohort, 500, epoch, 2.0)
    numbers = [claim.delivery for claim in claims]
    attempt(ledger, epoch, numbers[:300])
    before = ledger.recount("m-1")
    with ledger._store.write() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    ledger._store._writer.execute(f"PRAGMA max_page_count = {pages}")
    long = [Record(n, D.ACCEPTED, 250, "2.0.0", f"{n} " * 300, "accept") for n in numbers[:300]]
    turn = Turn(epoch, 3.0, [Attempts("m-1", 0, numbers[300:])], long)
    with pytest.raises(StorageFailed, match=r"disk refused a write .*nothing was acknowledged"):
        ledger.turn(turn)
    assert ledger.recount("m-1") == ledger.tally("m-1") == before
    # room was made: the same turn goes through, and its words are all there
    ledger._store._writer.execute("PRAGMA max_page_count = 1000000")
    ledger.turn(turn)
    assert totals(ledger) == {D.ACCEPTED: 300, D.ATTEMPTING: 200}
    assert {r.text for _, r in ledger.recipients_in("m-1", D.ACCEPTED)} == {r.text for r in long}
    ledger.close()


_FULL = """
import resource, signal, sys
from pathlib import Path
from severally.ledger.sqlite import SqliteLedger
from severally.model.errors import StorageFailed
from severally.model.entries import Act
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = SqliteLedger(Path(sys.argv[1]))
limit = Path(sys.argv[1] + "-wal").stat().st_size + 20_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for number in range(1000):
    try:
        ledger.add_act(Act(float(number), "", "noted", "x" * 500))
    except StorageFailed as failed:
        print(number, failed)
        break
"""


def test_hostile_22_a_write_the_system_refuses_acknowledges_nothing(tmp_path: Path) -> None:
    """The kernel fails the write itself (RLIMIT_FSIZE), in a process of its own."""
    command = [sys.executable, "-c", _FULL, str(tmp_path / NAME)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    number, words = done.stdout.split(" ", 1)
    assert "nothing was acknowledged" in words
    ledger = SqliteLedger(tmp_path / NAME)
    assert [act.at for act in ledger.acts("")] == [float(n) for n in range(int(number))]
    ledger.close()


def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / NAME)
    ledger.close()
    with pytest.raises(LedgerError):
        ledger.mailings()
    with pytest.raises(LedgerError):
        ledger.take_over(1.0)
