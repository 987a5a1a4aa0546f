"""One SMTP connection after its greeting: runs of messages, pipelined.

Responsible for telling exactly what happened to each message: answered, failed before the
final dot, or in doubt. Not for opening connections (`smtp`, `mx`) nor for what an answer
means (`feedback`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from severally.model.envelope import Sealed, SmtpPayload
from severally.model.outcome import Ending, Outcome, Reply
from severally.transport.replies import Garbage, ReplyParser, kept
from severally.transport.sealed import opened


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds, as RFC 5321 4.5.3.2 wants them; `connect` and `quit` are ours."""

    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0
    data: float = 120.0
    dot: float = 600.0
    quit: float = 2.0


_DOT = re.compile(rb"\r\n\.")
"""Finds them in half the time that `bytes.replace` needs."""
_NO_SMTPUTF8 = Reply(550, "5.6.7", "5.6.7 no SMTPUTF8 here, which this address needs (RFC 6531)")


class Lost(Exception):
    """The connection ended, timed out or spoke garbage."""


class SmtpConnection(asyncio.Protocol):
    """See `ports.Connection`. `extensions` are the EHLO keywords offered."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.extensions: dict[str, str] = {}
        self.sent = 0
        self._timeouts = timeouts
        self._transport: asyncio.Transport | None = None
        self._unfinished = False  # a transaction, perhaps of an earlier run: RSET goes first
        self._answered = False  # a command of the message that is under way
        self._hung_up = False  # the receiver ended it, of its own accord
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0  # of the reply that is waited for (the loop's time)
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._lost: str | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there (again, after STARTTLS)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """Replies come in."""
        try:
            self._replies.extend(self._parser.feed(data))
        except Garbage as error:
            self._lose(str(error))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone."""
        why = "the connection was closed" if exc is None else "the connection broke"
        self._lose(why, hung_up=True)
        self._disarm()
        if not self._closed.done():
            self._closed.set_result(None)
        self._wake()

    # --- ports.Connection

    @property
    def usable(self) -> bool:
        """Whether another run may be tried on it."""
        return self._lost is None

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        """Try each in order; exactly one outcome each, whatever the other side does.

        Where the connection ends before a dot, the message that was under way has failed; of
        those after it nothing is known. A receiver may end a connection that has served, between
        two messages: then none has failed. One that ends it before its first has failed that.
        """
        payloads = [opened(sealed) for sealed in run]
        done = 0

        def tell(ending: Ending, reply: Reply) -> None:
            nonlocal done
            sealed = run[done]
            done += 1
            self._answered = False
            report(sealed, Outcome(sealed.deliveries[0], ending, kept(reply)))

        try:
            await self._run(payloads, tell)
        except Lost:
            pass
        finally:
            failed = self._answered or not self._hung_up or not (done or self.sent)
            while done < len(run):
                why = Reply(0, "", self._lost or "not tried")
                tell(Ending.UNSENT if failed else Ending.UNTRIED, why)
                failed = False

    async def turn_to(self, first: Sealed) -> None:
        """It leads where it leads."""

    async def close(self) -> None:
        """QUIT, politely, within a bound."""
        if self._lost is None:
            with contextlib.suppress(Lost):
                self.write(b"QUIT\r\n")
                await self.reply(self._timeouts.quit)
        self._lose("closed")
        self._disarm()
        if self._transport is not None:
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._closed), self._timeouts.quit)
            self._transport.abort()

    # --- the dialogue

    async def _run(
        self, payloads: list[SmtpPayload], tell: Callable[[Ending, Reply], None]
    ) -> None:
        """RFC 2920: a group ends with DATA; the next group may ride on the message's end."""
        pipelining = "PIPELINING" in self.extensions
        announced = False
        for index, payload in enumerate(payloads):
            if not self._speaks(payload):
                tell(Ending.REPLIED, _NO_SMTPUTF8)
                continue
            if pipelining:
                if not announced:
                    self.write((b"RSET\r\n" if self._unfinished else b"") + self._group(payload))
                refused, go = await self._answers(self._unfinished and not announced)
            else:
                refused, go = await self._step_by_step(payload, self._unfinished)
            self._unfinished = announced = False
            if not go:
                assert refused is not None
                tell(Ending.REPLIED, refused)
                if refused.code == 421:
                    self._lose("the receiver closes the connection", hung_up=True)
                    return
                self._unfinished = True
                continue
            if refused is not None:
                # RFC 2920 3.1: DATA was let through without a recipient; nothing is said
                self.write(b".\r\n")
                await self.reply(self._timeouts.dot)
                tell(Ending.REPLIED, refused)
                continue
            following = payloads[index + 1] if index + 1 < len(payloads) else None
            rest = b""
            if pipelining and following is not None and self._speaks(following):
                rest = self._group(following)
                announced = True
            reply = await self._message(payload, rest, tell)
            if reply.code == 421:
                self._lose("the receiver closes the connection", hung_up=True)
                return

    async def _message(
        self, payload: SmtpPayload, rest: bytes, tell: Callable[[Ending, Reply], None]
    ) -> Reply:
        """Everything after 354. From the write on, silence means doubt (RFC 1047)."""
        self.write(b"".join((stuffed(payload.message), b".\r\n", rest)))
        self.sent += 1
        try:
            reply = self._in_turn(await self.reply(self._timeouts.dot), 2)
        except Lost:
            tell(Ending.IN_DOUBT, Reply(0, "", self._lost or ""))
            raise
        except asyncio.CancelledError:
            self._lose("abandoned")
            tell(Ending.IN_DOUBT, Reply(0, "", "abandoned"))
            raise
        tell(Ending.REPLIED, reply)
        return reply

    async def _answers(self, reset: bool) -> tuple[Reply | None, bool]:
        """The replies to a group: the first refusal, and whether DATA may go on."""
        if reset:
            await self.reply(self._timeouts.command)
        refused: Reply | None = None
        for _ in range(2):
            reply = self._in_turn(await self.reply(self._timeouts.command), 2)
            self._answered = True
            if reply.code >= 400 and refused is None:
                refused = reply
            if reply.code == 421:
                return refused, False
        reply = self._in_turn(await self.reply(self._timeouts.data), 3)
        if reply.code == 354:
            return refused, True
        return refused or reply, False

    async def _step_by_step(self, payload: SmtpPayload, reset: bool) -> tuple[Reply | None, bool]:
        commands = self._commands(payload)
        if reset:
            await self.command(b"RSET\r\n")
        for command in commands[:-1]:
            reply = self._in_turn(await self.command(command), 2)
            self._answered = True
            if reply.code >= 400:
                return reply, False
        reply = self._in_turn(await self.command(commands[-1]), 3)
        return (None, True) if reply.code == 354 else (reply, False)

    def _in_turn(self, reply: Reply, expected: int) -> Reply:
        """The reply, if it can stand here: a refusal, or of the class RFC 5321 4.3.2 gives.

        Otherwise replies and commands are out of step, and no later one means anything:
        a 250 in the place of 354 would pass for a message that never left. Raises Lost.
        """
        if reply.code < 400 and reply.code // 100 != expected:
            self._lose(f"the receiver answered out of turn ({reply.code})")
            raise Lost
        return reply

    def _speaks(self, payload: SmtpPayload) -> bool:
        return not payload.smtputf8 or "SMTPUTF8" in self.extensions

    def _group(self, payload: SmtpPayload) -> bytes:
        return b"".join(self._commands(payload))

    def _commands(self, payload: SmtpPayload) -> list[bytes]:
        size = b" SIZE=%d" % len(payload.message) if "SIZE" in self.extensions else b""
        utf8 = b" SMTPUTF8" if payload.smtputf8 else b""
        (recipient,) = payload.rcpt_to
        return [
            b"MAIL FROM:<%s>%s%s\r\n" % (payload.mail_from.encode(), size, utf8),
            b"RCPT TO:<%s>\r\n" % recipient.encode(),
            b"DATA\r\n",
        ]

    # --- for those who open connections

    def write(self, data: bytes) -> None:
        """Raises Lost where there is nobody to write to."""
        transport = self._transport
        if self._lost is not None or transport is None:
            raise Lost
        if transport.is_closing():  # uvloop's raises where asyncio's says nothing
            self._lose("the connection was closed", hung_up=True)
            raise Lost
        transport.write(data)

    async def command(self, line: bytes) -> Reply:
        """One command, one reply."""
        self.write(line)
        return await self.reply(self._timeouts.command)

    async def reply(self, timeout: float) -> Reply:  # noqa: ASYNC109  (a deadline per phase)
        """The next reply within so many seconds; Lost otherwise."""
        if not self._replies:
            await self._more(timeout)
        return self._replies.popleft()

    async def _more(self, seconds: float) -> None:
        """Wait for a reply. One timer serves many of them: it is only ever moved forward."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()
        try:
            while not self._replies:
                if self._lost is not None:
                    raise Lost
                self._waiter = self._loop.create_future()
                await self._waiter
        finally:
            self._waiter = None

    def _arm(self) -> None:
        self._disarm()
        self._timer = self._loop.call_at(self._deadline, self._due)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._arm()
        else:
            self._timed_out()

    def forget_input(self) -> None:
        """What came in clear text before TLS is nobody's word (RFC 3207 4.2)."""
        self._parser = ReplyParser()
        self._replies.clear()

    @property
    def transport(self) -> asyncio.Transport:
        """The socket below."""
        assert self._transport is not None
        return self._transport

    @property
    def last_lines(self) -> list[str]:
        """The lines of the last whole reply, without codes."""
        return self._parser.last_lines

    @property
    def why_lost(self) -> str:
        """Why it is not usable."""
        return self._lost or ""

    def _timed_out(self) -> None:
        self._lose("no answer in time")
        self._wake()
        if self._transport is not None:
            self._transport.abort()

    def _lose(self, why: str, hung_up: bool = False) -> None:
        if self._lost is None:
            self._lost, self._hung_up = why, hung_up

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def stuffed(message: bytes) -> bytes:
    """RFC 5321 4.5.2: a line that begins with a dot gets another; the last line ends."""
    if message.startswith(b"."):
        message = b"." + message
    message = _DOT.sub(b"\r\n..", message)
    return message if message.endswith(b"\r\n") else message + b"\r\n"
