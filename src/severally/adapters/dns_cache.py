"""What was found out about domains, kept on disk: a file of its own, which may be deleted.

Domains stand in it as keyed hashes: whose customers they are is nobody's business. A file that
cannot be read is begun anew: everything in it can be asked for again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from severally.adapters.mta_sts import Policy
from severally.adapters.survey import Known

_AT_ONCE = 500
_TABLES = """
CREATE TABLE IF NOT EXISTS domain (
    name BLOB PRIMARY KEY, hosts TEXT NOT NULL, problem TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policy (
    name BLOB PRIMARY KEY, id TEXT NOT NULL, mode TEXT NOT NULL, patterns TEXT NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;
"""


class DnsCache:
    """See `survey.Memory` and `mta_sts.Policies`. `blind` is the workspace's keyed hash."""

    def __init__(self, path: Path, blind: Callable[[str], bytes]) -> None:
        self._path = path
        self._blind = blind

    def get(self, domains: Sequence[str]) -> Mapping[str, Known]:
        """Those of them that are known."""
        found: dict[str, Known] = {}
        with self._opened() as db:
            for first in range(0, len(domains), _AT_ONCE):
                names = {self._blind(each): each for each in domains[first : first + _AT_ONCE]}
                marks = ",".join("?" * len(names))
                sql = f"SELECT name, hosts, problem, at FROM domain WHERE name IN ({marks})"  # noqa: S608
                for name, hosts, problem, at in db.execute(sql, tuple(names)):
                    found[names[name]] = Known(tuple(hosts.split()), problem, at)
        return found

    def put(self, found: Mapping[str, Known]) -> None:
        """Keep it, in place of what was known."""
        rows = [
            (self._blind(domain), " ".join(known.hosts), known.problem, known.at)
            for domain, known in found.items()
        ]
        with self._opened() as db:
            db.executemany("INSERT OR REPLACE INTO domain VALUES (?, ?, ?, ?)", rows)

    def policy(self, domain: str) -> Policy | None:
        """The domain's last MTA-STS policy, outdated or not."""
        sql = "SELECT id, mode, patterns, until FROM policy WHERE name = ?"
        with self._opened() as db:
            row = db.execute(sql, (self._blind(domain),)).fetchone()
        return Policy(row[0], row[1], tuple(row[2].split()), row[3]) if row else None

    def keep_policy(self, domain: str, policy: Policy) -> None:
        """Remember it until it ends: who hides it later does not weaken it (RFC 8461 10.2)."""
        row = (
            self._blind(domain), policy.id, policy.mode, " ".join(policy.patterns), policy.until
        )  # fmt: skip
        with self._opened() as db:
            db.execute("INSERT OR REPLACE INTO policy VALUES (?, ?, ?, ?, ?)", row)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            db = _open(self._path)
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
            db = _open(self._path)
        try:
            with db:
                yield db
        finally:
            db.close()


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=30)
    try:
        db.executescript(_TABLES)
    except BaseException:
        db.close()
        raise
    return db
