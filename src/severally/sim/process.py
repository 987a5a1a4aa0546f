"""The receiving world as a process of its own: it outlives a sender that is killed.

    with WorldProcess(Setting(shipped_providers(), seed=7)) as world:
        # world.port, world.resolver, world.hosts, as of world.World
        world.counts()      # cheap; unanswered = final dots without a reply yet
        world.record()      # everything kept and counted so far

Parent and child speak JSON lines over the child's standard input and output: the one who
asks is the proof, never the sender. The world ends with its parent.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from types import TracebackType
from typing import Literal

import msgspec
import uvloop

from severally.sim.record import Counts, Record
from severally.sim.world import Setting, World

_STOP_S = 10.0
_LINE_MOST = 1 << 30


class _Place(msgspec.Struct, frozen=True):
    """Where the world is."""

    port: int
    resolver: str
    hosts: dict[str, str]


class WorldProcess:
    """Started on entering, stopped on leaving. Safe to ask from several threads."""

    def __init__(self, setting: Setting) -> None:
        self.port = 0
        self.resolver = ""
        self.hosts: dict[str, str] = {}
        self._setting = setting
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> WorldProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        """Returns when every server listens. A session of its own: Ctrl-C is the sender's."""
        self._child = subprocess.Popen(
            [sys.executable, "-m", "severally.sim.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        place = msgspec.json.decode(self._ask(msgspec.json.encode(self._setting)), type=_Place)
        self.port, self.resolver, self.hosts = place.port, place.resolver, place.hosts

    def counts(self) -> dict[str, Counts]:
        """Provider -> how it stands now."""
        return msgspec.json.decode(self._ask(b"counts"), type=dict[str, Counts])

    def record(self) -> Record:
        """All that was kept and counted so far."""
        return msgspec.json.decode(self._ask(b"record"), type=Record)

    def stop(self) -> None:
        """Close its input, which ends it; what it kept is gone then, but for the spool."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None and child.stdout is not None
        child.stdin.close()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()

    def _ask(self, line: bytes) -> bytes:
        child = self._child
        if child is None:
            raise RuntimeError("the world is not running")
        assert child.stdin is not None and child.stdout is not None
        with self._lock:
            child.stdin.write(line + b"\n")
            child.stdin.flush()
            answer = child.stdout.readline()
        if not answer:
            raise RuntimeError(f"the world ended by itself (exit code {child.wait()})")
        return answer


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.StreamReader(limit=_LINE_MOST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    setting = msgspec.json.decode(await asked.readline(), type=Setting)
    async with World(setting) as world:
        _say(_Place(world.port, world.resolver, world.hosts))
        while line := await asked.readline():
            question: Literal["counts", "record"] = msgspec.convert(
                line.strip().decode(), Literal["counts", "record"]
            )
            _say(world.counts() if question == "counts" else world.record())


def _say(answer: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
