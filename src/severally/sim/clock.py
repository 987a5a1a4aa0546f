"""A clock that jumps: an event loop on which waiting takes no time.

Responsible for virtual time and for determinism: whatever is due next happens next, in the
order in which it was asked for. Not for what happens: real loops, real state, no threads.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Stuck(Exception):
    """Everybody waits and nothing is due: on a real clock this would hang for ever."""


class _Jump(selectors.SelectSelector):
    """Never waits for files: the time asked for has passed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing is due and nobody can wake anybody: a deadlock")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop with another idea of time. Files, signals and threads are not heard."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jump.now


class VirtualClock:
    """`ports.Clock` on a virtual loop. `started` is the Unix second of its beginning."""

    def __init__(self, loop: asyncio.AbstractEventLoop, started: float = 1_800_000_000.0) -> None:
        self._loop = loop
        self.ahead = started

    def wall(self) -> float:
        """Unix seconds; `ahead` may be changed, as people set clocks."""
        return self.ahead + self._loop.time()

    def monotonic(self) -> float:
        """Seconds since the loop was made; unmoved when somebody sets the clock."""
        return self._loop.time()

    async def sleep_until(self, when: float) -> None:
        """Until `monotonic()` reaches `when`."""
        delay = when - self._loop.time()
        if delay > 0:
            await asyncio.sleep(delay)


def run_virtually(main: Callable[[VirtualClock], Awaitable[T]]) -> T:
    """Run `main(clock)` to its end on virtual time. Raises Stuck where it would hang."""

    async def begin() -> T:
        return await main(VirtualClock(asyncio.get_running_loop()))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(begin())
