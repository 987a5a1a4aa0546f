"""A web site on loopback that stands for every host of the Internet, and who asked it for what."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import httpx


class Website:
    """`with Website(lambda path: 404) as site:`; without a word everything is there. A status with
    a place, `(302, "/there")`, leads on."""

    def __init__(self, answers: Callable[[str], int | tuple[int, str]] | None = None) -> None:
        self.asked: list[str] = []
        site, answer_to = self, answers or (lambda path: 200)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(f"{self.headers['Host']}{self.path}")
                answer = answer_to(self.path)
                status, place = answer if isinstance(answer, tuple) else (answer, "")
                self.send_response(status)
                if place:
                    self.send_header("Location", place)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Into `asked` instead."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self._server.server_address[1]

    def __enter__(self) -> Website:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Everywhere(httpx.BaseTransport):
    """Leads every request to one site on this machine, whatever host and scheme it names. Several
    clients share it, and each closes it when it is done: so each request has a way of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        with httpx.HTTPTransport() as way:
            answer = way.handle_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read())
