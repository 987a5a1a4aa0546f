"""Bugs planted on purpose: each kind that pacing must not have, and how the suite finds it.

Each is what a careless change would do, put into the product's own classes for as long as the
context lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from severally.deliver.supply import Store
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import Claim
from severally.model.errors import SeverallyError
from severally.model.lane import Rate
from severally.model.mailing import Cohort
from severally.pace import lane_state
from severally.pace.lane_state import LaneState
from severally.pace.limiter import spacing_of
from severally.pace.scheduler import Scheduler
from tests.worlds import check, check_fair, draw, run


def whole(seed: int) -> None:
    """A mailing with faults, every invariant. Raises AssertionError."""
    world = draw(seed)
    check(world, run(world))


@contextmanager
def double_claim() -> Iterator[None]:
    """The last one of a batch is claimed once more with the next."""
    honest = MemoryLedger.claim
    last: dict[int, Claim] = {}

    def claim(
        self: MemoryLedger, cohort: Cohort, count: int, epoch: int, now: float
    ) -> Sequence[Claim]:
        claims = list(honest(self, cohort, count, epoch, now))
        again = last.pop(cohort.id, None)
        if claims:
            last[cohort.id] = claims[-1]
        return [*claims, again] if again and claims else claims

    with mock.patch.object(MemoryLedger, "claim", claim):
        yield


@contextmanager
def lost_retry() -> Iterator[None]:
    """Who was put off is not remembered."""
    with mock.patch.object(Store, "defer", lambda self, due, count=1: None):
        yield


@contextmanager
def limit_off_by_one() -> Iterator[None]:
    """N + 1 slots in a unit of time where the limit says N."""

    def spacing(rate: Rate | None, jitter_s: float) -> float:
        return spacing_of(rate and Rate(rate.count + 1, rate.unit_s), jitter_s)

    with mock.patch.object(lane_state, "spacing_of", spacing):
        yield


@contextmanager
def unfair_lane() -> Iterator[None]:
    """Nothing is kept free for lanes that use less than their share."""

    def keep(self: Scheduler, state: LaneState) -> None:
        state.reserve = 0

    with mock.patch.object(Scheduler, "_keep", keep):
        yield


BUGS: dict[str, tuple[Callable[[], Any], Callable[[int], None]]] = {
    "double claim": (double_claim, whole),
    "lost retry": (lost_retry, whole),
    "limit off by one": (limit_off_by_one, whole),
    "unfair lane": (unfair_lane, check_fair),
}
"""By name: how it is planted, and the check that must find it."""


def found_by(name: str, seeds: Iterable[int] = range(50)) -> int | None:
    """The first seed that finds this bug, by an invariant or because the ledger refuses it."""
    plant, judge = BUGS[name]
    with plant():
        for seed in seeds:
            try:
                judge(seed)
            except (AssertionError, SeverallyError):
                return seed
    return None
