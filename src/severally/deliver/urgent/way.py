"""One route for urgent messages: its own few connections, its own share of the rate, its breaker.

Responsible for one attempt of one message ending within its time, whatever the other side does.
Not for which route is tried next (`courier`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec

from severally.deliver.fleet import IDLE_S
from severally.model.envelope import Sealed
from severally.model.lane import Lane
from severally.model.outcome import Ending, Outcome, Reply
from severally.pace.breaker import Breaker
from severally.pace.limiter import Limiter, spacing_of
from severally.ports import Clock, ConnectFailed, Connection, Transport

CONNECT_S = 5.0
ANSWER_S = 25.0
"""For a connection, and for the whole dialogue of one message on it: together no more than the
30 s after which the next route is tried (the receiver may take the message all the same; the
same Message-ID makes that a duplicate that can be told)."""
LOOK_S = 0.5
"""How often who waits for a connection looks whether the route still is well."""


class Patience(msgspec.Struct, frozen=True):
    """How long to wait for a connection, and for an answer (seconds)."""

    connect_s: float = CONNECT_S
    answer_s: float = ANSWER_S


class Way:
    """`lane` holds the share of connections and rate that is kept for urgent messages."""

    def __init__(
        self, transport: Transport, lane: Lane, clock: Clock, patience: Patience | None = None
    ) -> None:
        self.name = lane.route
        self.breaker = Breaker()
        self._transport = transport
        self._lane = lane
        self._clock = clock
        self._patience = patience or Patience()
        self._limiter = Limiter(spacing_of(lane.limits.rate, 0.0))
        self.connections = lane.limits.connections or 8
        self._free = asyncio.Semaphore(self.connections)
        self._per_connection = lane.limits.messages_per_connection or 1_000_000
        self._idle: list[tuple[float, Connection]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._last: Sealed | None = None

    def allows(self) -> bool:
        """Whether a message may be sent over it now."""
        return self.breaker.allows(self._clock.monotonic())

    async def attempt(self, sealed: Sealed, mark: Callable[[], Awaitable[None]]) -> Outcome | None:
        """Send it once. `mark` is awaited when a connection is there, before a byte of the
        message leaves. None where the route stopped being well before it was its turn."""
        if not await self._turn():
            return None
        try:
            await self._clock.sleep_until(self._limiter.take(self._clock.monotonic(), 1))
            begun = self.breaker.begin(self._clock.monotonic())
            well = False
            try:
                outcome = await self._tried(sealed, mark)
                well = outcome.ending is Ending.REPLIED
                return outcome
            finally:
                self.breaker.end(begun, self._clock.monotonic(), well)
        finally:
            self._free.release()

    async def _turn(self) -> bool:
        """Wait for a connection to be free, for as long as the route is well."""
        while self.allows():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._free.acquire()
                    if self.allows():
                        return True
                    self._free.release()
                    return False
        return False

    async def _tried(self, sealed: Sealed, mark: Callable[[], Awaitable[None]]) -> Outcome:
        self._last = sealed
        try:
            connection = await self._connected(sealed)
        except ConnectFailed as failed:
            ending = Ending.UNSENT if failed.lane_wide else Ending.REPLIED
            return Outcome(sealed.deliveries[0], ending, failed.reply)
        outcome: Outcome | None = None
        try:
            await mark()
            outcome = await self._said(connection, sealed)
            return outcome
        finally:
            if outcome and outcome.ending is Ending.REPLIED and connection.usable:
                self._idle.append((self._clock.monotonic(), connection))
            else:
                self._drop(connection)

    async def _said(self, connection: Connection, sealed: Sealed) -> Outcome:
        """What the other side said within its time, or doubt."""
        told: list[Outcome] = []
        sending = asyncio.ensure_future(
            connection.send([sealed], lambda _, outcome: told.append(outcome))
        )
        late = False
        try:
            done, _ = await asyncio.wait([sending], timeout=self._patience.answer_s)
            late = not done
        finally:
            sending.cancel()  # harmless where it has ended
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        if late:
            ending = told[0].ending if told else Ending.IN_DOUBT
            reply = Reply(0, "", f"no answer in {self._patience.answer_s:g} s")
            return Outcome(sealed.deliveries[0], ending, reply)
        return told[0] if told else Outcome(sealed.deliveries[0], Ending.IN_DOUBT, Reply(0))

    async def _connected(self, first: Sealed) -> Connection:
        now = self._clock.monotonic()
        while self._idle:
            since, connection = self._idle.pop()
            if (
                now - since < IDLE_S
                and connection.usable
                and connection.sent < self._per_connection
            ):
                await connection.turn_to(first)
                return connection
            self._drop(connection)
        try:
            async with asyncio.timeout(self._patience.connect_s):
                return await self._transport.connect(self._lane, first)
        except TimeoutError:
            said = Reply(0, "", f"no connection in {self._patience.connect_s:g} s")
            raise ConnectFailed(said) from None

    async def probe(self) -> bool:
        """Whether a connection can be had; no message is sent."""
        if self._last is None:
            return True
        try:
            async with asyncio.timeout(self._patience.connect_s):
                connection = await self._transport.connect(self._lane, self._last)
        except (ConnectFailed, TimeoutError):
            return False
        self._drop(connection)
        return True

    def _drop(self, connection: Connection) -> None:
        """Close it, and let nobody wait for that."""
        task = asyncio.get_running_loop().create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """End every connection."""
        idle, self._idle = self._idle, []
        for _, connection in idle:
            self._drop(connection)
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._transport.close()
