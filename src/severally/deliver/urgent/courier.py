"""Sends urgent messages: composed, sealed, tried over one route after another until one takes it.

Responsible for every accepted message ending in one explained state: accepted, refused, expired,
blocked. One process per workspace. A message is marked on disk before a byte of it leaves; what
a crash leaves so marked is tried again, with the same bytes. Not responsible for what is accepted,
nor for how one route carries one message (`way`).
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from severally.deliver.journal import OffLoop
from severally.deliver.records import Classify, verdict_of
from severally.deliver.urgent.grouped import Grouped
from severally.deliver.urgent.way import Way
from severally.deliver.urgent.words import Told, next_round, told
from severally.model.delivery import Claim, DeliveryState
from severally.model.envelope import Blocked, Refusal, Sealed
from severally.model.outcome import Origin, Outcome, Reply
from severally.model.urgent import Change, Flood, Happening, KeyScope, Standing, Tracked, Urgent
from severally.ports import Bench, Clock, Ledger

_D = DeliveryState
POLL_S = 0.2
FLOODS_S = 1.0
COMPOSED = 25
"""Composed together at most; one alone does not wait for others."""
IN_HAND = 2_000
"""Taken from the record ahead of being sent, at most (memory)."""
SPARE = 16
"""Messages at work beyond those that can hold a connection."""
THROWN_AWAY = "(test key)"

Fold = Callable[[Flood, float], Urgent]
"""From a flood to the message that tells of it."""


@dataclass
class Watch:
    """What others are told while it works; nothing of anybody's."""

    ended: Callable[[Urgent, DeliveryState, str, float], None] = lambda *_: None
    """A message, its last state, its route, and the seconds since it was accepted or due."""
    attempted: Callable[[str, Told], None] = lambda *_: None
    """A route, and what an attempt over it told."""


@dataclass
class _Letter:
    """A message in hand."""

    urgent: Urgent
    standing: Standing
    sealed: Sealed | None = None
    said: Reply = field(default_factory=lambda: Reply(0))

    def change(self, state: DeliveryState, happening: Happening, **fields: Any) -> Change:
        """The next standing, kept here too."""
        self.standing = msgspec.structs.replace(self.standing, state=state, **fields)
        s, r = self.standing, self.said
        return Change(
            self.urgent.ident, state, happening, s.attempts, s.doubts, s.due, s.date, r.code,
            r.enhanced, r.text,
        )  # fmt: skip


class Courier:
    """`ways` in the order in which they are tried. `fold` says how a flood is told."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        bench: Bench,
        ways: Sequence[Way],
        classify: Classify,
        clock: Clock,
        off_loop: OffLoop[Any],
        rng: random.Random,
        fold: Fold,
        flood_after_s: float,
        watch: Watch,
    ) -> None:
        self.ways = ways
        self._ledger = ledger
        self._bench = bench
        self._classify = classify
        self._clock = clock
        self._off_loop = off_loop
        self._rng = rng
        self._fold = fold
        self._flood_after_s = flood_after_s
        self._watch = watch
        self._pen: Grouped[Change, None] = Grouped(self._write, off_loop, strict=True)
        self._unsealed: list[_Letter] = []
        self._sealed: asyncio.Queue[_Letter] = asyncio.Queue()
        self._work = asyncio.Event()
        self._in_hand = 0
        self._stopping = False
        self._recovered = False
        self._still = asyncio.Event()
        self._still.set()
        self._written: asyncio.Future[None] | None = None

    @property
    def room(self) -> bool:
        """Whether what is accepted now may be handed over at once."""
        return self._recovered and self._in_hand < IN_HAND and not self._stopping

    async def run(self) -> None:
        """Send until cancelled. Raises LedgerError and its kin: what was in hand is found again."""
        await self._off_loop(lambda: self._ledger.recover_urgent(self._clock.wall()))
        self._recovered = True  # before, what is handed over would be taken for a crash's
        carriers = SPARE + sum(way.connections for way in self.ways)
        try:
            async with asyncio.TaskGroup() as group:
                for loop in (self._pen.run, self._poll, self._fold_floods, self._compose):
                    group.create_task(loop())
                for _ in range(carriers):
                    group.create_task(self._carry())
                for way in self.ways:
                    group.create_task(self._probe(way))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def settle(self) -> None:
        """Take nothing more, and wait until what is in hand is sent or given back."""
        self._stopping = True
        await self._still.wait()
        if self._written is not None:
            await self._written

    def take(self, one: Tracked) -> None:
        """A message claimed by us."""
        self._in_hand += 1
        self._still.clear()
        self._unsealed.append(_Letter(one.urgent, one.standing))
        self._work.set()

    # --- from the record

    async def _poll(self) -> None:
        """What others accepted, what is due again, and what a crash left behind."""
        while True:
            room = 0 if self._stopping else IN_HAND - self._in_hand
            if room > 0:
                claiming = functools.partial(self._ledger.claim_urgent, room, self._clock.wall())
                for each in await self._off_loop(claiming):
                    self.take(each)
            await self._clock.sleep_until(self._clock.monotonic() + POLL_S)

    async def _fold_floods(self) -> None:
        """What was held of a flood is told in one message."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + FLOODS_S)
            await self._off_loop(functools.partial(self._fold_all, self._clock.wall()))

    def _fold_all(self, now: float) -> None:
        for flood in self._ledger.floods(now - self._flood_after_s):
            self._ledger.fold_urgent(self._fold(flood, now), now)

    def _write(self, changes: Sequence[Change]) -> Sequence[None]:
        self._ledger.change_urgent(changes)
        return [None] * len(changes)

    # --- composing

    async def _compose(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._unsealed:
                digest = self._unsealed[0].urgent.digest
                batch = [each for each in self._unsealed if each.urgent.digest == digest]
                batch = batch[:COMPOSED]
                taken = {id(each) for each in batch}
                self._unsealed = [each for each in self._unsealed if id(each) not in taken]
                await self._seal(digest, batch)

    async def _seal(self, digest: str, batch: Sequence[_Letter]) -> None:
        second = int(self._clock.wall())
        for letter in batch:
            if not letter.standing.date:
                letter.standing = msgspec.structs.replace(letter.standing, date=second)
        by_ident = {letter.urgent.ident: letter for letter in batch}
        claims = [
            Claim(u.ident, u.ident, u.salt, u.box, letter.standing.date, letter.standing.attempts)
            for u, letter in ((letter.urgent, letter) for letter in batch)
        ]
        for checked in await self._bench.work(digest, claims):
            match checked:
                case Sealed():
                    letter = by_ident[checked.deliveries[0]]
                    letter.sealed = checked
                    self._sealed.put_nowait(letter)
                case Refusal():
                    reason = f"the guard refused it: {checked.reason}"
                    self._end(by_ident[checked.deliveries[0]], _D.BLOCKED, reason)
                case Blocked():
                    self._end(by_ident[checked.delivery], _D.BLOCKED, checked.reason)

    # --- sending

    async def _carry(self) -> None:
        while True:
            letter = await self._sealed.get()
            if letter.urgent.scope is KeyScope.TEST:
                self._end(letter, _D.ACCEPTED, "composed and checked; a test key sends nothing",
                          THROWN_AWAY)  # fmt: skip
            else:
                await self._round(letter)

    async def _round(self, letter: _Letter) -> None:
        """Every route that is well, one after another, until one settles it."""
        said: set[Told] = set()
        for way in self.ways:
            if self._expired(letter):
                return
            if not way.allows():
                continue
            outcome = await self._attempt(way, letter)
            if outcome is None:
                continue
            found = self._learn(way, letter, outcome)
            if found in (Told.ACCEPTED, Told.NOBODY):
                state = _D.ACCEPTED if found is Told.ACCEPTED else _D.REFUSED
                self._end(letter, state, outcome.reply.text, way.name)
                return
            said.add(found)
        if said == {Told.REFUSED}:
            self._end(letter, _D.REFUSED, letter.said.text)
        else:
            self._later(letter)

    async def _attempt(self, way: Way, letter: _Letter) -> Outcome | None:
        assert letter.sealed is not None

        async def mark() -> None:
            happening = Happening(self._clock.wall(), "attempting", way.name)
            await self._pen.add(letter.change(_D.ATTEMPTING, happening))

        return await way.attempt(letter.sealed, mark)

    def _learn(self, way: Way, letter: _Letter, outcome: Outcome) -> Told:
        """Note what an attempt told; the message's own end is noted elsewhere."""
        now, reply = self._clock.wall(), outcome.reply
        verdict = verdict_of(outcome, Origin("", way.name, ""), now, self._classify)
        found = told(outcome, verdict)
        letter.said = reply
        standing = letter.standing
        letter.standing = msgspec.structs.replace(
            standing,
            attempts=standing.attempts + 1,
            doubts=standing.doubts + (found is Told.DOUBT),
        )
        self._watch.attempted(way.name, found)
        if found not in (Told.ACCEPTED, Told.NOBODY):
            text = f"{reply.code or ''} {reply.text}".strip()
            happening = Happening(now, _WORDS[found], way.name, text)
            self._pen.add(letter.change(letter.standing.state, happening))
        return found

    def _expired(self, letter: _Letter) -> bool:
        if self._clock.wall() < letter.urgent.expires_at:
            return False
        self._end(letter, _D.EXPIRED, "it makes no sense any more; it was not sent")
        return True

    def _later(self, letter: _Letter) -> None:
        """Every route said no for now, or none is well."""
        now = self._clock.wall()
        rounds = max(1, letter.standing.attempts // max(1, len(self.ways)))
        due = next_round(now, rounds, letter.urgent.expires_at, self._rng)
        happening = Happening(now, "deferred", text=f"tried again in {due - now:.0f} s")
        self._written = self._pen.add(letter.change(_D.DEFERRED, happening, due=due))
        self._leave()

    def _end(self, letter: _Letter, state: DeliveryState, text: str, route: str = "") -> None:
        now = self._clock.wall()
        happening = Happening(now, state.word, route, text)
        self._written = self._pen.add(letter.change(state, happening))
        since = max(letter.urgent.accepted_at, letter.urgent.due)
        self._watch.ended(letter.urgent, state, route, now - since)
        self._leave()

    def _leave(self) -> None:
        self._in_hand -= 1
        if not self._in_hand:
            self._still.set()

    async def _probe(self, way: Way) -> None:
        """See whether a route that was down is back."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + POLL_S)
            if way.breaker.probe_due(self._clock.monotonic()):
                well = await way.probe()
                way.breaker.probed(self._clock.monotonic(), well)


_WORDS: Mapping[Told, str] = {
    Told.REFUSED: "refused by route",
    Told.LATER: "put off by route",
    Told.DOUBT: "in_doubt",
    Told.ROUTE: "route failed",
}
