"""Halting at full speed: who got it by then, and how soon the last message left.

    .venv/bin/python -m proofs.halting [customers]

One process sends over a route that notes the moment at which each message leaves and keeps
nothing else; another runs `severally halt` as a person does. The notes are the judge: the last
one against the moment at which the command had ended, and everybody in them against the report.
"""

from __future__ import annotations

import csv
import json
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from proofs import workspace
from severally.app.cli.main import main as command_line
from severally.app.config import Workspace
from severally.app.wiring import Wiring
from severally.model.envelope import Sealed
from severally.model.lane import Lane
from severally.model.outcome import Outcome
from severally.transport.discard import DiscardConnection, DiscardTransport

CUSTOMERS = 60_000
NOTES = "left.bin"
WANTED_RATE = 5_000
WITHIN_S = 1.0
_NOTE = struct.Struct("<dQ")
_LOOK_S = 0.1
_PATIENCE_S = 900.0


class NotingConnection(DiscardConnection):
    """Notes when each message leaves, before its outcome is known to anybody."""

    def __init__(self, notes: Path) -> None:
        super().__init__()
        self._notes = notes.open("ab", buffering=0)

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        now = time.time()
        self._notes.write(b"".join(_NOTE.pack(now, sealed.deliveries[0]) for sealed in run))
        await super().send(run, report)

    async def close(self) -> None:
        self._notes.close()


class Noting(DiscardTransport):
    """The product's own `discard`, with notes."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    async def connect(self, lane: Lane, first: Sealed) -> NotingConnection:
        return NotingConnection(self._notes)


def noting(place: Workspace, route: str) -> Noting:
    """For `Wiring.make_transport`."""
    return Noting(place.root / NOTES)


class Seen(NamedTuple):
    """`rate`: messages in the second before the halt; `after_s`: from the end of the command to
    the last message, below 0 where it left before."""

    left: int
    rate: int
    halted_s: float
    after_s: float
    named: bool
    in_doubt: int

    @property
    def holds(self) -> bool:
        """Whether the halt took effect in time and the report names exactly those."""
        return self.after_s <= WITHIN_S and self.named and self.left > 0

    def __str__(self) -> str:
        reached = "" if self.rate >= WANTED_RATE else f" ({WANTED_RATE:,} were not reached here)"
        return (
            f"halted while {self.rate:,} left in a second{reached}: the command took "
            f"{self.halted_s:.2f} s, the last message left {self.after_s:+.2f} s after it; "
            f"the report names {'exactly ' if self.named else 'NOT '}the {self.left:,} who got it, "
            f"{self.in_doubt} in doubt"
        )


def notes_of(place: Path) -> list[tuple[float, int]]:
    """(when, delivery) of all that left so far."""
    file = place / NOTES
    data = file.read_bytes() if file.exists() else b""
    return list(_NOTE.iter_unpack(data[: len(data) // _NOTE.size * _NOTE.size]))


def rate_at(notes: Sequence[tuple[float, int]], end: float) -> int:
    """How many left in the second before."""
    return sum(end - 1.0 < at <= end for at, _ in notes)


def prove(customers: int = CUSTOMERS) -> Seen:
    """Raises AssertionError where a command ends otherwise than it should."""
    with tempfile.TemporaryDirectory() as folder:
        place = workspace.make(
            Path(folder) / "place", customers, 'type = "discard"\nconnections = 8'
        )
        sender = subprocess.Popen(
            [sys.executable, "-m", "proofs.halting", "--send", str(place)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _until_left(place, 1, sender)
            mailing = _newest(place)
            _until_left(place, customers // 3, sender)
            began = time.time()
            workspace.severally(place, "halt", mailing, "--reason", "wrong date", "--json")
            halted = time.time()
            out, _ = sender.communicate(timeout=_PATIENCE_S)
        finally:
            sender.kill()
        assert sender.returncode == 4, out[-500:]
        return _judged(place, began, halted)


def _judged(place: Path, began: float, halted: float) -> Seen:
    notes = notes_of(place)
    told = place / "told.csv"
    report = json.loads(
        workspace.severally(place, "report", "--recipients", str(told), "--json").stdout
    )
    with told.open(newline="") as file:
        states = Counter(row["state"] for row in csv.DictReader(file))
    doubt = states["in_doubt"] + states["in doubt"]
    numbers = {number for _, number in notes}
    named = states["accepted"] + doubt == len(numbers) == len(notes)
    named = named and report["counts"]["accepted"] == states["accepted"]
    last = max(at for at, _ in notes)
    return Seen(len(numbers), rate_at(notes, began), halted - began, last - halted, named, doubt)


def _newest(place: Path) -> str:
    status = json.loads(workspace.severally(place, "status", "--json").stdout)
    return str(status["mailings"][0]["mailing"])


def _until_left(place: Path, count: int, sender: subprocess.Popen[str]) -> None:
    """After a third of them it is at full speed."""
    deadline = time.monotonic() + _PATIENCE_S
    size = count * _NOTE.size
    file = place / NOTES
    while not (file.exists() and file.stat().st_size >= size):
        assert sender.poll() is None, "it ended before it could be halted"
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(_LOOK_S)


def send(place: str) -> int:
    """The sending process."""
    verb = ["send", "index-change", "--audience", f"{place}/customers.csv", "--json"]
    return command_line(["--workspace", place, *verb], Wiring(make_transport=noting))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        sys.exit(send(sys.argv[2]))
    seen = prove(*map(int, sys.argv[1:2]))
    print(seen)
    sys.exit(0 if seen.holds else 1)
