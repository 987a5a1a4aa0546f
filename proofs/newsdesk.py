"""`severally serve` as a process over a workspace of its own, for the proofs of urgent messages."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proofs import workspace
from severally.client import Client

NOTICE = "sign-in-alert"
EVENT = "new_device"


def values(number: int) -> dict[str, str | int]:
    """What message `number` says."""
    moment = f"2026-11-25T08:{number % 60:02}:00Z"
    return {"first_name": f"Anna {number}", "device": "Firefox 145", "signed_in_at": moment}


def address(number: int, kind: str = "urgent") -> str:
    """Of a person who does not exist."""
    return f"{kind}.{number}@customer.example"


def number_of(to: str) -> int:
    """The inverse of `address`."""
    return int(to.partition("@")[0].rpartition(".")[2])


@dataclass
class Desk:
    """A workspace whose urgent notice is approved, and a key for it."""

    folder: Path
    key: str

    @contextlib.contextmanager
    def serving(self, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """The process and where it listens; killed where it still runs at the end."""
        log = (self.folder / "serve.log").open("a", encoding="utf-8")
        command = [workspace.SEVERALLY, "serve", "--port", str(port)]
        with log, subprocess.Popen(
            command, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=log
        ) as process:  # fmt: skip
            try:
                assert process.stdout is not None
                said = process.stdout.readline()
                found = re.search(r"http://[0-9.:]+", said)
                assert found, f"serve did not start: {said} (see {log.name})"
                yield process, found[0]
            finally:
                process.kill()

    def client(self, url: str, patience_s: float = 60.0) -> Client:
        """One that holds the key."""
        return Client(url, self.key, patience_s=patience_s)


def desk(folder: Path, ports: dict[str, int], customers: int = 12, more: str = "") -> Desk:
    """Routes `main` and, where there is a port for it, `second`; loopback SMTP."""
    route = 'type = "smtp"\nhost = "127.0.0.1"\ntls = "{tls}"\nconnections = 20\nport = {port}\n'
    tls = "starttls" if "tls" in ports else "none"
    text = route.format(port=ports["main"], tls=tls)
    if "second" in ports:
        text += "\n[routes.second]\n" + route.format(port=ports["second"], tls="none")
    names = json.dumps([name for name in ("main", "second") if name in ports])
    text += f"\n[urgent]\nroutes = {names}\nshare = 0.3\n{more}"
    workspace.make(folder, customers, text)
    workspace.severally(folder, "urgent", "approve", NOTICE)
    made = workspace.severally(
        folder, "key", "make", "proof", "--scope", "live", "--per-minute", "1000000", "--json"
    )
    return Desk(folder, json.loads(made.stdout)["secret"])
