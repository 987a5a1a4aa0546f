"""Group commits: what is about to be sent and what became of it, in one durable turn.

Responsible for the order that the promise rests on: a run is not sent before its
`attempting` is on disk, and every turn writes all outcomes known by then before it marks
anything new. Not responsible for what to send or when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from severally.model.entries import Attempts, Record, Turn, TurnResult
from severally.model.errors import SeverallyError
from severally.model.event import Event
from severally.ports import Ledger

T = TypeVar("T")
OffLoop = Callable[[Callable[[], T]], Awaitable[T]]
"""How a ledger call is made without holding the loop: in a thread, or at once in simulation."""


async def at_once(call: Callable[[], T]) -> T:
    """The OffLoop of simulations: the call is made on the loop itself."""
    return call()


class Journal:
    """Collects attempts and records and commits them, turn after turn.

    `halt_epochs` is read at each turn: the halt epoch under which a mailing is being sent.
    """

    def __init__(
        self,
        ledger: Ledger,
        off_loop: OffLoop[TurnResult],
        wall: Callable[[], float],
        halt_epochs: Mapping[str, int],
        on_halted: Callable[[frozenset[str]], None],
    ) -> None:
        self.epoch = 0
        self.turns = 0
        self._ledger = ledger
        self._off_loop = off_loop
        self._wall = wall
        self._halt_epochs = halt_epochs
        self._on_halted = on_halted
        self._records: list[Record] = []
        self._then: list[Callable[[], None]] = []
        self._events: list[Event] = []
        self._attempts: list[tuple[str, Sequence[int], asyncio.Future[bool]]] = []
        self._flushed: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._failed: SeverallyError | None = None

    def record(
        self,
        record: Record,
        event: Event | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        """To be written with the next turn, and with it what it says about the recipient. `then`
        is called when it is on disk."""
        self._records.append(record)
        if then is not None:
            self._then.append(then)
        if event is not None:
            self._events.append(event)
        self._wake.set()

    def attempt(self, mailing: str, deliveries: Sequence[int]) -> asyncio.Future[bool]:
        """Done when these are durably `attempting`; False where the mailing was halted."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._failed is not None:
            future.set_exception(self._failed)
        else:
            self._attempts.append((mailing, deliveries, future))
            self._wake.set()
        return future

    async def flush(self) -> None:
        """Wait until everything recorded so far is on disk."""
        if self._failed is not None:
            raise self._failed
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushed.append(future)
        self._wake.set()
        await future

    async def run(self) -> None:
        """Commit whenever there is something to commit. Ends only by an error or cancelling."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            records, self._records = self._records, []
            events, self._events = self._events, []
            then, self._then = self._then, []
            attempts, self._attempts = self._attempts, []
            flushed, self._flushed = self._flushed, []
            try:
                await self._turn(records, events, attempts)
            except SeverallyError as error:
                self._fail(error, attempts, flushed)
                raise
            for call in then:
                call()
            for future in flushed:
                if not future.done():
                    future.set_result(None)

    async def _turn(
        self,
        records: list[Record],
        events: list[Event],
        attempts: list[tuple[str, Sequence[int], asyncio.Future[bool]]],
    ) -> None:
        if not records and not attempts:
            return
        by_mailing: dict[str, list[int]] = {}
        for mailing, deliveries, _ in attempts:
            by_mailing.setdefault(mailing, []).extend(deliveries)
        turn = Turn(
            self.epoch,
            self._wall(),
            [Attempts(m, self._halt_epochs.get(m, -1), ids) for m, ids in by_mailing.items()],
            records,
            events,
        )
        result = await self._off_loop(lambda: self._ledger.turn(turn))
        self.turns += 1
        for mailing, _, future in attempts:
            if not future.done():
                future.set_result(mailing not in result.halted)
        if result.halted:
            self._on_halted(result.halted)

    def _fail(
        self,
        error: SeverallyError,
        attempts: list[tuple[str, Sequence[int], asyncio.Future[bool]]],
        flushed: list[asyncio.Future[None]],
    ) -> None:
        """Nothing was acknowledged: whoever waits must not send."""
        self._failed = error
        waiting: list[asyncio.Future[Any]] = [*flushed, *self._flushed]
        waiting += [future for _, _, future in (*attempts, *self._attempts)]
        for future in waiting:
            if not future.done():
                future.set_exception(error)
