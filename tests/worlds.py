"""Seeded worlds with faults, and what must hold in each of them whatever happens.

One seed, one mailing: sizes, limits, moods and faults are drawn from it, so a failing seed is
a complete report: `python -m tests.worlds SEED` replays it.
"""

from __future__ import annotations

import random
import sys
from collections import Counter

import msgspec

from severally.deliver.sending import Deliverer
from severally.deliver.settings import Settings
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import OPEN, DeliveryState
from severally.model.lane import Limits, Rate
from severally.model.mailing import MailingState
from severally.model.outcome import Reply
from severally.pace.scheduler import Settings as Pacing
from severally.ports import Ledger
from severally.sim.clock import VirtualClock
from severally.sim.virtual import Change, Mood, Receiver
from tests import ledger_samples
from tests.virtual import Meddle, Result, crash, put_audience, send

WORDS = (
    Reply(421, "4.7.0", "4.7.0 [TSS04] Messages temporarily deferred due to user complaints"),
    Reply(421, "4.7.28", "4.7.28 Our system has detected an unusual rate of unsolicited mail"),
    Reply(450, "4.7.1", "4.7.1 Rate limit exceeded, slow down"),
    Reply(451, "4.3.0", "4.3.0 Temporary lookup failure"),
    Reply(452, "4.2.2", "4.2.2 Mailbox full"),
    Reply(421, "4.3.2", "4.3.2 too many connections"),
    Reply(550, "", "Sending quota exceeded, rate limit"),
    Reply(0),
)


class World(msgspec.Struct, frozen=True):
    """All that a seed decides. `halts` and `jumps` are (second, seconds the clock is moved)."""

    seed: int
    sizes: dict[str, int]
    limits: dict[str, Limits]
    receivers: dict[str, Receiver]
    route: Limits
    in_flight: int
    crash_at: float
    halt_at: float
    jump: tuple[float, float]


def draw(seed: int) -> World:
    """The world of this seed."""
    rng = random.Random(seed)
    names = [f"r{number}" for number in range(rng.randint(1, 7))]
    return World(
        seed,
        {name: rng.choice((1, 3, 20, 60, 120)) for name in names},
        {name: _limits(rng) for name in names if rng.random() < 0.8},
        {name: _receiver(rng) for name in names},
        Limits(rng.choice((None, None, Rate(40, 1))), rng.choice((None, 3, 20))),
        rng.choice((3, 20, 100)),
        rng.choice((0.0, 0.0, rng.uniform(0.5, 20.0))),
        rng.choice((0.0, 0.0, rng.uniform(0.5, 20.0))),
        (rng.uniform(0, 20), rng.choice((0.0, 0.0, -3600.0, 3600.0))),
    )


def _limits(rng: random.Random) -> Limits:
    rate = rng.choice((None, Rate(5, 1), Rate(17, 1), Rate(100, 60), Rate(3600, 3600)))
    return Limits(rate, rng.choice((None, 1, 2, 5)), rng.choice((None, 1, 20)))


def _receiver(rng: random.Random) -> Receiver:
    def share(most: float) -> float:
        return rng.choice((0.0, 0.0, rng.uniform(0, most)))

    moods = []
    for _ in range(rng.randint(0, 2)):
        since = rng.uniform(0, 60)
        moods.append(Mood(since, since + rng.uniform(1, 300), rng.choice(WORDS)))
    limited = rng.random() < 0.3
    return Receiver(
        rate=Rate(rng.choice((3, 30)), 1) if limited else None,
        connections=rng.choice((None, None, 2, 5)),
        connect_s=rng.choice((0.0, 0.1, 1.0)),
        reply_s=rng.choice((0.01, 0.1, 2.0)),
        reply_spread_s=rng.choice((0.0, 0.5)),
        greylisted=share(0.5),
        unknown=share(0.2),
        lost_before=share(0.1),
        lost_after=share(0.05),
        changes=(Change(rng.uniform(0, 60), Rate(rng.choice((2, 50)), 1)),) if limited else (),
        moods=tuple(moods),
    )


def run(world: World) -> list[Result]:
    """From the first claim to the end, through crash and halt; one result per start."""
    ledger = MemoryLedger()
    put_audience(ledger, world.sizes)
    ledger_samples.mailing(ledger)
    settings = Settings(
        pacing=Pacing(jitter_s=0.0, in_flight=world.in_flight), poll_s=0.5, progress_s=30.0
    )

    def start(meddle: Meddle | None) -> Result:
        return send(
            world.sizes,
            world.limits,
            world.receivers,
            settings=settings,
            seed=world.seed,
            route=world.route,
            ledger=ledger,
            meddle=meddle,
        )

    results = [start(_meddle(world))]
    while ledger.mailing("m-1").state is not MailingState.DONE:
        if ledger.mailing("m-1").state is MailingState.HALTED:
            ledger.set_state("m-1", MailingState.SENDING, 1_800_500_000.0)
        results.append(start(None))
        assert len(results) < 6, f"seed {world.seed}: it never ends"
    return results


def _meddle(world: World) -> Meddle:
    async def meddle(clock: VirtualClock, ledger: Ledger, one: Deliverer) -> None:
        jump_at, by = world.jump
        moments = sorted(
            (at, what)
            for at, what in ((world.crash_at, "crash"), (world.halt_at, "halt"), (jump_at, "jump"))
            if at
        )
        for at, what in moments:
            await clock.sleep_until(at)
            if what == "jump":
                clock.ahead += by
            elif what == "halt" and ledger.mailing("m-1").state is MailingState.SENDING:
                ledger.set_state("m-1", MailingState.HALTED, clock.wall(), "a person")
            elif what == "crash":
                crash(one)

    return meddle


def check(world: World, results: list[Result]) -> None:
    """The invariants. Raises AssertionError naming the seed."""
    said = f"replay it: python -m tests.worlds {world.seed}"
    ledger = results[-1].ledger
    states = results[-1].states
    assert sum(states.values()) == sum(world.sizes.values()), said
    assert not set(states) & OPEN, f"{states} {said}"
    assert {c: dict(n) for c, n in ledger.tally("m-1").items()} == {
        c: dict(n) for c, n in ledger.recount("m-1").items()
    }, said
    taken: Counter[int] = Counter()
    for result in results:
        taken.update(result.taken)
    assert max(taken.values(), default=0) <= 1, f"somebody got it twice; {said}"
    accepted = states.get(DeliveryState.ACCEPTED, 0)
    in_doubt = states.get(DeliveryState.IN_DOUBT, 0)
    assert accepted <= len(taken) <= accepted + in_doubt, f"{states} {len(taken)} {said}"
    for result in results:
        _check_limits(world, result, said)


def _check_limits(world: World, result: Result, said: str) -> None:
    for name, counts in result.counts.items():
        limits = world.limits.get(name, Limits())
        if limits.rate is not None:
            # the clock is exact here, and the windows are a microsecond short: not even one more
            most = counts.most_in(limits.rate.unit_s)
            assert most <= limits.rate.count, f"{name}: {most} in {limits.rate}; {said}"
        if limits.connections is not None:
            assert counts.peak <= limits.connections, f"{name}: {counts.peak} connections; {said}"
    if world.route.rate is not None:
        times = sorted(t for counts in result.counts.values() for t in counts.arrivals)
        ahead = zip(times, times[world.route.rate.count + 1 :], strict=False)
        assert all(b - a >= world.route.rate.unit_s - 1e-6 for a, b in ahead), said


def check_fair(seed: int) -> None:
    """Lanes with rates, one behind a slow receiver, all with room: each ends as if it was alone.

    Raises AssertionError naming the seed.
    """
    rng = random.Random(seed)
    names = [f"r{number}" for number in range(rng.randint(3, 7))]
    limits = {name: Limits(Rate(rng.choice((2, 5, 10)), 1), 8) for name in names}
    sizes = {name: rng.choice((10, 30, 60)) for name in names}
    receivers = {name: Receiver(reply_s=0.05) for name in names}
    limits["slow"], sizes["slow"] = Limits(connections=30), 300
    receivers["slow"] = Receiver(reply_s=5.0)
    together = send(sizes, limits, receivers, seed=seed)
    for name in names:
        rate = limits[name].rate
        assert rate is not None
        alone_s = (sizes[name] - 1) * rate.spacing
        late = together.finish[name] - alone_s
        assert late < 0.25 + 0.02 * alone_s, (
            f"{name}: {late:.1f} s later than alone; replay it: python -m tests.worlds {seed} fair"
        )


def main() -> None:
    seed = int(sys.argv[1])
    if sys.argv[2:] == ["fair"]:
        check_fair(seed)
        print(f"seed {seed}: every lane ended as if it was alone")
        return
    world = draw(seed)
    print(msgspec.json.format(msgspec.json.encode(world)).decode())
    results = run(world)
    for result in results:
        print(round(result.elapsed, 1), {s.word: n for s, n in result.states.items()})
    check(world, results)
    print(f"seed {seed}: every invariant held")


if __name__ == "__main__":
    main()
