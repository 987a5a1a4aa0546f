"""The order that every promise rests on: `attempting` is on disk before anything may leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from severally.deliver.journal import Journal
from severally.model.delivery import DeliveryState
from severally.model.entries import Record, Turn, TurnResult
from severally.model.errors import LedgerError
from severally.ports import Ledger


class Disk:
    """Takes turns, and acknowledges one only when it is told that the disk is done."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.done = asyncio.Event()
        self.halted: frozenset[str] = frozenset()
        self.broken = False

    def turn(self, turn: Turn) -> TurnResult:
        if self.broken:
            raise LedgerError("the disk is full")
        self.turns.append(turn)
        return TurnResult(self.halted)

    async def off_loop(self, call: Callable[[], Any]) -> Any:
        result = call()
        await self.done.wait()
        return result


@contextlib.asynccontextmanager
async def journal(disk: Disk, heard: list[frozenset[str]] | None = None) -> AsyncIterator[Journal]:
    ledger: Ledger = disk  # type: ignore[assignment]  # of a ledger it needs `turn` alone
    said = heard if heard is not None else []
    one = Journal(ledger, disk.off_loop, lambda: 7.0, {"m": 3}, said.append)
    one.epoch = 5
    work = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def a_while() -> None:
    """Everything that can go on without the disk has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_nobody_may_send_before_the_disk_has_answered() -> None:
    async def course() -> None:
        disk = Disk()
        async with journal(disk) as one:
            cleared = one.attempt("m", [1, 2])
            await a_while()
            assert [list(each.deliveries) for each in disk.turns[0].attempts] == [[1, 2]]
            assert not cleared.done()
            disk.done.set()
            assert await cleared is True
        assert (disk.turns[0].epoch, disk.turns[0].attempts[0].halt_epoch) == (5, 3)

    asyncio.run(course())


def test_a_halted_mailing_is_not_cleared() -> None:
    async def course() -> None:
        disk, heard = Disk(), list[frozenset[str]]()
        disk.halted = frozenset({"m"})
        disk.done.set()
        async with journal(disk, heard) as one:
            first, other = one.attempt("m", [1]), one.attempt("n", [2])
            assert (await first, await other) == (False, True)
        assert heard == [frozenset({"m"})]

    asyncio.run(course())


def test_what_came_meanwhile_goes_into_one_turn_with_its_records() -> None:
    async def course() -> None:
        disk = Disk()
        async with journal(disk) as one:
            one.attempt("m", [1])
            await a_while()
            record = Record(1, DeliveryState.ACCEPTED, 250)
            one.record(record)
            later = [one.attempt("m", [n]) for n in (2, 3)]
            await a_while()
            assert len(disk.turns) == 1
            disk.done.set()
            assert await asyncio.gather(*later) == [True, True]
        assert list(disk.turns[1].records) == [record]
        assert [list(each.deliveries) for each in disk.turns[1].attempts] == [[2, 3]]

    asyncio.run(course())


def test_a_disk_that_fails_clears_nobody_now_or_later() -> None:
    async def course() -> None:
        disk = Disk()
        disk.broken = True
        async with journal(disk) as one:
            waiting = one.attempt("m", [1])
            flushed = asyncio.create_task(one.flush())
            with pytest.raises(LedgerError):
                await waiting
            with pytest.raises(LedgerError):
                await one.attempt("m", [2])
            with pytest.raises(LedgerError):
                await flushed
        assert disk.turns == []

    asyncio.run(course())
