"""Somebody who halts a mailing from another thread, when so many messages have come in."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import TracebackType

from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import halting
from severally.app.wiring import Wiring
from tests.smtp_sink import Conduct, Conversation, Received, Sink

_PATIENCE_S = 120.0


class Stopper(Sink):
    """`with Stopper(after) as sink:` then `sink.watch(root, reason)`: halts everything there after
    so many messages, while the sender goes on in its own process or thread."""

    def __init__(self, after: int) -> None:
        super().__init__(Conduct(at_dot=self._counted))
        self._after = after
        self._enough = threading.Event()
        self._halted = threading.Event()
        self._halting: threading.Thread | None = None
        self.failed: list[BaseException] = []

    def watch(self, root: Path, reason: str) -> None:
        """Begin to look at what comes in."""
        self._halting = threading.Thread(target=self._halt, args=(root, reason), daemon=True)
        self._halting.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        if self._halting is not None:
            self._halting.join(30)
        super().__exit__(kind, error, trace)

    async def _counted(self, talk: Conversation, received: Received) -> bool:
        if len(self.received) >= self._after:
            self._enough.set()
            # answered when it was halted: how quick this machine is decides nothing
            await asyncio.to_thread(self._halted.wait, _PATIENCE_S)
        await talk.say("250 2.0.0 kept")
        return True

    def _halt(self, root: Path, reason: str) -> None:
        self._enough.wait()
        try:
            with open_office(load(root), Wiring()) as office:
                halting.halt(office, None, True, reason)
        except BaseException as error:  # shown by the test that waits
            self.failed.append(error)
        finally:
            self._halted.set()
