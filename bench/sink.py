"""Postfix's smtp-sink: takes every message and keeps none. The same for both sides."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PLACES = "/usr/sbin:/usr/lib/postfix/sbin:/usr/libexec/postfix"
_BACKLOG = "1000"


def program() -> str:
    """Where it is. Ends the run where Postfix is not installed."""
    found = shutil.which("smtp-sink", path=f"{os.environ['PATH']}:{_PLACES}")
    if found is None:
        raise SystemExit("smtp-sink is missing; it comes with Debian's postfix (make servers)")
    return found


@contextmanager
def smtp_sink() -> Iterator[int]:
    """A sink on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program(), *user, f"127.0.0.1:{port}", _BACKLOG])
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit("smtp-sink did not start")
