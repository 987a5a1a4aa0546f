"""A drop-in guard in a thread, its relay a sink: what programs send to it, and what arrives."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Self

from severally.app.config import load
from severally.app.guarding.serving import serving
from severally.app.office import Office, open_office
from severally.app.wiring import Wiring
from severally.model.delivery import OPEN, DeliveryState
from tests.servers.authority import Certified
from tests.smtp_sink import Conduct, Received, Sink
from tests.workshop import Ran, run

KEY = "SG.a-key-the-program-has-already"
SETTINGS = """\
[workspace]
purpose = "trial"

[routes.main]
type = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
connections = 4

[retries]
first = "1s"

[guard]
http = "127.0.0.1:0"
smtp = "127.0.0.1:0"
keys_file = "keys/guard.keys"
{more}
"""


class Guarded:
    """`with Guarded(folder) as guard:`; programs use `guard.url`, `guard.smtp` and KEY."""

    patience_s = 60.0

    def __init__(
        self,
        root: Path,
        more: str = "",
        conduct: Conduct | None = None,
        tls: Certified | None = None,
        wiring: Wiring | None = None,
    ) -> None:
        self.root = root
        self.sink = Sink(conduct)
        self.lines: list[str] = []
        self._more = more
        self._tls = tls
        self._wiring = wiring or Wiring()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="guard")

    def __enter__(self) -> Self:
        self.sink.__enter__()
        assert run("init", self.root).code == 0
        more = self._more
        if self._tls is not None:
            more += f'\ntls_cert = "{self._tls.certificate}"\ntls_key = "{self._tls.key}"'
        settings = SETTINGS.format(port=self.sink.port, more=more)
        (self.root / "severally.toml").write_text(settings)
        keys = self.root / "keys" / "guard.keys"
        keys.touch(mode=0o600)
        keys.write_text(f"{KEY}\n")
        self._thread.start()
        assert self._ready.wait(60)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        if self._failure is None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive()
        self.sink.__exit__()

    def _run(self) -> None:
        try:
            with open_office(load(self.root), self._wiring) as self.office:
                asyncio.run(self._serve(self.office))
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self, office: Office) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(office, self.lines.append) as self.where:
            self._ready.set()
            await self._stop.wait()

    # --- for programs

    @property
    def authority(self) -> Path | None:
        """Whose certificate it shows, where it does TLS."""
        return None if self._tls is None else self._tls.ca

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.where.http_port}"

    @property
    def smtp(self) -> int:
        return self.where.smtp_port

    # --- for the judge

    def settled(self) -> list[Received]:
        """What the relay got, once nothing more is going to leave by itself."""
        until = time.monotonic() + self.patience_s
        while any(self.count(state) for state in OPEN - {DeliveryState.HELD}):
            assert time.monotonic() < until, self.office.ledger.letter_counts()
            time.sleep(0.01)
        return list(self.sink.received)

    def count(self, state: DeliveryState) -> int:
        return self.office.ledger.letter_counts().get(state, 0)

    def verb(self, *arguments: str) -> Ran:
        return run("--workspace", self.root, *arguments)


def people(count: int, domain: str = "customer.example") -> list[str]:
    return [f"c{number}@{domain}" for number in range(count)]


def environment() -> dict[str, str]:
    """This process's, without proxies: everything here is on loopback."""
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
