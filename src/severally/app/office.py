"""A workspace opened for one verb: its configuration, keys, ledger and delivery lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from severally.app.config import Workspace
from severally.app.lock import DeliveryLock
from severally.app.wiring import Wiring
from severally.deliver.marks import restored
from severally.ports import Keys, Ledger


@dataclass(frozen=True)
class Office:
    """What every operation works with."""

    workspace: Workspace
    wiring: Wiring
    keys: Keys
    ledger: Ledger
    lock: DeliveryLock


@contextmanager
def open_office(workspace: Workspace, wiring: Wiring, as_it_is: bool = False) -> Iterator[Office]:
    """Open it; the ledger is closed and the lock let go of on leaving.

    A ledger that was put back from a backup is halted first, and what it cannot know is in
    doubt; `as_it_is` leaves it alone, to be looked at. Raises UsageError where a key is needed and
    missing, LedgerError where the record cannot be read.
    """
    keys = wiring.open_keys(workspace)
    workspace.state.mkdir(mode=0o700, exist_ok=True)
    ledger = wiring.open_ledger(workspace.state / "ledger.sqlite3")
    lock = DeliveryLock(workspace.state / "deliver.lock")
    try:
        if not as_it_is:
            restored(ledger, wiring.open_checkpoints(workspace, keys), wiring.clock.wall())
        yield Office(workspace, wiring, keys, ledger, lock)
    finally:
        lock.release()
        ledger.close()
