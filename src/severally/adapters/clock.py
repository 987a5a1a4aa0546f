"""The system clock: the only place that reads it."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Wall time for records, monotonic time for pacing: a clock that is set does no harm."""

    def wall(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep_until(self, when: float) -> None:
        """Until `monotonic()` reaches `when`."""
        delay = when - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
