"""The machine's own figure in an estimate: measured on the notice at hand, never assumed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bench import workspace

from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import capacity, drafts
from severally.app.wiring import Wiring


class Steps:
    """A clock that moves on by so much whenever it is looked at (seconds)."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.at = 0.0

    def wall(self) -> float:
        return self.at

    def monotonic(self) -> float:
        self.at += self.step
        return self.at

    async def sleep_until(self, when: float) -> None:
        self.at = when


def measured(root: Path, step: float, processes: int, signed: bool = False) -> float:
    bench = workspace.make(root, 1, 'type = "discard"\n', signed=signed, processes=processes)
    wiring = dataclasses.replace(Wiring(), clock=Steps(step))
    with open_office(load(bench.root), wiring) as office:
        frozen = drafts.freeze(office, drafts.compiled(office, workspace.NOTICE), "main")
        return capacity.per_second(office, frozen)


def test_a_machine_twice_as_slow_takes_twice_as_long(tmp_path: Path) -> None:
    fast = measured(tmp_path / "fast", 0.001, 1)
    slow = measured(tmp_path / "slow", 0.002, 1)
    assert fast / slow == 2


def test_more_processes_than_cores_make_no_more(tmp_path: Path) -> None:
    assert measured(tmp_path / "a", 0.001, 1) <= measured(tmp_path / "b", 0.001, 64)
    assert measured(tmp_path / "c", 0.001, 64) == measured(tmp_path / "d", 0.001, 128)


def test_a_clock_that_stands_still_ends_it_all_the_same(tmp_path: Path) -> None:
    assert measured(tmp_path / "w", 0.0, 1, signed=True) > 0
