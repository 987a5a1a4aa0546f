"""The first gate, simulated: how often a bad send passes and a good one halts.

    make prove P=gates

Each run is a mailing of the default staging plan in which nobody decides anything by hand:
the canary leaves in hundreds a minute apart; while the gate is undecided the trickle leaves by
the hundred every ten minutes; after six hours a person is asked. Bounces come at once or late,
alone or by the domain. The gate knows neither: it assumes what it assumes of receivers nobody
has heard from. The table goes into docs/staging.md.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from severally.stage.arrival import AT_ONCE, Curve, assumed
from severally.stage.bounce_test import BounceTest, Group, Verdict
from severally.stage.steps import CANARY, CHUNK, TRICKLE_CHUNKS

GOOD, BAD = 0.005, 0.02
LATE_MEAN_S = 7_200.0
MINUTE, TRICKLE_S, PATIENCE_S = 60.0, 600.0, 6 * 3600.0
PROVIDERS = (("gmail", 0.40), ("outlook", 0.15), ("yahoo", 0.08), ("qq", 0.05), ("icloud", 0.04))
"""Shares of the big ones; the rest are small domains of five people on average."""
_SMALL = 5


@dataclass(frozen=True)
class Cell:
    """One kind of world. `late`: the share of bounces that come after 2 h on average. `clumped`:
    the share that comes because a whole small domain is dead."""

    rate: float
    late: float
    clumped: float

    def __str__(self) -> str:
        kind = "good" if self.rate == GOOD else "bad"
        return f"{kind} ({self.rate:.1%}), {self.late:.0%} late, {self.clumped:.0%} by domain"


CELLS = [
    Cell(rate, late, clumped)
    for late in (0.0, 0.8)
    for clumped in (0.0, 0.5)
    for rate in (GOOD, BAD)
]


@dataclass(frozen=True)
class Tally:
    """What came of the runs of a cell; messages that had left when the gate decided."""

    cell: Cell
    ends: Counter[str]
    left: list[int]
    minutes: list[float]

    def share(self, end: str) -> float:
        """Of all runs."""
        return self.ends[end] / self.ends.total()


def people(cell: Cell, count: int, rng: random.Random) -> list[tuple[str, float]]:
    """(domain, when its bounce is known after it left; infinite for none), shuffled."""
    small = 1 - sum(share for _, share in PROVIDERS)
    alone, dead_share = cell.rate * (1 - cell.clumped), cell.rate * cell.clumped / small
    domains: list[tuple[str, bool]] = []
    for name, share in PROVIDERS:
        domains += [(name, False)] * round(count * share)
    number = 0
    while len(domains) < count:
        number += 1
        dead = rng.random() < dead_share
        size = 1 + int(rng.expovariate(1 / (_SMALL - 1)))
        domains += [(f"small{number}", dead)] * min(size, count - len(domains))
    rng.shuffle(domains)
    return [(domain, _known(cell, alone, dead, rng)) for domain, dead in domains]


def _known(cell: Cell, alone: float, dead: bool, rng: random.Random) -> float:
    if not dead and rng.random() >= alone:
        return math.inf
    return rng.expovariate(1 / LATE_MEAN_S) if rng.random() < cell.late else 0.0


def once(cell: Cell, seed: int, early: Curve, late: Curve) -> tuple[str, int, float]:
    """`(pass, halt or person; messages that had left; minutes)`."""
    rng = random.Random(f"{cell} {seed}")
    crowd = people(cell, CANARY + TRICKLE_CHUNKS * CHUNK, rng)
    sent: list[tuple[float, dict[str, list[float]]]] = []
    test, now, told, next_at = BounceTest(), 0.0, 0, 0.0
    while now <= PATIENCE_S:
        if told < len(crowd) and now >= next_at:
            chunk: dict[str, list[float]] = {}
            for domain, known in crowd[told : told + CHUNK]:
                chunk.setdefault(domain, []).append(known)
            sent.append((now, chunk))
            told += CHUNK
            next_at = now + (MINUTE if told < CANARY else TRICKLE_S)
        groups = [
            Group(domain, now - at, len(knowns), sum(at + known <= now for known in knowns))
            for at, chunk in sent
            for domain, knowns in chunk.items()
        ]
        verdict = test.score(groups, early, late).verdict
        if verdict is Verdict.HALT or (verdict is Verdict.PASS and told >= CANARY):
            return verdict.value, told, now / 60
        now += MINUTE if told < CANARY else TRICKLE_S
    return "person", told, now / 60


def tally(cell: Cell, runs: int) -> Tally:
    """`runs` seeded runs of one cell."""
    early, late = AT_ONCE, assumed()
    ends: Counter[str] = Counter()
    left: list[int] = []
    minutes: list[float] = []
    for seed in range(runs):
        end, told, took = once(cell, seed, early, late)
        ends[end] += 1
        left.append(told)
        minutes.append(took)
    return Tally(cell, ends, sorted(left), sorted(minutes))


def faults(found: Tally) -> Iterator[str]:
    """What must not be: more than 1 % of bad sends passed, or of good ones halted."""
    wrong = "pass" if found.cell.rate == BAD else "halt"
    if found.share(wrong) > 0.01:
        yield f"{found.cell}: {found.share(wrong):.2%} {wrong}"


def row(found: Tally) -> str:
    """A row of the table in docs/staging.md."""
    shares = " | ".join(f"{found.share(end):.2%}" for end in ("pass", "halt", "person"))
    count = len(found.left)
    middle, most = found.left[count // 2], found.left[int(count * 0.95)]
    took = found.minutes[count // 2]
    return f"| {found.cell} | {shares} | {middle:,} | {most:,} | {took:,.0f} min |"


def main(runs: int = 2_000) -> int:
    """Print the table; 1 where the promise does not hold."""
    print(f"{runs:,} runs each, seeded; messages that had left when the gate decided")
    print("| send | pass | halt | a person | left, median | left, 95 % | time, median |")
    print("|---|---|---|---|---|---|---|")
    wrong: list[str] = []
    with ProcessPoolExecutor() as pool:
        for found in pool.map(tally, CELLS, [runs] * len(CELLS)):
            print(row(found), flush=True)
            wrong += faults(found)
    for line in wrong:
        print(f"does not hold: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
