"""Starting and stopping server programs: free ports, readiness, and an end by process id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

START_S = 20.0


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], log: Path, ready: Callable[[], bool], environ: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The program in a process group of its own, from when it is ready; ended on leaving.

    Raises RuntimeError with the end of its log where it does not get ready.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **environ},
            start_new_session=True,
        )
    try:
        _await(process, log, ready)
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to its group, and SIGKILL to what is left of it after five seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def greets(port: int, address: str = "127.0.0.1") -> bool:
    """Whether an SMTP server answers there."""
    try:
        with socket.create_connection((address, port), timeout=5) as line:
            return line.recv(3) == b"220"
    except OSError:
        return False


def _await(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(f"{process.args!r} did not get ready:\n{tail}")
        time.sleep(0.05)
