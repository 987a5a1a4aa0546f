"""The providers' endpoints, as one ASGI application.

Responsible for reading a request whole, within its limit, and answering in the provider's own
form. What may pass is the desk's business.
"""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from severally.deliver.desk import Handed, Taken
from severally.deliver.dialects import DIALECTS, Dialect
from severally.submit import draft as d
from severally.submit.draft import Answer, Request, Why

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_UNKNOWN = Answer(404, b'{"message": "the guard does not know this endpoint"}')
_HEALTH = Answer(200, b'{"status": "ok"}')


class Doorkeeper(Protocol):
    """Who is let in."""

    def lets_in(self, shown: str) -> bool:
        """By a key that is shown."""
        ...

    def lets_request_in(self, dialect: Dialect, request: Request) -> bool:
        """By the provider's own way of signing in."""
        ...


class Taker(Protocol):
    """The desk, or what stands in for it in a test."""

    def hand_in(self, handed: Handed) -> Taken | Why:
        """Judge it, keep it, say what became of it. Never raises."""
        ...

    def moment(self) -> datetime.datetime:
        """Now."""
        ...


class Endpoints:
    """ASGI. `taken` is called after something was kept."""

    def __init__(
        self, desk: Taker, door: Doorkeeper, most_bytes: int, taken: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._door = door
        self._most_bytes = most_bytes
        self._taken = taken

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, one answer."""
        if scope["type"] != "http":
            return
        request = Request(scope["method"], scope["path"], self._headers(scope), b"")
        if request.path == "/health":
            await _answer(send, _HEALTH)
            return
        dialect = next((each for each in DIALECTS if each.matches(request)), None)
        if dialect is None:
            await _answer(send, _UNKNOWN)
            return
        body = await self._body(receive)
        if body is None:
            why = Why(d.TOO_LARGE, f"more than {self._most_bytes:,} bytes")
            await _answer(send, dialect.refused(request, why))
            return
        whole = Request(request.method, request.path, request.headers, body)
        await _answer(send, await self._respond(dialect, whole))

    async def _respond(self, dialect: Dialect, request: Request) -> Answer:
        if not self._door.lets_request_in(dialect, request):
            why = Why(d.UNSIGNED, "the key is not one of those the guard was given")
            return dialect.refused(request, why)
        if request.headers.get("content-encoding", "identity") != "identity":
            return dialect.refused(request, Why(d.UNREAD, "a compressed body; send it plain"))
        key = request.headers.get("idempotency-key", "")
        once = f"{key}|{hashlib.sha256(request.body).hexdigest()}" if key else ""
        handed = Handed(
            dialect.name,
            dialect.cure,
            lambda: dialect.judge(request),
            lambda: dialect.read(request),
            f"{dialect.name}|{once}" if once else "",
        )
        result = await asyncio.to_thread(self._desk.hand_in, handed)
        if not isinstance(result, Taken):
            return dialect.refused(request, result)
        self._taken()
        return dialect.accepted(request, result.read, result.ids)

    async def _body(self, receive: Receive) -> bytes | None:
        """None where it is too large: the rest is not read."""
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._most_bytes:
                return None
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces)

    def _headers(self, scope: Message) -> dict[str, str]:
        """Lower-case names; one that stands twice is joined, as RFC 9110 5.3 has it."""
        found: dict[str, str] = {}
        for raw, value in scope["headers"]:
            name, said = raw.decode("latin-1").lower(), value.decode("latin-1")
            found[name] = f"{found[name]}, {said}" if name in found else said
        found["x-received-at"] = email.utils.format_datetime(self._desk.moment())
        return found


async def _answer(send: Send, answer: Answer) -> None:
    headers = [("content-type", "application/json"), *answer.headers]
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    raw.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})
