"""The gate against seeded worlds, small; `make prove P=gates` runs it whole."""

from __future__ import annotations

import pytest
from proofs.gates import BAD, CELLS, GOOD, Cell, faults, once, people, tally

from severally.stage.arrival import AT_ONCE, assumed
from severally.stage.gates import Gate


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_bad_sends_do_not_pass_and_good_ones_do_not_halt(cell: Cell) -> None:
    assert list(faults(tally(cell, 12))) == []


def test_the_worlds_have_the_rates_they_are_named_by() -> None:
    import random

    for cell in (Cell(GOOD, 0.8, 0.5), Cell(BAD, 0.0, 0.5)):
        crowd = people(cell, 200_000, random.Random(4))
        rate = sum(known < float("inf") for _, known in crowd) / len(crowd)
        assert abs(rate / cell.rate - 1) < 0.15


def test_a_naive_denominator_would_pass_what_comes_late() -> None:
    """Why the curve is there: judged as if all were known at once, late bad sends pass."""
    cell = Cell(BAD, 0.8, 0.0)
    naive = [once(cell, seed, AT_ONCE, AT_ONCE)[0] for seed in range(10)]
    weighed = [once(cell, seed, AT_ONCE, assumed())[0] for seed in range(10)]
    assert naive.count("pass") > 5
    assert weighed.count("pass") == 0


def test_the_patience_of_the_proof_is_the_gates() -> None:
    from proofs.gates import PATIENCE_S

    assert Gate().patience_s == PATIENCE_S
