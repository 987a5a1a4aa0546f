"""Reads an outbox: every committed row becomes one urgent message, however often it is read.

A row's key is its Idempotency-Key, so what is read again after a crash is kept once. Whoever is
suppressed or wrongly written is answered in the row; what a cap holds back stays, and is read
again. Rows are found by having no answer, never by a number read last: transactions commit in
another order than they take numbers.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from severally.app.urgent.asking import Ask, Asking, NotAllowed, WrongFields
from severally.app.urgent.desk import Capped, Desk, Suppressed
from severally.deliver.journal import OffLoop
from severally.model.errors import LedgerError, SeverallyError
from severally.model.outbox import OutboxRow
from severally.model.urgent import ApiKey, KeyScope, shown
from severally.ports import Clock
from severally.ports.outbox import Outbox

POLL_S = 0.1
PATIENCE_S = 5.0
"""How long a table that cannot be read is left alone, and a row that a cap holds back."""
BATCH = 100
REFUSED = "refused: "
_LONGEST = 500
"""Characters of an answer."""


@dataclass
class OutboxWatch:
    """What others are told while it works; nothing of anybody's."""

    answered: Callable[[str, str, int], None] = lambda *_: None
    """An outbox, `accepted`, `refused` or `later`, and how many rows."""
    failed: Callable[[str, str], None] = lambda *_: None
    """An outbox, and why it cannot be read; empty when it can again."""


class OutboxReader:
    """One outbox's. It works while `desk` sends, and rests while another process does."""

    def __init__(
        self,
        name: str,
        outbox: Outbox,
        asking: Asking,
        desk: Desk,
        clock: Clock,
        off_loop: OffLoop[Any],
        watch: OutboxWatch,
    ) -> None:
        self._name = name
        self._outbox = outbox
        self._asking = asking
        self._desk = desk
        self._clock = clock
        self._off_loop = off_loop
        self._watch = watch
        self._failure = ""
        self._later: dict[int, float] = {}
        self._key = ApiKey(f"outbox-{name}", name, KeyScope.LIVE, b"", 0, 0.0)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                wait = await self._turn() if self._desk.courier is not None else POLL_S
                await self._clock.sleep_until(self._clock.monotonic() + wait)
        finally:
            self._outbox.close()

    async def _turn(self) -> float:
        """Read all there is; how long to rest then."""
        try:
            await self._through()
        except LedgerError:
            return PATIENCE_S  # nothing was kept, and nothing answered
        except SeverallyError as error:
            self._say(str(error))
            return PATIENCE_S
        self._say("")
        return POLL_S

    def _say(self, failure: str) -> None:
        if failure != self._failure:
            self._failure = failure
            self._watch.failed(self._name, failure)

    async def _through(self) -> None:
        """Every row without an answer, once."""
        now, after = self._clock.monotonic(), 0
        self._later = {id: at for id, at in self._later.items() if at > now}
        while rows := await self._off_loop(functools.partial(self._outbox.waiting, after, BATCH)):
            after = rows[-1].id
            await self._take([row for row in rows if row.id not in self._later])

    async def _take(self, rows: Sequence[OutboxRow]) -> None:
        answers = await asyncio.gather(*(self._answer(row) for row in rows))
        written = [(row.id, said) for row, said in zip(rows, answers, strict=True) if said]
        if written:
            await self._off_loop(functools.partial(self._outbox.answer, written))
        until = self._clock.monotonic() + PATIENCE_S
        self._later |= {row.id: until for row, said in zip(rows, answers, strict=True) if not said}
        refused = sum(said.startswith(REFUSED) for _, said in written)
        self._watch.answered(self._name, "accepted", len(written) - refused)
        self._watch.answered(self._name, "refused", refused)
        self._watch.answered(self._name, "later", len(rows) - len(written))

    async def _answer(self, row: OutboxRow) -> str:
        """The message's id, or why there is none; empty for one that is to be read again."""
        try:
            ask = msgspec.json.decode(row.message, type=Ask)
            now = self._clock.wall()
            answer = await self._desk.accept(self._asking.checked(ask, self._key, row.key, now))
        except msgspec.DecodeError as error:
            return f"{REFUSED}{error}"[:_LONGEST]
        except WrongFields as wrong:
            said = "; ".join(f"{each.where}: {each.problem}" for each in wrong.findings)
            return f"{REFUSED}{said}"[:_LONGEST]
        except Capped:
            return ""
        except (NotAllowed, Suppressed) as no:
            return f"{REFUSED}{no.what}"
        if answer.conflict:
            return f"{REFUSED}its key was used for another message"
        return shown(answer.ident)
