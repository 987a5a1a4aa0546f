"""The lock that says which process delivers for a workspace.

Held by the operating system for the process (flock(2)): free at once when it ends, however
it ends. Not a substitute for the ledger's epoch, which stops one that only seemed dead.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DeliveryLock:
    """`.severally/deliver.lock`. One object holds it at most once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Take it if it is free."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go; harmless where it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def held_by_anyone(self) -> bool:
        """Whether some process delivers now, this one included."""
        if self._file is not None:
            return True
        if not self._path.exists():
            return False
        if self.take():
            self.release()
            return False
        return True


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for others: for short turns only."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
