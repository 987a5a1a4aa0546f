"""How a long-running verb is told to end: by a signal, or because its time has come."""

from __future__ import annotations

import asyncio
import signal


def told_to_end(until: float | None, now: float) -> asyncio.Event:
    """Set by SIGINT or SIGTERM, or at `until` (Unix seconds); for the loop that runs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until is not None:
        loop.call_later(max(0.0, until - now), stop.set)
    return stop
