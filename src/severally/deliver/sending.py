"""The sending loop: grants become runs, runs become outcomes, outcomes become records.

Responsible for tying supply, pacing, fleet, journal and roster together. Not for how any of
them works.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from severally.deliver.fleet import Fleet
from severally.deliver.journal import Journal
from severally.deliver.opening import Opening
from severally.deliver.parcel import Parcel, Run
from severally.deliver.progress import Progress
from severally.deliver.records import Classify, record_of, unreached, verdict_of
from severally.deliver.refusals import Hear, unheard
from severally.deliver.roster import Roster
from severally.deliver.settings import Settings
from severally.deliver.supply import Store, Supply
from severally.model.delivery import DeliveryState
from severally.model.entries import Record
from severally.model.envelope import Blocked, Refusal
from severally.model.lane import Grant, Lane, Limits
from severally.model.learned import Learned
from severally.model.mailing import Cohort, Mailing
from severally.model.outcome import Action, Ending, Origin, Outcome, Reply
from severally.pace.scheduler import Scheduler
from severally.ports import Bench, Clock, Ledger, Transport
from severally.ports.lanes import LaneMemory

KEEP_EVERY_S = 10.0
"""How often what lanes learned is written down (judgement: a crash costs as much of it)."""

_BACK = frozenset({DeliveryState.READY, DeliveryState.DEFERRED})


class Forgetful:
    """A `LaneMemory` of nothing: each sending finds everything out anew."""

    def recall(self) -> Mapping[str, Learned]:
        """Nothing is known."""
        return {}

    def keep(self, lanes: Mapping[str, Learned]) -> None:
        """Nothing is kept."""


class Deliverer:
    """Sends mailings until each is final or halted. One per process and ledger.

    `beside`: loops that run as long as this one, such as the conductor's."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        bench: Bench,
        transports: Mapping[str, Transport],
        lane_of: Callable[[Mailing, str], Lane],
        clock: Clock,
        classify: Classify,
        routes: Mapping[str, Limits],
        settings: Settings,
        rng: random.Random,
        listen: Callable[[Progress], None],
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
        beside: Sequence[Callable[[], Awaitable[None]]] = (),
        reserve: Callable[[Cohort, int], None] = lambda cohort, upto: None,
        hear: Hear = unheard,
        memory: LaneMemory | None = None,
    ) -> None:
        self._memory = memory or Forgetful()
        self._hear = hear
        self._beside = beside
        self._ledger = ledger
        self._bench = bench
        self._clock = clock
        self._classify = classify
        self._settings = settings
        self._rng = rng
        self._off_loop = off_loop
        halt_epochs: dict[str, int] = {}
        self._scheduler = Scheduler({}, routes, settings.pacing, rng)
        self._journal = Journal(ledger, off_loop, clock.wall, halt_epochs, self._on_halted)
        self._fleet = Fleet(
            transports,
            routes,
            self._journal,
            clock,
            self._scheduler.depart,
            self._on_outcome,
            self._on_returned,
            self._on_done,
            self._on_unreachable,
            lambda run: self._opening.in_time(run),
        )
        self._supply = Supply(
            ledger,
            bench,
            off_loop,
            clock.wall,
            self._scheduler.speed,
            self,
            settings,
            reserve,
        )
        self._opening = Opening(
            clock,
            self._supply,
            self._scheduler,
            lambda parcels: self._roster.spare(parcels),
        )
        self._roster = Roster(
            ledger=ledger,
            off_loop=off_loop,
            clock=clock,
            lane_of=lane_of,
            halt_epochs=halt_epochs,
            journal=self._journal,
            scheduler=self._scheduler,
            fleet=self._fleet,
            supply=self._supply,
            opening=self._opening,
            memory=self._memory,
            listen=listen,
            settings=settings,
        )
        self._wake = asyncio.Event()
        self._stopping = False
        self._next_poll = 0.0
        self._next_progress = 0.0
        self._next_keep = KEEP_EVERY_S

    async def run(self, mailings: Sequence[str], until: float | None = None) -> None:
        """Send these (and whatever is handed over meanwhile) until they are final or halted.

        `until` is Unix seconds: then it stops as `stop` does. Raises LedgerError and its
        kin; what was in flight then is found in doubt at the next take-over.
        """
        epoch = await self._off_loop(lambda: self._ledger.take_over(self._clock.wall()))
        self._journal.epoch = self._supply.epoch = epoch
        for mailing_id in mailings:
            await self._roster.adopt(mailing_id, ours=True)
        loops = (self._journal.run, self._supply.run, *self._beside)
        background = [asyncio.ensure_future(each()) for each in loops]
        try:
            await self._drive(background, until)
        except BaseException:
            self._fleet.abandon()
            raise
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    def stop(self) -> None:
        """Claim and grant nothing more; `run` ends when what is under way has ended."""
        self._stopping = True
        self._wake.set()

    # --- the loop

    async def _drive(self, background: Sequence[asyncio.Future[Any]], until: float | None) -> None:
        while True:
            self._raise_failures(background)
            now = self._clock.monotonic()
            self._stopping |= until is not None and self._clock.wall() >= until
            if now >= self._next_poll:
                self._next_poll = now + self._settings.poll_s
                await self._roster.poll(adopting=not self._stopping)
            if now >= self._next_progress:
                self._next_progress = now + self._settings.progress_s
                self._roster.tell()
                self._supply.nudge()  # lanes change their speed
            if now >= self._next_keep:
                self._next_keep = now + KEEP_EVERY_S
                await self._keep()
            self._opening.look()
            if self._stopping:
                self._roster.close_all()
            else:
                for grant in self._scheduler.step(self._clock.monotonic()):
                    self._dispatch(grant)
            await self._roster.end()
            if not self._roster.ours:
                break
            await self._sleep(until)
        self._stopping = True
        self._roster.close_all()
        while not self._roster.still:
            self._raise_failures(background)
            await self._sleep(None)
        await self._roster.end()
        await self._keep()
        await self._journal.flush()
        await self._fleet.close()

    async def _keep(self) -> None:
        """What lanes learned so far is not lost, whatever comes."""
        learned = self._scheduler.learned(self._clock.monotonic(), self._clock.wall())
        await self._off_loop(lambda: self._memory.keep(learned))

    async def _sleep(self, until: float | None) -> None:
        """Until something happens, or the next slot, retry, poll or picture is due."""
        now = self._clock.monotonic()
        wall_ahead = self._clock.wall() - now
        wake_at = min(self._next_poll, self._next_progress)
        slot = None if self._stopping else self._scheduler.next_wake(now)
        if slot is not None:
            wake_at = min(wake_at, slot)
        due = min(self._supply.next_due(), self._opening.next_change())
        wake_at = min(wake_at, due - wall_ahead)
        if until is not None and not self._stopping:
            wake_at = min(wake_at, until - wall_ahead)
        delay = max(0.0, wake_at - now)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(delay, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        self._wake.clear()
        if self._supply.next_due() <= self._clock.wall():
            self._supply.nudge()

    def _raise_failures(self, background: Iterable[asyncio.Future[Any]]) -> None:
        for task in background:
            if task.done():
                raise task.exception() or RuntimeError("a background loop ended by itself")
        if self._fleet.failure is not None:
            raise self._fleet.failure

    def _dispatch(self, grant: Grant) -> None:
        parcels = self._supply.take(grant.cohort, grant.count)
        if len(parcels) < grant.count:
            self._scheduler.finish(grant.lane, grant.cohort, grant.count - len(parcels))
        store = self._supply.stores[grant.cohort]
        size = self._scheduler.together(grant)
        for first in range(0, len(parcels), size):
            together = parcels[first : first + size]
            last = grant.at + (first + len(together) - 1) * grant.spacing
            run = Run(grant.lane, grant.cohort, store.cohort.mailing, last, together)
            store.under_way += len(run.parcels)
            self._fleet.put(run)

    # --- what the fleet says

    def _on_outcome(self, parcel: Parcel, outcome: Outcome) -> None:
        wall = self._clock.wall()
        origin = Origin(self._roster.receiver(parcel.lane), parcel.lane, parcel.mailing)
        verdict = verdict_of(outcome, origin, wall, self._classify)
        sending = self._roster[parcel.mailing]
        record = record_of(parcel, outcome, verdict, wall, sending.retry, self._rng)
        store = self._supply.stores[parcel.cohort]
        back = self._supply.going_back(store, record) if record.state in _BACK else None
        written = self._hear(parcel, outcome, verdict, record, wall, sending.kind)
        self._journal.record(*written, then=back)
        sending.count(parcel.cohort, record.state, retried=parcel.attempts > 0)
        meter = sending.meters[parcel.lane]
        if outcome.ending is Ending.REPLIED:
            meter.count(wall)
        if verdict.action is not Action.ACCEPT:
            meter.note = f"{outcome.reply.code} {outcome.reply.text}".strip()
        self._scheduler.observe(self._clock.monotonic(), parcel.lane, verdict)
        if verdict.action is Action.STOP_MAILING:
            self._roster.halt_soon(sending, f"the receiver's reply asks to stop ({verdict.rule})")

    def _on_returned(self, parcel: Parcel) -> None:
        """Not tried: it waits at the front of its store, or goes back to the ledger."""
        store = self._supply.stores[parcel.cohort]
        if store.closed or store.asleep:
            self.spare([parcel])
        else:
            self._supply.put_back(store, parcel)
            self._scheduler.arrive(parcel.lane, parcel.cohort, 1)

    def _on_done(self, run: Run) -> None:
        count = len(run.parcels)
        self._scheduler.finish(run.lane, run.cohort, count)
        self._supply.stores[run.cohort].under_way -= count
        self._wake.set()

    def _on_unreachable(self, lane: str, reply: Reply) -> None:
        note = f"cannot connect: {reply.text or 'no answer'}"
        for sending in self._roster:
            if lane in sending.meters:
                sending.meters[lane].note = note
        origin = Origin(self._roster.receiver(lane), lane, "")
        verdict = unreached(reply, origin, self._clock.wall(), self._classify)
        self._scheduler.observe(self._clock.monotonic(), lane, verdict)

    # --- what the supply says

    def arrived(self, store: Store, count: int) -> None:
        """So many of this store's messages are sealed and wait."""
        if count:
            self._roster[store.cohort.mailing].sealed += count
            self._scheduler.arrive(store.lane, store.cohort.id, count)
        self._wake.set()

    def refused(self, store: Store, refusal: Refusal) -> None:
        """The guard said no: the whole mailing halts."""
        sending = self._roster[store.cohort.mailing]
        sending.refused += len(refusal.deliveries)
        self._roster.halt_soon(sending, f"the guard refused a message: {refusal.reason}")

    def blocked(self, store: Store, blocked: Blocked) -> None:
        """This one recipient cannot be composed for."""
        self._journal.record(Record(blocked.delivery, DeliveryState.BLOCKED, text=blocked.reason))
        sending = self._roster[store.cohort.mailing]
        sending.count(store.cohort.id, DeliveryState.BLOCKED)

    def spare(self, parcels: Sequence[Parcel]) -> None:
        """Claimed and not needed now: back to where they were claimed from."""
        self._roster.spare(parcels)
        self._wake.set()

    def _on_halted(self, mailings: frozenset[str]) -> None:
        self._roster.halted(mailings)
        self._wake.set()
