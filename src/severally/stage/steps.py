"""Who is in which step of the ramp: drawn in proportion from every lane, locale and zone. Pure.

Responsible for how many of each stratum a step takes. Which of them is decided by
the audience's own seeded shuffle: the first ones, so a step is reproducible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from severally.model.mailing import MailingState
from severally.model.staging import Step

Stratum = tuple[str, str, str]
"""(receiver, locale, time zone); no zone where the mailing has no window."""

CANARY = 1_200
CHUNK = 100
"""The canary leaves in hundreds: each is looked at before the next (docs/staging.md)."""
FRACTIONS = (0.05, 0.25, 1.0)
TRICKLE_CHUNKS = 10


def ramp(
    total: int,
    canary: int = CANARY,
    chunk: int = CHUNK,
    fractions: Sequence[float] = FRACTIONS,
    trickle: int = TRICKLE_CHUNKS,
) -> tuple[Step, ...]:
    """The steps of a mailing to `total` people: canary hundreds, then growing shares.

    `fractions` are of the total, told by then. Between the canary and the first share lie up to
    `trickle` chunks that may leave while its gate is undecided. The counts add up to `total`.
    """
    steps: list[Step] = []
    told = _chunks(steps, "canary", min(canary, total), chunk, 0)
    if told < total:
        told = _chunks(steps, "trickle", min(trickle * chunk, total - told), chunk, told)
    for fraction in fractions:
        upto = total if fraction >= 1 else min(total, round(total * fraction))
        if upto > told:
            steps.append(Step(f"{fraction:.0%}" if fraction < 1 else "rest", upto - told, True))
            told = upto
    return tuple(steps)


def _chunks(steps: list[Step], name: str, count: int, chunk: int, told: int) -> int:
    for first in range(0, count, chunk):
        steps.append(Step(name, min(chunk, count - first), False))
    return told + count


def state_at(steps: Sequence[Step], step: int) -> MailingState:
    """Where a mailing stands whose steps are open up to this one."""
    if step < 0:
        return MailingState.REHEARSED
    if step >= len(steps) - 1:
        return MailingState.SENDING
    gated = any(each.gate for each in steps[: step + 1])
    return MailingState.RAMPING if gated else MailingState.CANARY


def allot(strata: Mapping[Stratum, int], sizes: Sequence[int]) -> dict[Stratum, tuple[int, ...]]:
    """How many of each stratum every step takes.

    `sizes` add up to the strata's sum. Each step is proportional to what the strata hold, by
    largest remainder over the steps so far, so that no stratum drifts by more than one.
    Raises ValueError where the sums differ.
    """
    total = sum(strata.values())
    if sum(sizes) != total:
        raise ValueError(f"the steps hold {sum(sizes)} and the strata {total}")
    names = sorted(strata)
    taken = dict.fromkeys(names, 0)
    result: dict[Stratum, list[int]] = {name: [] for name in names}
    told = 0
    for size in sizes:
        told += size
        goal = _rounded({name: strata[name] * told / total for name in names}, told, taken)
        for name in names:
            result[name].append(goal[name] - taken[name])
        taken = goal
    return {name: tuple(counts) for name, counts in result.items()}


def _rounded(
    shares: Mapping[Stratum, float], total: int, least: Mapping[Stratum, int]
) -> dict[Stratum, int]:
    """Whole numbers near `shares` that add up to `total` and are not below `least`."""
    whole = {name: max(least[name], int(share)) for name, share in shares.items()}
    missing = total - sum(whole.values())
    by_need = sorted(shares, key=lambda name: (whole[name] - shares[name], name))
    for name in by_need[:missing] if missing > 0 else ():
        whole[name] += 1
    for name in reversed(by_need):
        if missing >= 0:
            break
        if whole[name] > least[name]:
            whole[name] -= 1
            missing += 1
    return whole
