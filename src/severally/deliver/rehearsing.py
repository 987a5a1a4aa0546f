"""The rehearsal: every message of a mailing composed and sealed for real, and thrown away.

Responsible for knowing before anybody is told what would fail, by recipient id. Canary first,
so that it need not wait for the rest; unsigned, because a signature cannot fail for one
recipient and not for another, and costs most of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from severally.model.delivery import Claim
from severally.model.envelope import Sealed
from severally.model.mailing import Cohort
from severally.ports import Bench, Ledger

SUFFIX = "#rehearsal"
"""After a mailing's id: the bench then works without the signing keys."""
_NAMED = 1_000


@dataclass(slots=True)
class _Course:
    """One mailing's rehearsal: what is left of it, and what was found."""

    cohorts: list[Cohort]
    after: int = 0
    rehearsed: int = -1
    count: int = 0
    problems: list[str] = field(default_factory=list)


class Rehearsal:
    """`conducting.Rehearsing` over the bench that composes for sending.

    `go_on` rehearses for about `turns` batches per process, so that a canary under way is not
    kept waiting.
    """

    def __init__(
        self,
        ledger: Ledger,
        bench: Bench,
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
        wall: Callable[[], float],
        batch: int = 250,
        turns: int = 8,
    ) -> None:
        self._ledger = ledger
        self._bench = bench
        self._off_loop = off_loop
        self._wall = wall
        self._batch = batch
        self._turns = turns
        self._courses: dict[str, _Course] = {}

    async def go_on(self, mailing_id: str) -> None:
        """Rehearse some more of it, in order of the steps."""
        course = await self._course(mailing_id)
        for _ in range(self._turns):
            batches = [batch async for batch in self._next(course)]
            await asyncio.gather(*(self._try(mailing_id, course, batch) for batch in batches))
            course.rehearsed = _whole(course)
            if not batches:
                return

    def rehearsed(self, mailing_id: str) -> int:
        """The last step that is rehearsed whole, -1 for none."""
        course = self._courses.get(mailing_id)
        return course.rehearsed if course else -1

    def problems(self, mailing_id: str) -> Sequence[str]:
        """What would fail, by recipient id; in words, the first thousand."""
        course = self._courses.get(mailing_id)
        return course.problems if course else ()

    def count(self, mailing_id: str) -> int:
        """How many messages were made and sealed."""
        course = self._courses.get(mailing_id)
        return course.count if course else 0

    async def _course(self, mailing_id: str) -> _Course:
        course = self._courses.get(mailing_id)
        if course is None:
            cohorts = await self._off_loop(lambda: self._ledger.cohorts(mailing_id))
            course = _Course(sorted(cohorts, key=lambda cohort: (cohort.step, cohort.id)))
            self._courses[mailing_id] = course
        return course

    async def _next(self, course: _Course) -> Any:
        """A batch for each process, from the first cohort that is not through."""
        for _ in range(self._bench.width):
            batch = await self._off_loop(lambda: self._batch_of(course))
            if not batch:
                return
            yield batch

    def _batch_of(self, course: _Course) -> Sequence[Claim]:
        while course.cohorts:
            batch = self._ledger.look_through(course.cohorts[0], course.after, self._batch)
            if batch:
                course.after = batch[-1].delivery
                return batch
            course.cohorts.pop(0)
            course.after = 0
        return ()

    async def _try(self, mailing_id: str, course: _Course, claims: Sequence[Claim]) -> None:
        date = int(self._wall())
        dated = [msgspec.structs.replace(claim, date=claim.date or date) for claim in claims]
        checked = await self._bench.work(mailing_id + SUFFIX, dated)
        failed = dict(_failures(checked))
        course.count += len(claims) - len(failed)
        if failed and len(course.problems) < _NAMED:
            names = await self._off_loop(lambda: self._ledger.names(list(failed)))
            course.problems += [f"{names[d]}: {reason}" for d, reason in sorted(failed.items())]


def _failures(checked: Sequence[Any]) -> Iterator[tuple[int, str]]:
    for each in checked:
        if not isinstance(each, Sealed):
            ids = getattr(each, "deliveries", None) or (each.delivery,)
            yield from ((delivery, each.reason) for delivery in ids)


def _whole(course: _Course) -> int:
    """The last step of which no cohort is left."""
    if course.cohorts:
        return course.cohorts[0].step - 1
    return 1_000_000_000
