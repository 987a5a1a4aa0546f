"""One SMTP session as a receiver: bytes in, replies out, as fast as a proof needs.

Responsible for the protocol (RFC 5321, 2920 pipelining, 1870 SIZE, 6152 8BITMIME, 6531
SMTPUTF8, 2034 enhanced codes) and for answering late where the provider is slow. What is
answered is the site's decision.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from severally.sim.site import No, Site

_SIZE = 10 * 1024 * 1024
_LINE_MOST = 4096
_END = b"\r\n.\r\n"
_SETTLE_S = 0.002
"""What was closed before a connection came is seen to be closed before it counts: the order in
which one poll reports sockets is arbitrary."""


class Session(asyncio.Protocol):
    """`now` gives seconds since the world began; `sessions` holds those that are open."""

    def __init__(self, site: Site, now: Callable[[], float], sessions: set[Session]) -> None:
        self._site = site
        self._now = now
        self._sessions = sessions
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._in_data = False
        self._scanned = 0
        self._open = self._counted = False
        self._sender: str | None = None
        self._mailboxes: list[str] = []
        self._carried = 0
        self._number = 0
        self._said = 0
        self._out: list[bytes] = []
        self._due = 0.0
        self._acts: deque[Callable[[], None]] = deque()
        moods = site.provider.moods
        self._latency_s = moods.latency_s
        self._spread_s = moods.spread_s
        self._dot_s = moods.dot_s
        self._slow = bool(moods.latency_s or moods.spread_s or moods.dot_s)

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there; it counts, and is greeted, a moment later."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._sessions.add(self)
        asyncio.get_running_loop().call_later(_SETTLE_S, self._greet)

    def _greet(self) -> None:
        """Greeted, or turned away."""
        if self not in self._sessions:
            return
        self._counted = self._open = True
        self._number, no = self._site.connect()
        if no is not None:
            self._refuse(no)
            self._end()
        else:
            self._say(b"220 %s ESMTP\r\n" % self._site.provider.host.encode())
            self._read()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone."""
        self._open = False
        self._sessions.discard(self)
        if self._counted:
            self._site.disconnect()

    def abort(self) -> None:
        """The world ends."""
        self._transport_of.abort()

    def data_received(self, data: bytes) -> None:
        """Commands and messages, as many as came."""
        self._buffer += data
        self._read()
        self._flush()

    # --- reading

    def _read(self) -> None:
        while self._open and (self._message() if self._in_data else self._command()):
            pass

    def _command(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LINE_MOST:
                self._say(b"500 5.5.2 Line too long\r\n")
                self._end()
            return False
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        verb = line[:4].upper()
        action = _VERBS.get(verb)
        if action is None:
            self._say(b"500 5.5.1 Command not recognised\r\n")
        else:
            action(self, line)
        return True

    def _message(self) -> bool:
        if self._buffer.startswith(b".\r\n"):
            end, rest = 0, 3
        else:
            found = self._buffer.find(_END, self._scanned)
            if found < 0:
                self._scanned = max(0, len(self._buffer) - len(_END))
                return False
            end, rest = found + 2, found + len(_END)
        message = bytes(self._buffer[:end])
        del self._buffer[:rest]
        self._in_data = False
        self._dot(message)
        return True

    # --- the dialogue

    def _helo(self, line: bytes) -> None:
        self._reset()
        name = self._site.provider.host.encode()
        if line[:4].upper() == b"HELO":
            self._say(b"250 %s\r\n" % name)
            return
        provider = self._site.provider
        offered = [b"SIZE %d" % _SIZE, b"8BITMIME", b"ENHANCEDSTATUSCODES"]
        offered += [b"PIPELINING"] * provider.pipelining + [b"SMTPUTF8"] * provider.smtputf8
        lines = [b"250-" + each for each in (name, *offered[:-1])] + [b"250 " + offered[-1]]
        self._say(b"\r\n".join(lines) + b"\r\n")

    def _mail(self, line: bytes) -> None:
        path = _path(line)
        if path is None:
            self._say(b"501 5.5.4 Syntax: MAIL FROM:<address>\r\n")
            return
        if self._sender is not None:
            self._say(b"503 5.5.1 Error: nested MAIL command\r\n")
            return
        no = self._site.mail(self._now(), self._carried)
        if no is not None:
            self._refuse(no)
            return
        self._sender = path
        self._say(b"250 2.1.0 OK\r\n")

    def _rcpt(self, line: bytes) -> None:
        path = _path(line)
        if self._sender is None:
            self._say(b"503 5.5.1 MAIL first\r\n")
        elif path is None or "@" not in path:
            self._say(b"501 5.1.3 Syntax: RCPT TO:<address>\r\n")
        elif (no := self._site.rcpt(self._now(), path)) is not None:
            self._refuse(no)
        else:
            self._mailboxes.append(path)
            self._say(b"250 2.1.5 OK\r\n")

    def _data(self, line: bytes) -> None:
        if not self._mailboxes:
            self._say(b"503 5.5.1 No valid recipients\r\n")
            return
        no = self._site.data(self._mailboxes)
        if no is not None:
            self._refuse(no)
            return
        self._in_data = True
        self._scanned = 0
        self._say(b"354 End data with <CR><LF>.<CR><LF>\r\n")

    def _dot(self, stuffed: bytes) -> None:
        """RFC 5321 4.5.2: one leading dot is taken off each line."""
        message = stuffed.replace(b"\r\n..", b"\r\n.").removeprefix(b".")
        self._carried += 1
        no = self._site.dot(self._now(), self._mailboxes, message, self._carried)
        self._reset()
        if no is not None:
            self._refuse(no)
        elif self._slow:
            self._answer_late()
        else:
            self._say(b"250 2.0.0 OK: queued\r\n")

    def _rset(self, line: bytes) -> None:
        self._reset()
        self._say(b"250 2.0.0 OK\r\n")

    def _noop(self, line: bytes) -> None:
        self._say(b"250 2.0.0 OK\r\n")

    def _quit(self, line: bytes) -> None:
        self._say(b"221 2.0.0 Bye\r\n")
        self._end()

    def _reset(self) -> None:
        self._sender = None
        self._mailboxes = []

    # --- answering

    def _say(self, reply: bytes) -> None:
        self._out.append(reply)

    def _refuse(self, no: No) -> None:
        """Say it; 421 ends the session, and no words at all break it off."""
        if not no.reply:
            self._end()
            return
        code, _, text = no.reply.partition(" ")
        lines = text.split("\n")
        said = [f"{code}-{each}\r\n" for each in lines[:-1]] + [f"{code} {lines[-1]}\r\n"]
        self._say("".join(said).encode())
        if code == "421":
            self._end()

    def _end(self) -> None:
        """What was said still leaves; nothing more is read."""
        self._flush()
        self._open = False
        self._later(self._transport_of.close)

    def _answer_late(self) -> None:
        """The reply to a final dot, which takes its own time."""
        self._flush()
        self._site.unanswered.up()

        def answer() -> None:
            self._site.unanswered.down()
            self._write(b"250 2.0.0 OK: queued\r\n")

        self._later(answer, self._dot_s)

    def _flush(self) -> None:
        if self._out:
            said = b"".join(self._out)
            self._out.clear()
            self._later(lambda: self._write(said))

    def _write(self, said: bytes) -> None:
        """Unless the other side is gone by now."""
        if not self._transport_of.is_closing():
            self._transport_of.write(said)

    def _later(self, act: Callable[[], None], more_s: float = 0.0) -> None:
        """At once, or after the latency; never before what was said earlier."""
        if not self._slow:
            act()
            return
        loop = asyncio.get_running_loop()
        self._said += 1
        spread = self._site.chance.draw("spread", f"{self._number}/{self._said}") * self._spread_s
        self._due = max(self._due, loop.time() + self._latency_s + spread + more_s)
        self._acts.append(act)
        # timers of one moment keep no order: each does what was to be done first
        loop.call_at(self._due, lambda: self._acts.popleft()())

    @property
    def _transport_of(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport


_VERBS: dict[bytes, Callable[[Session, bytes], None]] = {
    b"EHLO": Session._helo,
    b"HELO": Session._helo,
    b"MAIL": Session._mail,
    b"RCPT": Session._rcpt,
    b"DATA": Session._data,
    b"RSET": Session._rset,
    b"NOOP": Session._noop,
    b"QUIT": Session._quit,
}


def _path(line: bytes) -> str | None:
    """The address between angle brackets, lower case; None where there is none."""
    start, end = line.find(b"<"), line.rfind(b">")
    if start < 0 or end < start:
        return None
    return line[start + 1 : end].decode("utf-8", "replace").lower()
