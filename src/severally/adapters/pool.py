"""Benches in spawned processes, so that composing uses the other cores.

Responsible for starting, feeding and replacing the processes. Each is spawned, never
forked, holds only the keys of the mailings it works on, and ends by itself when the
process that feeds it is gone, however that ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Protocol

import msgspec

from severally.model.delivery import Claim
from severally.model.envelope import Checked
from severally.model.errors import SeverallyError


class SyncBench(Protocol):
    """One mailing's bench inside a process."""

    def work(self, claims: Sequence[Claim]) -> Sequence[Checked]: ...


Make = Callable[[Any], SyncBench]
"""A module-level function that makes a bench from its kit, inside the process."""

_claims = msgspec.msgpack.Decoder(list[Claim])
_results = msgspec.msgpack.Decoder(list[Checked])
_encode = msgspec.msgpack.Encoder().encode
_RESTARTS = 3


class BenchLost(SeverallyError):
    """Composing processes keep dying."""


def _serve(pipe: Pipe, make: Make) -> None:
    """In the process: answer batches until the feeding end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    benches: dict[str, SyncBench] = {}
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            mailing, kit = pipe.recv()
            batch = _claims.decode(pipe.recv_bytes())
            try:
                if kit is not None:
                    benches[mailing] = make(kit)
                answer = _encode(list(benches[mailing].work(batch)))
            except SeverallyError as error:
                pipe.send(str(error))
                continue
            except Exception as error:  # its text could hold a recipient's values
                pipe.send(f"composing went wrong unexpectedly ({_place(error)})")
                continue
            pipe.send(None)
            pipe.send_bytes(answer)


def _place(error: Exception) -> str:
    """`KeyError in compositor.py:93`: where to look, and nothing of anybody's."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"


class _Worker:
    """One process and the thread that feeds it."""

    def __init__(
        self, make: Make, kit_of: Callable[[str], Any], jobs: queue.SimpleQueue[Any]
    ) -> None:
        self._make = make
        self._kit_of = kit_of
        self._jobs = jobs
        self._restarts = 0
        self._start()
        self.thread = threading.Thread(target=self._feed, daemon=True, name="severally-bench")
        self.thread.start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._known: set[str] = set()
        self.process = context.Process(
            target=_serve, args=(theirs, self._make), daemon=True, name="severally-bench"
        )
        self.process.start()
        theirs.close()

    def _feed(self) -> None:
        while (job := self._jobs.get()) is not None:
            mailing, claims, loop, future = job
            try:
                result = self._ask(mailing, claims)
            except Exception as error:
                _resolve(loop, future, None, error)
            else:
                _resolve(loop, future, result, None)
        self._pipe.close()

    def _ask(self, mailing: str, claims: bytes) -> list[Checked]:
        """A batch whose process dies is composed again by a new one: nothing was sent."""
        while True:
            try:
                kit = None if mailing in self._known else self._kit_of(mailing)
                self._pipe.send((mailing, kit))
                self._pipe.send_bytes(claims)
                problem = self._pipe.recv()
                if problem is not None:
                    raise SeverallyError(problem)
                self._known.add(mailing)
                return _results.decode(self._pipe.recv_bytes())
            except (EOFError, OSError) as error:
                self._restarts += 1
                if self._restarts > _RESTARTS:
                    raise BenchLost(
                        f"composing processes died {self._restarts} times "
                        f"(last exit code {self.process.exitcode}); is there enough memory?"
                    ) from error
                self.process.join()
                self._start()


def _resolve(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    result: Any,
    error: Exception | None,
) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
        loop.call_soon_threadsafe(settle)


class PoolBench:
    """`ports.Bench` over processes. `kit_of(mailing)` is sent to each process once.

    `make` must be importable by name in a spawned process.
    """

    def __init__(self, make: Make, kit_of: Callable[[str], Any], processes: int) -> None:
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._workers = [_Worker(make, kit_of, self._jobs) for _ in range(processes)]

    @property
    def width(self) -> int:
        """How many batches it can work on at once."""
        return len(self._workers)

    @property
    def pids(self) -> list[int]:
        """Process ids, for measuring."""
        return [worker.process.pid or 0 for worker in self._workers]

    async def work(self, mailing: str, claims: Sequence[Claim]) -> Sequence[Checked]:
        """Compose and seal a batch in one of the processes."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[Checked]] = loop.create_future()
        self._jobs.put((mailing, _encode(claims), loop, future))
        return await future

    async def close(self) -> None:
        """End the processes; batches under way are finished first."""
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            await asyncio.to_thread(worker.thread.join)
            await asyncio.to_thread(worker.process.join)
