"""Sending while 2 % of it bounces, against sending in peace: `make bench B=incoming`.

Pairs in the same minutes, the same sink and notice: `severally send` alone, and beside it
`severally intake`, to which every fiftieth message of the mailing comes back by LMTP as a
Postfix bounce while the rest is still being sent. What counts is the ratio within a pair.

Arguments: rounds (3), messages a run (6000).
"""

from __future__ import annotations

import contextlib
import os
import re
import smtplib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.bounces import Case, corpus

from bench import machine, workspace
from bench.nodemailer import CONNECTIONS, Ran, ours_sent
from bench.sink import smtp_sink
from severally.adapters.keys import FileKeys
from severally.model.delivery import delivery_token

EVERY = 50
_HEAR = '[senders.notices.incoming]\nlisten = "127.0.0.1:0"\n\n'
_GONE = "SELECT id FROM delivery WHERE state = 3 AND id % ? = 0 AND id NOT IN (SELECT value FROM json_each(?))"  # noqa: E501


def main(rounds: int = 3, count: int = 6_000) -> None:
    """One line for each pair, and the median."""
    print(machine.described())
    rates, costs = [], []
    with tempfile.TemporaryDirectory(prefix="severally-bench-") as folder:
        for number in range(rounds):
            alone = _run(Path(folder) / f"alone-{number}", count)[0]
            beside, heard = _run(Path(folder) / f"beside-{number}", count, bouncing=True)
            rates.append(beside.per_s / alone.per_s)
            costs.append(beside.cpu_us / alone.cpu_us)
            print(
                f"  {number + 1}: alone {alone.per_s:,.0f}/s {alone.cpu_us:,.0f} us, with bounces "
                f"{beside.per_s:,.0f}/s {beside.cpu_us:,.0f} us, {heard} came back and were heard, "
                f"rate {rates[-1]:.2f}, own CPU {costs[-1]:.2f}, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    print(
        f"with bounces against without: rate {statistics.median(rates):.2f}, processor time of "
        f"the sender's own processes {statistics.median(costs):.2f} (medians of {rounds})"
    )


def _run(root: Path, count: int, bouncing: bool = False) -> tuple[Ran, int]:
    with smtp_sink() as port:
        made = workspace.make(root, count, workspace.relay(port, CONNECTIONS))
        settings = root / "severally.toml"
        text = settings.read_text().replace("[routes.main]", f"{_HEAR}[routes.main]")
        settings.write_text(text)
        if not bouncing:
            return ours_sent(made, whole=False), 0
        with _intake(made) as at:
            feeder = _Feeder(root, at)
            feeder.start()
            ran = ours_sent(made, whole=False)
            feeder.over.set()
            feeder.join()
        subprocess.run(made.command("intake", "--once"), check=True, stdout=subprocess.DEVNULL)
        with contextlib.closing(_opened(root)) as db:
            (heard,) = db.execute("SELECT count(*) FROM event WHERE kind = 'invalid'").fetchone()
        if heard != len(feeder.fed):
            raise SystemExit(f"{len(feeder.fed)} bounces came, {heard} were heard")
        return ran, heard


@contextlib.contextmanager
def _intake(made: workspace.Bench) -> Iterator[int]:
    process = subprocess.Popen(made.command("intake"), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r":(\d+) \(lmtp\)", process.stdout.readline())
        if found is None:
            raise SystemExit("severally intake did not start")
        yield int(found[1])
    finally:
        process.terminate()
        process.communicate()


def _opened(root: Path) -> sqlite3.Connection:
    return sqlite3.connect(root / ".severally" / "ledger.sqlite3", timeout=60)


class _Feeder(threading.Thread):
    """Sends bounces for what was accepted since it last looked, until told that it is over."""

    def __init__(self, root: Path, port: int) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.fed: list[int] = []
        self._root, self._port = root, port
        self._case: Case = next(each for each in corpus() if each.kind == "invalid")

    def run(self) -> None:
        keys = FileKeys(self._root / "keys")
        last = False
        with contextlib.closing(_opened(self._root)) as db:
            while not last:
                last = self.over.wait(0.5)
                mailing = db.execute("SELECT id FROM mailing").fetchone()
                if mailing is not None:
                    self._feed(db, keys.token_key(mailing[0]))

    def _feed(self, db: sqlite3.Connection, key: bytes) -> None:
        known = str(self.fed)
        with smtplib.LMTP("127.0.0.1", self._port, timeout=60) as door:
            for (number,) in db.execute(_GONE, (EVERY, known)).fetchall():
                token = delivery_token(key, number)
                raw = self._case.message(token, "somebody@there.example").replace(b"\n", b"\r\n")
                door.sendmail("", [f"bounces+{token}@exchange.example"], raw)
                self.fed.append(number)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
