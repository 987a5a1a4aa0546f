"""High-water marks: how far sending may have come, said outside the ledger before it happens.

A ledger put back from a backup does not know what was sent since. The marks do, a little
generously: they are written ahead, `ahead` deliveries at a time, so that they cost little.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from severally.model.audit import Checkpoint
from severally.model.mailing import Cohort
from severally.ports import Clock, Ledger

EVERY_S = 300.0
ROWS = 1_000
"""A checkpoint at least so often: what is not anchored can be rewritten unseen."""
AHEAD = 5_000
"""Deliveries per written mark: the most of a cohort that a restored ledger must doubt without
reason. One synced line of some hundred bytes for each."""


class Checkpoints(Protocol):
    """Where checkpoints are kept; see `adapters.checkpoints`."""

    def append(self, checkpoint: Checkpoint) -> None:
        """Durably. Raises StorageFailed."""
        ...

    def all(self) -> Sequence[Checkpoint]:
        """Those whose signatures hold."""
        ...

    def flaws(self) -> Sequence[str]:
        """Places and lines that are not what was signed, or lack what others hold; in words."""
        ...

    def last(self) -> Checkpoint | None:
        """The newest."""
        ...


class Marks:
    """The marks of one delivering process. May be used from several threads."""

    def __init__(self, ledger: Ledger, checkpoints: Checkpoints, wall: Callable[[], float]) -> None:
        self._ledger = ledger
        self._checkpoints = checkpoints
        self._wall = wall
        self._marks: dict[int, int] = {}
        self._lock = threading.Lock()

    def reserve(self, cohort: Cohort, upto: int) -> None:
        """Nothing of the cohort up to this delivery is sent before the mark stands beyond it."""
        with self._lock:
            if upto <= self._marks.get(cohort.id, 0):
                return
            mark = min(cohort.last, upto + AHEAD)
            self._write({str(cohort.id): mark})
            self._marks[cohort.id] = mark

    async def run(
        self, clock: Clock, off_loop: Callable[[Callable[[], Any]], Awaitable[Any]]
    ) -> None:
        """A checkpoint every five minutes, or after a thousand rows of the chain."""
        last, next_at = 0, clock.monotonic()
        while True:
            seq, _ = await off_loop(self._ledger.head)
            if seq - last >= ROWS or clock.monotonic() >= next_at:
                await off_loop(self.anchor)
                last, next_at = seq, clock.monotonic() + EVERY_S
            await clock.sleep_until(clock.monotonic() + 5.0)

    def anchor(self) -> None:
        """A checkpoint of the chain as it stands."""
        with self._lock:
            self._write({})

    def _write(self, marks: dict[str, int]) -> None:
        seq, head = self._ledger.head()
        self._checkpoints.append(Checkpoint(self._wall(), seq, head.hex(), marks))


def restored(ledger: Ledger, checkpoints: Checkpoints, now: float) -> int | None:
    """Distrust a ledger that is behind its last checkpoint; None where it is not.

    What it cannot know is in doubt and its mailings are halted; the number of deliveries in
    doubt. Written to the chain and as a new checkpoint, so that it happens once.
    """
    last = checkpoints.last()
    if last is None or not last.seq or _holds(ledger, last):
        return None
    marks: dict[int, int] = {}
    for point in checkpoints.all():
        for cohort, mark in point.marks.items():
            marks[int(cohort)] = max(marks.get(int(cohort), 0), mark)
    seq, _ = ledger.head()
    reason = (
        f"the ledger ends at row {seq} of its record and a checkpoint names row {last.seq}: it "
        "was put back from a backup"
    )
    count = ledger.doubt(marks, now, reason) + ledger.doubt_letters(now, waiting=True)
    seq, head = ledger.head()
    checkpoints.append(Checkpoint(now, seq, head.hex()))
    return count


def _holds(ledger: Ledger, point: Checkpoint) -> bool:
    rows = ledger.chain(point.seq - 1, 1)
    return bool(rows) and rows[0].seq == point.seq and rows[0].hash.hex() == point.head
