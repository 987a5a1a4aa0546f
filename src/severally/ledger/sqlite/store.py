"""The database file: opened, migrated, locked, and its errors put into words.

Responsible for how a transaction begins and ends. Not for what stands in it.
"""

from __future__ import annotations

import importlib.resources
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from severally.ledger.sqlite.gate import WAIT_S, Gate
from severally.model.errors import LedgerError, StorageFailed

APPLICATION_ID = 0x5365766C
"""`Sevl`: marks the file as ours (PRAGMA application_id)."""
_CACHE_KIB = 16_384
_WAL_KEPT = 64 << 20


class Store:
    """One open ledger file. Usable from several threads; several processes may have it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            _make_private(path)
            self._gate = Gate(path)
            # at the gate, because a new file's switch to WAL is refused at once, without the
            # busy timeout, when two connections try it together (sqlite.org/c3ref/busy_handler)
            with self._gate:
                self._writer = connect(path)
                self._reader = connect(path)
        self._writing = threading.RLock()
        self._reading = threading.RLock()
        self._migrate()
        with translated(path):
            self._reader.execute("PRAGMA query_only = ON")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction: committed to disk on leaving, or nothing of it."""
        with self._writing, translated(self.path), self._gate:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A look at what is committed; waits for no writer. Fetch all before leaving."""
        with self._reading, translated(self.path):
            yield self._reader

    def close(self) -> None:
        """Nothing is lost by not calling it."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()
            self._gate.close()

    def _migrate(self) -> None:
        with self._writing, translated(self.path), self._gate:
            scripts = migrations()
            version = self._version(len(scripts))
            for number, script in scripts[version:]:
                self._run(number, script)

    def _version(self, newest: int) -> int:
        version = int(_pragma(self._writer, "user_version"))
        if version and _pragma(self._writer, "application_id") != APPLICATION_ID:
            raise LedgerError(f"{self.path} is a database of some other program; move it away")
        if version > newest:
            raise LedgerError(
                f"{self.path} was written by a newer Severally (ledger version {version}; this "
                f"program knows up to {newest}); upgrade the program"
            )
        return version

    def _run(self, number: int, script: str) -> None:
        try:
            self._writer.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise


def connect(path: Path) -> sqlite3.Connection:
    """A connection that loses nothing once a commit has returned."""
    db = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA temp_store = FILE")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    db.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
    return db


def migrations() -> list[tuple[int, str]]:
    """Every migration in order, numbered from 1 without gaps."""
    folder = importlib.resources.files("severally.ledger") / "sql"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(int(file.name[:4]), file.read_text("utf-8")) for file in files]


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors in the words of `model.errors`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _in_words(path, error) from error
    except OSError as error:
        raise StorageFailed(
            f"{path} cannot be used: {error.strerror}; nothing was acknowledged"
        ) from error


_REFUSED = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
)
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _in_words(path: Path, error: sqlite3.Error) -> LedgerError:
    # the low byte is the kind, the rest says more (sqlite.org/rescode.html)
    code = getattr(error, "sqlite_errorcode", None)
    kind = None if code is None else code & 0xFF
    if kind in _REFUSED:
        return StorageFailed(
            f"the disk refused a write to {path} ({error}); nothing was acknowledged: make room "
            "or mend the disk, then resume"
        )
    if kind in _LOCKED:
        return LedgerError(
            f"{path} was locked by another process for more than {WAIT_S:.0f} s; see which "
            "process hangs, end it and try again"
        )
    if kind in _DAMAGED:
        return LedgerError(f"{path} is damaged ({error}); restore it from a backup")
    return LedgerError(f"{path} could not be used ({error})")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _make_private(path: Path) -> None:
    """The file 0600, a folder we make 0700. SQLite gives its side files the file's mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
