"""What the drop-in guard has taken goes out: the oldest first, sealed once more, recorded.

A letter is marked on disk before its final dot; one that got no answer is in doubt and never
tried again by itself. Each run of letters shares a connection and two commits.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from severally.deliver.parcel import Parcel
from severally.deliver.records import Classify, record_of, verdict_of
from severally.guard.passing import pass_on
from severally.model.delivery import DeliveryState
from severally.model.entries import Record
from severally.model.envelope import Sealed, SmtpPayload
from severally.model.lane import Lane, Limits
from severally.model.outcome import Ending, Origin, Outcome, Reply
from severally.model.submission import Waiting
from severally.pace.limiter import Limiter, spacing_of
from severally.pace.retry import RetryPlan
from severally.ports import Clock, ConnectFailed, Connection, Ledger, Transport

RUN = 10
"""Letters sent on one connection between two commits."""
POLL_S = 1.0
"""How often the ledger is asked for what somebody else released or resumed."""
_BACKOFF = (2.0, 60.0)
_payload = msgspec.msgpack.Decoder(SmtpPayload)

Open = Callable[[Waiting], bytes]
"""A waiting letter's encrypted payload, opened."""


class Passage:
    """Sends until it is stopped. One per workspace."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        transport: Transport,
        route: str,
        limits: Limits,
        open_box: Open,
        clock: Clock,
        classify: Classify,
        retry: RetryPlan,
        rng: random.Random,
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
        told: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._transport = transport
        self._route = route
        self._width = limits.connections or 20
        self._limiter = Limiter(spacing_of(limits.rate, 0.0))
        self._open = open_box
        self._clock = clock
        self._classify = classify
        self._retry = retry
        self._rng = rng
        self._off_loop = off_loop
        self._told = told
        self._idle: dict[str, list[Connection]] = defaultdict(list)
        self._slots = asyncio.Semaphore(self._width)
        self._wake = asyncio.Event()
        self._stopping = False
        self._pause = 0.0

    def nudge(self) -> None:
        """Something new is there."""
        self._wake.set()

    def stop(self) -> None:
        """End when what is under way has ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Until stopped. Raises LedgerError and its kin."""
        await self._off_loop(lambda: self._ledger.doubt_letters(self._clock.wall()))
        try:
            while not self._stopping:
                if not await self._round():
                    await self._rest(POLL_S)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            for connection in [each for idle in self._idle.values() for each in idle]:
                await connection.close()
            await self._transport.close()

    async def _round(self) -> bool:
        """Send everything that is due; whether there was anything."""
        now = self._clock.wall()
        most = self._width * RUN
        waiting = await self._off_loop(lambda: self._ledger.letters_due(now, most))
        if not waiting:
            return False
        sealed: list[tuple[Waiting, Sealed]] = []
        refused: list[Record] = []
        for each in waiting:
            payload = _payload.decode(self._open(each))
            result = pass_on(payload, each.number).result
            if isinstance(result, Sealed):
                sealed.append((each, result))
            else:
                refused.append(Record(each.number, DeliveryState.REFUSED, text=result.reason))
        await self._drop(refused)
        async with asyncio.TaskGroup() as group:
            for run in self._runs(sealed):
                await self._slots.acquire()
                group.create_task(self._send(run))
        if self._pause:
            await self._rest(self._pause)
        return True

    async def _drop(self, refused: Sequence[Record]) -> None:
        if not refused:
            return
        numbers = [record.delivery for record in refused]
        now = self._clock.wall()
        if await self._off_loop(lambda: self._ledger.attempt_letters(numbers, now)):
            await self._off_loop(lambda: self._ledger.conclude_letters(refused, now))
            self._told(f"{len(refused):,} letters were refused before they left")

    def _runs(
        self, letters: Iterable[tuple[Waiting, Sealed]]
    ) -> Iterable[list[tuple[Waiting, Sealed]]]:
        """In order, by where they lead; one at a time where a rate holds."""
        most = 1 if self._limiter.spacing else RUN
        open_runs: dict[str, list[tuple[Waiting, Sealed]]] = {}
        for letter in letters:
            where = self._transport.endpoint(self._lane(letter[1]))
            run = open_runs.setdefault(where, [])
            run.append(letter)
            if len(run) == most:
                yield open_runs.pop(where)
        yield from open_runs.values()

    def _lane(self, sealed: Sealed) -> Lane:
        domain = sealed.payload.rcpt_to[0].rpartition("@")[2]
        return Lane(self._route, domain, Limits())

    async def _send(self, run: list[tuple[Waiting, Sealed]]) -> None:
        try:
            if self._limiter.spacing:
                await self._clock.sleep_until(self._limiter.take(self._clock.monotonic(), 1))
            await self._try(run)
        finally:
            self._slots.release()

    async def _try(self, run: list[tuple[Waiting, Sealed]]) -> None:
        first = run[0][1]
        lane = self._lane(first)
        try:
            connection = await self._connection(lane, first)
        except ConnectFailed as failed:
            await self._unreached(run, failed)
            return
        self._pause = 0.0
        numbers = [waiting.number for waiting, _ in run]
        now = self._clock.wall()
        if not await self._off_loop(lambda: self._ledger.attempt_letters(numbers, now)):
            self._idle[self._transport.endpoint(lane)].append(connection)
            return
        outcomes: dict[int, Outcome] = {}

        def report(sealed: Sealed, outcome: Outcome) -> None:
            outcomes[sealed.deliveries[0]] = outcome

        await connection.send([sealed for _, sealed in run], report)
        await self._conclude(run, outcomes)
        if connection.usable:
            self._idle[self._transport.endpoint(lane)].append(connection)
        else:
            await connection.close()

    async def _connection(self, lane: Lane, first: Sealed) -> Connection:
        idle = self._idle[self._transport.endpoint(lane)]
        while idle:
            connection = idle.pop()
            if connection.usable:
                await connection.turn_to(first)
                return connection
            await connection.close()
        return await self._transport.connect(lane, first)

    async def _unreached(self, run: list[tuple[Waiting, Sealed]], failed: ConnectFailed) -> None:
        """Nobody was reached: it waits. Where that is about these letters, it is their answer."""
        if failed.lane_wide:
            least, most = _BACKOFF
            self._pause = min(max(least, self._pause * 2), most)
            self._told(f"route {self._route}: cannot connect: {failed.reply.text or 'no answer'}")
            return
        numbers = [waiting.number for waiting, _ in run]
        now = self._clock.wall()
        if await self._off_loop(lambda: self._ledger.attempt_letters(numbers, now)):
            said = {n: Outcome(n, Ending.REPLIED, failed.reply) for n in numbers}
            await self._conclude(run, said)

    async def _conclude(
        self, run: Sequence[tuple[Waiting, Sealed]], outcomes: dict[int, Outcome]
    ) -> None:
        now = self._clock.wall()
        records = [
            self._record(waiting, sealed, outcomes.get(waiting.number), now)
            for waiting, sealed in run
        ]
        await self._off_loop(lambda: self._ledger.conclude_letters(records, now))

    def _record(
        self, waiting: Waiting, sealed: Sealed, outcome: Outcome | None, now: float
    ) -> Record:
        lane = self._lane(sealed)
        number = waiting.number
        outcome = outcome or Outcome(number, Ending.IN_DOUBT, Reply(0, "", "no outcome"))
        parcel = Parcel(sealed, number, "", 0, lane.key, waiting.attempts, waiting.first_at)
        verdict = verdict_of(outcome, Origin(lane.receiver, lane.key, ""), now, self._classify)
        return record_of(parcel, outcome, verdict, now, self._retry, self._rng)

    async def _rest(self, seconds: float) -> None:
        """Until nudged, or so long."""
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
            self._wake.clear()
