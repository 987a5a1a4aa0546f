"""Fair hand-over of SQLite's one write lock between processes.

SQLite makes a waiting writer poll ever more slowly, so a process that commits without pause
would starve all others. Two file locks in a row, held only around a write, prevent that.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from severally.model.errors import LedgerError

_POLL_S = 0.0005
WAIT_S = 10.0
"""A writer that waited this long (seconds, counted in polls) gives up: somebody is stuck."""


class Gate:
    """A turnstile before the write lock; one per connection that writes.

    Who waits for the lock holds the turnstile, so whoever has just released the lock cannot
    take it again before the one who waits. Locks of a dead process are free at once.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._turnstile = open_private(database.with_name(f"{database.name}-queue"))
        self._lock = open_private(database.with_name(f"{database.name}-writer"))

    def __enter__(self) -> None:
        self._take(self._turnstile)
        try:
            self._take(self._lock)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take(self, lock: int) -> None:
        # polled, because a blocking flock(2) cannot be given up after a while
        for _ in range(int(WAIT_S / _POLL_S)):
            if taken(lock):
                return
            time.sleep(_POLL_S)
        raise LedgerError(
            f"{self._database} was locked by another process for more than {WAIT_S:.0f} s; "
            "see which severally process hangs, end it and try again"
        )

    def close(self) -> None:
        """Let go of both files."""
        for lock in (self._turnstile, self._lock):
            os.close(lock)


def taken(lock: int) -> bool:
    """Take a file lock if it is free (flock(2): held by the open file, freed when it closes)."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_private(path: Path) -> int:
    """Open a file of our own for locking, made with mode 0600."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
