"""Threads for what waits for the disk, so that no event loop does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

COUNT = 4


class Threads:
    """Called with a function, runs it in one of its threads: what the loops of `deliver` take for
    `off_loop`. `name` is what the threads are called."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(COUNT, thread_name_prefix=name)

    async def __call__(self, call: Callable[[], T]) -> T:
        """What the call returns or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """When what is under way has ended."""
        self._pool.shutdown()
