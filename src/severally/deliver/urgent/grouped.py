"""Group commits: what several tasks want written at about the same time is written at once.

Responsible for one commit at a time, in order, and for everybody learning what became of theirs.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from severally.deliver.journal import OffLoop
from severally.model.errors import LedgerError

T = TypeVar("T")
R = TypeVar("R")

MOST = 250
"""In one commit: a larger one would make the next wait longer than the disk needs."""


class Grouped(Generic[T, R]):
    """`commit` takes a batch and answers each in order. A batch that fails fails for all in it.
    The next one is tried all the same (the disk may have room again), or with `strict` none is."""

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Sequence[R]],
        off_loop: OffLoop[Any],
        strict: bool = False,
    ) -> None:
        self._commit = commit
        self._strict = strict
        self._off_loop = off_loop
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._wake = asyncio.Event()

    def add(self, item: T) -> asyncio.Future[R]:
        """Done when the item is on disk. Raises LedgerError where it could not be written."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._wake.set()
        return future

    async def run(self) -> None:
        """Commit until cancelled, or where it is strict until a commit fails."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._written(batch)

    async def _written(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        items = [item for item, _ in batch]
        try:
            answers = await self._off_loop(functools.partial(self._commit, items))
        except LedgerError as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # who does not wait for it has been told otherwise
            if self._strict:
                raise
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
