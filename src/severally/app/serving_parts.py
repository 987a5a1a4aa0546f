"""What a part of the program adds to the long-running process, and how it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from severally.app.api.requests import Watched
from severally.app.office import Office


@dataclass
class Served:
    """What a part of the program adds to the server while it runs.

    `given`: dependencies of handlers, by name. `routers`: endpoints that need them.
    `checks` make up readiness. `stop` ends the server.
    """

    watched: Watched
    given: dict[str, Any] = field(default_factory=dict)
    routers: list[Any] = field(default_factory=list)
    checks: dict[str, Callable[[], str]] = field(default_factory=dict)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None

    def beside(self, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a loop beside the server; where it fails, the server ends and says why."""
        task = asyncio.get_running_loop().create_task(loop)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()
            self.stop.set()


Part = Callable[[Office, Served], AbstractAsyncContextManager[None]]
"""Entered before the first request, left after the last."""
