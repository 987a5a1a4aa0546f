"""Connections: which run leaves on which, and how many are open at once.

Responsible for the connection limits of lanes and routes (exact) and for reusing
connections. Not for pacing: a run that arrives here has its slot already.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from severally.deliver.journal import Journal
from severally.deliver.parcel import Parcel, Run
from severally.model.envelope import Sealed
from severally.model.lane import Lane, Limits
from severally.model.outcome import Ending, Outcome, Reply
from severally.ports import Clock, ConnectFailed, Connection, Transport

IDLE_S = 20.0
"""Idle connections are closed after this long: shorter than the five minutes a server must
wait (RFC 5321 4.5.3.2.7), longer than a slot of the slowest lane in use."""
_MANY = 1_000_000


@dataclass(slots=True)
class _Dock:
    """A lane's runs waiting for a connection, and how many are under way."""

    lane: Lane
    limit: int
    per_connection: int
    waiting: deque[Run] = field(default_factory=deque)
    active: int = 0
    peak: int = 0


@dataclass(slots=True)
class _Berth:
    """All connections that lead to one endpoint, and the docks they serve."""

    transport: Transport
    route: str
    limit: int
    docks: deque[_Dock] = field(default_factory=deque)
    idle: list[tuple[float, Connection]] = field(default_factory=list)
    open: int = 0


class Fleet:
    """Carries runs. For each parcel of a run exactly one of these happens, then `on_done`:
    `on_outcome(parcel, outcome)`; or `on_returned(parcel)`, when nothing was tried and
    nothing was written (no connection, the mailing was halted, or it is not `in_time` any more:
    asked when there is a connection, which may have taken long)."""

    def __init__(
        self,
        transports: Mapping[str, Transport],
        routes: Mapping[str, Limits],
        journal: Journal,
        clock: Clock,
        depart: Callable[[str, float, float, int], float],
        on_outcome: Callable[[Parcel, Outcome], None],
        on_returned: Callable[[Parcel], None],
        on_done: Callable[[Run], None],
        on_unreachable: Callable[[str, Reply], None],
        in_time: Callable[[Run], bool],
    ) -> None:
        self._transports = transports
        self._routes = routes
        self._journal = journal
        self._clock = clock
        self._depart = depart
        self._on_outcome = on_outcome
        self._on_returned = on_returned
        self._on_done = on_done
        self._on_unreachable = on_unreachable
        self._in_time = in_time
        self._docks: dict[str, _Dock] = {}
        self._berths: dict[tuple[str, str], _Berth] = {}
        self._berth_of: dict[str, _Berth] = {}
        self._open: dict[str, int] = dict.fromkeys(routes, 0)
        self._wanting: dict[str, dict[int, _Berth]] = {route: {} for route in routes}
        self._tasks: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None

    def add_lane(self, lane: Lane) -> None:
        """Make room for a lane; once for each."""
        if lane.key in self._docks:
            return
        transport = self._transports[lane.route]
        limits = lane.limits
        dock = _Dock(
            lane,
            limits.connections or _MANY,
            limits.messages_per_connection
            or self._routes[lane.route].messages_per_connection
            or _MANY,
        )
        endpoint = (lane.route, transport.endpoint(lane))
        berth = self._berths.get(endpoint)
        if berth is None:
            berth = self._berths[endpoint] = _Berth(transport, lane.route, 0)
        berth.docks.append(dock)
        # an idle or closing connection is one the receiver still counts
        berth.limit = sum(each.limit for each in berth.docks)
        self._docks[lane.key] = dock
        self._berth_of[lane.key] = berth

    def put(self, run: Run) -> None:
        """Accept a run; it leaves as soon as a connection may carry it, not before its slot."""
        dock = self._docks[run.lane]
        while len(run.parcels) > dock.per_connection:
            head = run.parcels[: dock.per_connection]
            dock.waiting.append(Run(run.lane, run.cohort, run.mailing, run.at, head))
            run.parcels = run.parcels[dock.per_connection :]
        dock.waiting.append(run)
        berth = self._berth_of[run.lane]
        self._wanting[berth.route][id(berth)] = berth
        self._pump(berth)

    def connections(self, lane: str) -> int:
        """Connections that carry this lane now."""
        return self._docks[lane].active

    def peak(self, lane: str) -> int:
        """The most connections that carried this lane at once."""
        return self._docks[lane].peak

    def recall(self, mailing: str) -> None:
        """Give back every run of this mailing that waits for a connection."""
        for dock in self._docks.values():
            kept = deque(run for run in dock.waiting if run.mailing != mailing)
            for run in dock.waiting:
                if run.mailing == mailing:
                    self._return(run)
            dock.waiting = kept

    async def close(self) -> None:
        """Let runs under way end, then close every connection."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        for berth in self._berths.values():
            idle, berth.idle = berth.idle, []
            await asyncio.gather(*(connection.close() for _, connection in idle))

    def abandon(self) -> None:
        """Stop at once: what had its final dot sent will be found in doubt."""
        for task in self._tasks:
            task.cancel()

    # --- which run, on which connection

    def _pump(self, berth: _Berth) -> None:
        while (dock := self._next_dock(berth)) is not None:
            connection = self._idle(berth, len(dock.waiting[0].parcels), dock)
            if connection is None:
                if berth.open >= berth.limit or self._full(berth.route):
                    if not self._close_spare(berth):
                        return
                    continue
                berth.open += 1
                self._open[berth.route] += 1
            run = dock.waiting.popleft()
            dock.active += 1
            dock.peak = max(dock.peak, dock.active)
            task = asyncio.get_running_loop().create_task(self._carry(berth, dock, run, connection))
            self._tasks.add(task)
            task.add_done_callback(self._finished)
        if not any(dock.waiting for dock in berth.docks):
            self._wanting[berth.route].pop(id(berth), None)

    def _next_dock(self, berth: _Berth) -> _Dock | None:
        """The next lane in turn that has a run waiting and a connection to spare."""
        for _ in range(len(berth.docks)):
            dock = berth.docks[0]
            berth.docks.rotate(-1)
            if dock.waiting and dock.active < dock.limit:
                return dock
        return None

    def _idle(self, berth: _Berth, size: int, dock: _Dock) -> Connection | None:
        now = self._clock.monotonic()
        while berth.idle:
            since, connection = berth.idle.pop()
            fresh = now - since < IDLE_S and connection.usable
            if fresh and connection.sent + size <= dock.per_connection:
                return connection
            self._discard(berth, connection)
        return None

    def _full(self, route: str) -> bool:
        limit = self._routes[route].connections
        return limit is not None and self._open[route] >= limit

    def _close_spare(self, wanting: _Berth) -> bool:
        """Close an idle connection of the same route elsewhere; False where there is none."""
        for berth in self._berths.values():
            if berth is not wanting and berth.route == wanting.route and berth.idle:
                self._discard(berth, berth.idle.pop(0)[1])
                return True
        return False

    def _discard(self, berth: _Berth, connection: Connection) -> None:
        """Close in the background; it stays counted until it is closed."""

        async def close() -> None:
            try:
                await connection.close()
            finally:
                berth.open -= 1
                self._open[berth.route] -= 1
                self._pump_route(berth.route)

        task = asyncio.get_running_loop().create_task(close())
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _pump_route(self, route: str) -> None:
        for berth in list(self._wanting[route].values()):
            self._pump(berth)

    # --- one run

    async def _carry(
        self, berth: _Berth, dock: _Dock, run: Run, connection: Connection | None
    ) -> None:
        try:
            if connection is None:
                connection = await berth.transport.connect(dock.lane, run.first)
            else:
                await connection.turn_to(run.first)
            if await self._cleared(run):
                await self._send(connection, run)
        except ConnectFailed as failed:
            await self._unreached(dock, run, failed)
        finally:
            dock.active -= 1
            self._settle(berth, connection)
        # not where it failed for a reason of our own: then the mailing must not end as done
        self._on_done(run)
        self._pump_route(berth.route)

    async def _unreached(self, dock: _Dock, run: Run, failed: ConnectFailed) -> None:
        """The lane waits as a whole, or these messages alone have had their attempt."""
        if not failed.lane_wide:
            if await self._cleared(run):
                for parcel in run.parcels:
                    self._on_outcome(parcel, Outcome(parcel.delivery, Ending.REPLIED, failed.reply))
            return
        self._on_unreachable(run.lane, failed.reply)
        for parcel in run.parcels:
            self._on_returned(parcel)
        for waiting in dock.waiting:
            self._return(waiting)
        dock.waiting.clear()

    def _return(self, run: Run) -> None:
        for parcel in run.parcels:
            self._on_returned(parcel)
        self._on_done(run)

    async def _cleared(self, run: Run) -> bool:
        ids = [parcel.delivery for parcel in run.parcels]
        if self._in_time(run) and await self._journal.attempt(run.mailing, ids):
            return True
        for parcel in run.parcels:
            self._on_returned(parcel)
        return False

    async def _send(self, connection: Connection, run: Run) -> None:
        now = self._clock.monotonic()
        at = self._depart(run.lane, run.at, now, len(run.parcels))
        if at > now:
            await self._clock.sleep_until(at)
        open_ones = {id(parcel.sealed): parcel for parcel in run.parcels}

        def report(sealed: Sealed, outcome: Outcome) -> None:
            parcel = open_ones.pop(id(sealed), None)
            if parcel is not None:
                self._on_outcome(parcel, outcome)

        await connection.send([parcel.sealed for parcel in run.parcels], report)
        for parcel in list(open_ones.values()):
            # A transport that forgets one has not told us whether it sent it.
            self._on_outcome(parcel, Outcome(parcel.delivery, Ending.IN_DOUBT, Reply(0)))

    def _settle(self, berth: _Berth, connection: Connection | None) -> None:
        if connection is None:
            berth.open -= 1
            self._open[berth.route] -= 1
        elif connection.usable:
            berth.idle.append((self._clock.monotonic(), connection))
        else:
            self._discard(berth, connection)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()
