"""A whole mailing on virtual time: the real sending loop and ledger, a virtual world.

The bench here seals without composing: these tests are about when, not about what.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from severally.app.wiring import judging
from severally.deliver.journal import OffLoop, at_once
from severally.deliver.progress import Progress
from severally.deliver.sending import Deliverer
from severally.deliver.settings import Settings
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import Claim, DeliveryState
from severally.model.envelope import Sealed, SmtpPayload, payload_digest
from severally.model.lane import Lane, Limits
from severally.model.mailing import Mailing, MailingState
from severally.model.schedule import Schedule
from severally.pace.scheduler import Settings as Pacing
from severally.ports import Ledger
from severally.ports.lanes import LaneMemory
from severally.sim.clock import VirtualClock, run_virtually
from severally.sim.virtual import Counts, Receiver, VirtualWorld
from tests import ledger_samples

EXACT = Settings(pacing=Pacing(jitter_s=0.0), progress_s=5.0, poll_s=1.0)
"""Nothing is late on a virtual clock."""


class QuickBench:
    """Seals every claim with a payload of a few bytes."""

    width = 2

    async def work(self, mailing: str, claims: Sequence[Claim]) -> Sequence[Sealed]:
        sealed = []
        for claim in claims:
            payload = SmtpPayload("b@exchange.example", (f"{claim.delivery}@x.example",), b"hello")
            sealed.append(Sealed((claim.delivery,), payload, payload_digest(payload)))
        return sealed

    async def close(self) -> None:
        pass


@dataclass
class Result:
    """What happened. `counts` are the world's own, `states` the ledger's."""

    ledger: Ledger
    counts: Mapping[str, Counts]
    states: dict[DeliveryState, int]
    elapsed: float
    finish: dict[str, float]
    pictures: list[Progress] = field(default_factory=list)

    @property
    def taken(self) -> Counter[int]:
        """How often each delivery was taken by anybody."""
        return Counter(d for counts in self.counts.values() for d in counts.taken)


def put_audience(
    ledger: Ledger, sizes: Mapping[str, int], name: str = "a-1", zones: Sequence[str] = ("",)
) -> None:
    """`sizes`: recipients per receiver, who live in `zones` in turn."""
    staging = ledger.stage(name)
    number = 0
    for receiver, count in sizes.items():
        numbers = range(number, number + count)
        staging.add([ledger_samples.row(n, receiver, zone=zones[n % len(zones)]) for n in numbers])
        number += count
    staging.freeze("customers.csv", 1000.0)


class Crash(Exception):
    """The power goes out: what was claimed or attempted is found by whoever comes next."""


def crash(one: Deliverer) -> None:
    """Nothing is tidied up."""
    one._fleet.failure = one._fleet.failure or Crash()
    one._wake.set()


Meddle = Callable[[VirtualClock, Ledger, Deliverer], Awaitable[None]]


def disk(clock: VirtualClock, seed: int, most_s: float) -> OffLoop[Any]:
    """Calls that are made side by side, as from several threads: none waits for one before it."""
    rng = random.Random(seed)

    async def call_later(call: Callable[[], Any]) -> Any:
        await clock.sleep_until(clock.monotonic() + rng.uniform(0.0, most_s))
        result = call()
        await clock.sleep_until(clock.monotonic() + rng.uniform(0.0, most_s))
        return result

    return call_later


def deliverer(
    ledger: Ledger,
    clock: VirtualClock,
    world: VirtualWorld,
    limits: Mapping[str, Limits],
    settings: Settings,
    seed: int,
    route: Limits,
    listen: Callable[[Progress], None],
    memory: LaneMemory | None = None,
    disk_s: float = 0.0,
) -> Deliverer:
    def lane_of(mailing: Mailing, receiver: str) -> Lane:
        return Lane(mailing.route, receiver, limits.get(receiver, Limits()))

    return Deliverer(
        ledger=ledger,
        bench=QuickBench(),
        transports={"main": world},
        lane_of=lane_of,
        clock=clock,
        classify=judging(),
        routes={"main": route},
        settings=settings,
        rng=random.Random(seed),
        listen=listen,
        off_loop=disk(clock, seed, disk_s) if disk_s else at_once,
        memory=memory,
    )


def send(
    sizes: Mapping[str, int],
    limits: Mapping[str, Limits],
    receivers: Mapping[str, Receiver] | None = None,
    *,
    settings: Settings = EXACT,
    seed: int = 0,
    route: Limits = Limits(),  # noqa: B008 - frozen
    ledger: Ledger | None = None,
    meddle: Meddle | None = None,
    until: float | None = None,
    memory: LaneMemory | None = None,
    disk_s: float = 0.0,
) -> Result:
    """One mailing from the first claim to its end. `until`: seconds from the start; `disk_s`: how
    long the ledger takes at most to begin with a call, and then to say that it is done."""
    record = ledger or MemoryLedger()
    if ledger is None:
        put_audience(record, sizes)
        ledger_samples.mailing(record)
    pictures: list[Progress] = []

    async def main(clock: VirtualClock) -> Result:
        world = VirtualWorld(receivers or {}, clock, seed)
        told = pictures.append
        one = deliverer(record, clock, world, limits, settings, seed, route, told, memory, disk_s)
        side = asyncio.ensure_future(meddle(clock, record, one)) if meddle else None
        with contextlib.suppress(Crash):
            await one.run(["m-1"], None if until is None else clock.wall() + until)
        if side is not None:
            side.cancel()
        counts = world.all_counts()
        finish = {name: max(c.took_at, default=0.0) for name, c in counts.items()}
        states = ledger_samples.totals(record)
        return Result(record, counts, states, clock.monotonic(), finish, pictures)

    return run_virtually(main)


def put_scheduled(
    ledger: Ledger, sizes: Mapping[str, int], times: Schedule, zones: Sequence[str] = ("",)
) -> None:
    """An audience, and the mailing m-1 to it that leaves at these times."""
    put_audience(ledger, sizes, zones=zones)
    strata = ledger.strata("a-1")
    made = Mailing("m-1", "n", "a-1", sum(sizes.values()), "digest", MailingState.SENDING, "main")
    frozen = msgspec.structs.replace(ledger_samples.FROZEN, schedule=times)
    steps = {stratum: (count,) for stratum, count in strata.items()}
    lanes = {receiver: f"main/{receiver}" for receiver in sizes}
    ledger.create_mailing(made, frozen, lanes, 2000.0, steps)


def mailing_state(ledger: Ledger) -> MailingState:
    return ledger.mailing("m-1").state
