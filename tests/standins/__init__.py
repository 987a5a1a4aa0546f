"""A provider on loopback: takes a request, writes the messages its documentation says it would
write, and misbehaves as it is told to. Shares no code with the program; stdlib only."""

from __future__ import annotations

import email.policy
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.oracle import Received


@dataclass(frozen=True)
class Call:
    """One request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Act:
    """How one request is treated. `acts`: the messages are written. `answers`: something is
    said; else the connection is cut. `status` 0: as documented. `wait`: before it is answered."""

    acts: bool = True
    answers: bool = True
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    said: Any = None
    wait: threading.Event | None = None


WELL = Act()
CUT = Act(answers=False)
"""Acted upon, and the connection is gone before an answer."""


class Refused(Exception):
    """A request the provider turns down whole, in its own words."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(str(status))
        self.status, self.said = status, said


Expand = Callable[[Call], tuple[Sequence[Received], int, Any]]
"""The messages of a request, and the documented answer. Raises Refused."""


class StandIn:
    """`with StandIn(expand) as provider:`; `provider.url`, `.calls`, `.received`.

    `conduct(number, call)` says how the request of that number (from 1) is treated.
    """

    def __init__(self, expand: Expand, conduct: Callable[[int, Call], Act] | None = None) -> None:
        self.calls: list[Call] = []
        self.received: list[Received] = []
        self.keys: dict[str, tuple[int, Any]] = {}
        self.busiest = 0
        self._now = 0
        self._expand = expand
        self._conduct = conduct or (lambda number, call: WELL)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(60)
        self._server.server_close()

    def take(self, call: Call) -> tuple[int, Mapping[str, str], Any] | None:
        """The answer, or None where the connection is to be cut."""
        with self._lock:
            self.calls.append(call)
            number = len(self.calls)
            self._now += 1
            self.busiest = max(self.busiest, self._now)
        try:
            act = self._conduct(number, call)
            status, said = self._acted(call) if act.acts else (act.status, act.said)
            if act.wait is not None:
                act.wait.wait(60)
        finally:
            with self._lock:
                self._now -= 1
        if not act.answers:
            return None
        if act.status:
            status, said = act.status, act.said
        return status, act.headers, said

    def _acted(self, call: Call) -> tuple[int, Any]:
        key = call.headers.get("idempotency-key", "")
        with self._lock:
            if key and key in self.keys:
                return self.keys[key]
            try:
                received, status, said = self._expand(call)
            except Refused as refused:
                return refused.status, refused.said
            self.received += received
            self.keys[key] = status, said
            return status, said


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # who is turned away there would be a fault that nobody asked for

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever called is gone: that is what was wanted."""


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = standin.take(Call("POST", self.path, headers, body))
            if answer is None:
                self.close_connection = True
                return
            status, more, said = answer
            data = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


def letter(
    box: str,
    sender: str,
    subject: str,
    text: str,
    html: str,
    headers: Mapping[str, str],
    shown: Sequence[str],
    reply_to: str = "",
) -> Received:
    """The message a provider writes for one mailbox; `shown` stand in its To field."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(shown)
    message["Subject"] = subject
    if "message-id" not in {name.lower() for name in headers}:
        message["Message-ID"] = f"<{uuid.uuid4()}@exchange.example>"
    if reply_to:
        message["Reply-To"] = reply_to
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    for name, value in headers.items():
        message[name] = value
    return Received(box, message.as_bytes(policy=email.policy.SMTP))


def named(name: str, address: str) -> str:
    return f'"{name}" <{address}>' if name else address


def pairs(values: Sequence[Mapping[str, str]], name: str, value: str) -> dict[str, str]:
    """A list of name and value objects as one mapping."""
    return {each[name]: each[value] for each in values}


def every(calls: Sequence[Call]) -> Iterator[Any]:
    """The bodies of these calls as JSON."""
    return (json.loads(call.body) for call in calls)
