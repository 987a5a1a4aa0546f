"""The seeded worlds find what they are there to find: one bug of each kind, planted on purpose."""

from __future__ import annotations

import pytest
from tests.planted import BUGS, found_by
from tests.worlds import check_fair

SEEDS = {"limit off by one": range(5, 8)}
"""Where to look, to be quick; the proof looks from the first seed on."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert found_by(bug, SEEDS.get(bug, range(3))) is not None


@pytest.mark.parametrize("seed", range(3))
def test_without_it_every_lane_ends_as_if_it_was_alone(seed: int) -> None:
    check_fair(seed)
