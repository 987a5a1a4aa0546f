"""The rehearsal comes to its end, however its cohorts fall into turns; and names who would fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.ledger_samples import RECEIVERS, mailing, row

from severally.deliver.journal import at_once
from severally.deliver.rehearsing import Rehearsal
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import Claim
from severally.model.envelope import Refusal


class AllRefused:
    """A bench of so many processes that seals nothing."""

    def __init__(self, width: int) -> None:
        self.width = width

    async def work(self, mailing: str, claims: Sequence[Claim]) -> Sequence[Any]:
        return [Refusal((claim.delivery,), "no") for claim in claims]

    async def close(self) -> None: ...


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("receivers", [1, 2, 3])
def test_it_comes_to_its_end_and_names_everybody_who_would_fail(width: int, receivers: int) -> None:
    ledger = MemoryLedger()
    staging = ledger.stage("a-1")
    staging.add([row(n, RECEIVERS[n % receivers]) for n in range(9)])
    staging.freeze("customers.csv", 1000.0)
    mailing(ledger)
    rehearsal = Rehearsal(ledger, AllRefused(width), at_once, lambda: 1.0, batch=2)
    for _ in range(10):
        asyncio.run(rehearsal.go_on("m-1"))
    assert rehearsal.rehearsed("m-1") >= 0
    names = {problem.partition(":")[0] for problem in rehearsal.problems("m-1")}
    assert names == {f"c{n}" for n in range(9)}
