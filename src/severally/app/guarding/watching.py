"""A drop-in guard for tests: it judges and answers like the real one, and sends nothing.

Code under test is pointed to it as to its provider; what would have leaked is remembered.
"""

from __future__ import annotations

import asyncio
import datetime
import socket
import threading
import uuid
from dataclasses import dataclass, field
from typing import Self

import uvicorn

from severally.app.guarding.http import Endpoints
from severally.app.guarding.smtp import submission_server
from severally.app.guarding.web import Server
from severally.deliver.desk import Handed, Taken
from severally.deliver.dialects import Dialect
from severally.guard.disclosure import NotUnderstood
from severally.submit import draft as d
from severally.submit.draft import Draft, Request, Unread, Unsupported, Why

_MOST_BYTES = 100_000_000


class AnyKey:
    """Lets everybody in: a test has no secret."""

    def lets_in(self, shown: str) -> bool:
        """Yes."""
        return True

    def lets_request_in(self, dialect: Dialect, request: Request) -> bool:
        """Yes."""
        return True


@dataclass
class Watch:
    """`with Watch() as watch:` listens on loopback at `watch.url` and `watch.smtp_port`.

    `leaks` says in words what was refused because somebody would have seen others; `problems`
    what could not be read; `drafts` are the messages that were private.
    """

    leaks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 0
    url: str = ""

    def hand_in(self, handed: Handed) -> Taken | Why:
        """Judge it, and remember."""
        try:
            found, read = handed.judge(), handed.read()
        except (NotUnderstood, Unread, Unsupported) as error:
            self.problems.append(f"{handed.way}: {error}")
            return Why(d.UNREAD, str(error))
        if not found.private:
            self.leaks.append(f"{handed.way}: {found.words()}; {handed.cure}")
            return Why(d.LEAK, f"{found.words()}; {handed.cure}")
        self.drafts += read.drafts
        ids = tuple(tuple(f"{uuid.uuid4()}@test" for _ in each.everyone) for each in read.drafts)
        return Taken("g-test", read, ids)

    def moment(self) -> datetime.datetime:
        """Any: nothing here depends on it."""
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    @property
    def recipients(self) -> list[str]:
        """Everybody who was written to, in order."""
        return [party.address for draft in self.drafts for party in draft.everyone]

    def __enter__(self) -> Self:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        web, mail = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.url = f"http://127.0.0.1:{web.getsockname()[1]}"
        self.smtp_port = mail.getsockname()[1]
        door = AnyKey()
        endpoints = Endpoints(self, door, _MOST_BYTES, lambda: None)
        server = Server(uvicorn.Config(endpoints, log_config=None, lifespan="off", ws="none"))
        factory = submission_server(self, door, "localhost", _MOST_BYTES, None, lambda: None)
        listening = await self._loop.create_server(factory, sock=mail)
        serving = asyncio.ensure_future(server.serve([web]))
        await server.listening.wait()
        self._ready.set()
        await self._stop.wait()
        listening.close()
        server.should_exit = True
        await serving
