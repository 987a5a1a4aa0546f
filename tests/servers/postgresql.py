"""A private PostgreSQL: Debian's program, one free port, one database, no password.

It refuses to run as root, so there it runs as Debian's account for it. What is written need not
survive a crash of the machine.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.servers.processes import free_port, running

ACCOUNT = "postgres"


def _programs() -> Path | None:
    """Where the newest version's programs are."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    return newest and newest.parent


def unavailable() -> str:
    """Why it cannot be started here, or nothing."""
    if _programs() is None:
        return "/usr/lib/postgresql is missing: make servers"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam(ACCOUNT)
        except KeyError:
            return f"there is no account {ACCOUNT}: make servers"
    return ""


@dataclass(frozen=True)
class Postgresql:
    """A running one. `database` is its connection string."""

    database: str


@contextlib.contextmanager
def postgresql() -> Iterator[Postgresql]:
    """Start it on a free port; stop it on leaving."""
    programs = _programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="severally-postgresql-"))
    account = []
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT, ACCOUNT)
        account = ["runuser", "-u", ACCOUNT, "--"]
    port = free_port()
    server = Postgresql(f"host=127.0.0.1 port={port} user=severally dbname=postgres")
    settings = ["-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
    try:
        making = ["initdb", "-D", folder / "data", "-A", "trust", "-U", "severally", "-E", "UTF8",
                  "--no-locale", "--no-sync"]  # fmt: skip
        subprocess.run(
            [*account, programs / making[0], *making[1:]], cwd=folder, check=True,
            capture_output=True,
        )  # fmt: skip
        command = [*account, programs / "postgres", "-D", folder / "data", *settings]
        with running(command, folder / "log", lambda: _answers(server.database), {}):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(database: str) -> bool:
    try:
        psycopg.connect(database, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
