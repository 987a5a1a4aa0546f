"""Urgent messages on virtual time: the real courier and ledger, routes whose moods a test sets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from severally.app.wiring import judging
from severally.deliver.journal import at_once
from severally.deliver.urgent.courier import Courier, Watch
from severally.deliver.urgent.way import Way
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import DeliveryState
from severally.model.envelope import Sealed
from severally.model.lane import Lane, Limits
from severally.model.outcome import Ending, Outcome, Reply
from severally.model.urgent import Caps, Flood, KeyScope, Standing, Tracked, Urgent
from severally.ports import ConnectFailed
from severally.sim.clock import VirtualClock, run_virtually
from tests.virtual import QuickBench

T = TypeVar("T")
LASTS_S = 1800.0


@dataclass
class Route:
    """A way out. `mood`: well, down, deaf (takes connections, never answers), slow, later,
    refusing, no_such, full; `taken` are the idents it accepted, `tried` those it was shown."""

    clock: VirtualClock
    mood: str = "well"
    taken: list[int] = field(default_factory=list)
    tried: list[int] = field(default_factory=list)
    connections: int = 0
    peak: int = 0

    def endpoint(self, lane: Lane) -> str:
        return lane.route

    async def connect(self, lane: Lane, first: Sealed) -> Line:
        if self.mood == "down":
            raise ConnectFailed(Reply(0, "", "connection refused"))
        if self.mood == "greets_badly":
            raise ConnectFailed(Reply(554, "", "not now"))
        if self.mood == "hanging":
            await asyncio.sleep(600)
        self.connections += 1
        self.peak = max(self.peak, self.connections)
        return Line(self)

    async def close(self) -> None:
        pass


@dataclass
class Line:
    """One connection of a route."""

    route: Route
    usable: bool = True
    sent: int = 0

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        (sealed,) = run
        (ident,) = sealed.deliveries
        self.route.tried.append(ident)
        self.sent += 1
        ending, reply = await self._answer()
        if ending is Ending.REPLIED and reply.code == 250:
            self.route.taken.append(ident)
        self.usable = ending is Ending.REPLIED
        report(sealed, Outcome(ident, ending, reply))

    async def _answer(self) -> tuple[Ending, Reply]:
        mood = self.route.mood
        if mood == "deaf":
            await asyncio.sleep(600)
        if mood == "slow":
            await asyncio.sleep(4)
        if mood == "garbage":
            return Ending.UNSENT, Reply(0, "", "the receiver answered out of turn")
        if mood == "breaking":
            return Ending.IN_DOUBT, Reply(0, "", "the connection broke")
        await asyncio.sleep(0.01)
        code, text = _SAYS.get(mood, (250, "2.0.0 ok"))
        return Ending.REPLIED, Reply(code, text.split(" ")[0], text)

    async def turn_to(self, first: Sealed) -> None:
        pass

    async def close(self) -> None:
        self.route.connections -= 1


_SAYS = {
    "later": (451, "4.3.0 try again later"),
    "refusing": (554, "5.7.1 relay access denied"),
    "no_such": (550, "5.1.1 no such user"),
}


@dataclass
class Office:
    """What a test works with."""

    clock: VirtualClock
    ledger: MemoryLedger
    first: Route
    second: Route
    courier: Courier
    ended: list[tuple[int, DeliveryState, str, float]]

    def ask(self, *numbers: int, caps: Caps | None = None, **fields: Any) -> None:
        """Accept messages and hand over what is due, as the intake does."""
        batch = [(self.message(n, **fields), caps or Caps()) for n in numbers]
        for (urgent, _), answer in zip(
            batch, self.ledger.accept_urgent(batch, claimed=True), strict=True
        ):
            if answer.state is DeliveryState.CLAIMED:
                self.courier.take(Tracked(urgent, Standing(answer.state)))

    def message(self, number: int, **fields: Any) -> Urgent:
        now = self.clock.wall()
        values: dict[str, Any] = {
            "person": b"%16d" % number,
            "event": "reset",
            "scope": KeyScope.LIVE,
            "expires_at": now + LASTS_S,
            "due": now,
        } | fields
        return Urgent(
            ident=number, digest="d", exempt=True, key="k", reference="", idem=b"%d" % number,
            body=b"", salt=b"", box=b"", accepted_at=now, **values,
        )  # fmt: skip

    async def after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def state(self, number: int) -> DeliveryState:
        found = self.ledger.urgent(number)
        assert found is not None
        return found.standing.state

    def story(self, number: int) -> list[tuple[str, str]]:
        return [(each.what, each.route) for each in self.ledger.urgent_happenings(number)]


def with_courier(
    test: Callable[[Office], Awaitable[T]],
    *,
    limits: Limits = Limits(connections=3),  # noqa: B008 - frozen
    ledger: MemoryLedger | None = None,
) -> T:
    """Run a test beside a courier with two routes, on virtual time."""

    async def main(clock: VirtualClock) -> T:
        record = ledger or MemoryLedger()
        routes = [Route(clock), Route(clock)]
        ways = [
            Way(route, Lane(name, "", limits), clock)
            for name, route in zip(("first", "second"), routes, strict=True)
        ]
        ended: list[tuple[int, DeliveryState, str, float]] = []
        courier = Courier(
            ledger=record,
            bench=QuickBench(),
            ways=ways,
            classify=judging(),
            clock=clock,
            off_loop=at_once,
            rng=random.Random(7),
            fold=told_as_it_is,
            flood_after_s=60.0,
            watch=Watch(ended=lambda u, s, r, t: ended.append((u.ident, s, r, t))),
        )
        running = asyncio.ensure_future(courier.run())
        try:
            await asyncio.sleep(0)
            return await test(Office(clock, record, *routes, courier, ended))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    return run_virtually(main)


def told_as_it_is(flood: Flood, now: float) -> Urgent:
    return flood.newest
