"""Fifty seeded worlds with faults, crashes, halts, clock jumps (`python -m tests.worlds SEED`)."""

from __future__ import annotations

import pytest
from tests.worlds import check, draw, run


@pytest.mark.parametrize("seed", range(50))
def test_invariants_hold_in_every_world(seed: int) -> None:
    world = draw(seed)
    check(world, run(world))


def test_the_same_seed_is_the_same_mailing() -> None:
    first, second = (run(draw(7)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.states == other.states and one.elapsed == other.elapsed
        assert {n: list(c.arrivals) for n, c in one.counts.items()} == {
            n: list(c.arrivals) for n, c in other.counts.items()
        }
