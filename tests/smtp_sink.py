"""An SMTP server in a thread that keeps what it is sent, byte for byte, and can misbehave.

Written against RFC 5321 with sockets and nothing of `src/`. A `Conduct` says what it answers;
the hostile tests replace single answers.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Received:
    """One message as it came over the wire: the envelope, and the bytes with dots unstuffed."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    message: bytes
    wire: bytes


@dataclass
class Conversation:
    """One connection, for a `Conduct` that wants to do something of its own."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    mail_from: str = ""
    rcpt_to: list[str] = field(default_factory=list)

    async def say(self, text: str | bytes) -> None:
        self.writer.write(text if isinstance(text, bytes) else text.encode() + b"\r\n")
        await self.writer.drain()


Answer = Callable[[Conversation, Received], Awaitable[bool]]
"""After the final dot: says something, or nothing; False ends the connection at once."""


async def accept(conversation: Conversation, received: Received) -> bool:
    await conversation.say("250 2.0.0 kept")
    return True


@dataclass
class Conduct:
    """What the server says. `at_dot` decides what becomes of a message it has kept. With a
    `tls` context it knows STARTTLS, whether or not it offers it among its extensions."""

    greeting: str = "220 sink.example ESMTP"
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 50000000", "SMTPUTF8")
    at_rcpt: Callable[[str], str] = lambda address: "250 2.1.5 ok"
    at_dot: Answer = accept
    tls: ssl.SSLContext | None = None


class Sink:
    """`with Sink(conduct) as sink:` listens on `sink.port`, loopback, until the block ends."""

    def __init__(
        self, conduct: Conduct | None = None, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.conduct = conduct or Conduct()
        self.address = address
        self.encrypted = 0
        self.received: list[Received] = []
        self.commands: list[str] = []
        self.connections = 0
        self.port = port
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="smtp-sink")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accepted, self.address, self.port, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._talk(Conversation(reader, writer, self.connections))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _talk(self, talk: Conversation) -> None:
        await talk.say(self.conduct.greeting)
        while line := await talk.reader.readline():
            command = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
            self.commands.append(command)
            verb = command.upper()
            if verb.startswith("EHLO"):
                lines = ["sink.example", *self.conduct.extensions]
                said = [f"250-{text}" for text in lines[:-1]] + [f"250 {lines[-1]}"]
                await talk.say("\r\n".join(said))
            elif verb.startswith("MAIL FROM:"):
                talk.mail_from, talk.rcpt_to = _path(command), []
                await talk.say("250 2.1.0 ok")
            elif verb.startswith("RCPT TO:"):
                answer = self.conduct.at_rcpt(_path(command))
                if answer.startswith("250"):
                    talk.rcpt_to.append(_path(command))
                await talk.say(answer)
            elif verb == "DATA":
                if not talk.rcpt_to:
                    await talk.say("554 5.5.1 no valid recipients")
                    continue
                await talk.say("354 go on")
                if not await self._message(talk):
                    return
            elif verb == "STARTTLS" and self.conduct.tls is not None:
                await talk.say("220 2.0.0 go on")
                await talk.writer.start_tls(self.conduct.tls)
                self.encrypted += 1
            elif verb == "QUIT":
                await talk.say("221 2.0.0 bye")
                return
            else:
                await talk.say("250 2.0.0 ok" if verb in ("RSET", "NOOP") else "502 5.5.2 what?")

    async def _message(self, talk: Conversation) -> bool:
        wire = await talk.reader.readuntil(b"\r\n.\r\n")
        body = wire[:-3]
        lines = body.split(b"\r\n")
        message = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
        received = Received(talk.mail_from, tuple(talk.rcpt_to), message, wire)
        self.received.append(received)
        return await self.conduct.at_dot(talk, received)


def _path(command: str) -> str:
    return command[command.index("<") + 1 : command.rindex(">")]
