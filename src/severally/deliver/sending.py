"""The sending loop: grants become runs, runs become outcomes, outcomes become records.

Responsible for tying supply, pacing, fleet and journal together, for halting, and for
ending each mailing in its proper state. Not for how any of them works.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from severally.deliver.fleet import Fleet
from severally.deliver.journal import Journal
from severally.deliver.parcel import Parcel, Run
from severally.deliver.progress import Progress, lanes_now
from severally.deliver.records import Classify, again, record_of, unreached, verdict_of
from severally.deliver.settings import Settings
from severally.deliver.supply import Store, Supply
from severally.deliver.underway import Underway
from severally.model.delivery import DeliveryState
from severally.model.entries import Record
from severally.model.envelope import Blocked, Refusal
from severally.model.lane import Grant, Lane, Limits
from severally.model.mailing import Cohort, Mailing, MailingState
from severally.model.observed import Orders
from severally.model.outcome import Action, Ending, Origin, Outcome, Reply
from severally.pace.scheduler import Scheduler
from severally.ports import Bench, Clock, Ledger, Transport

_M = MailingState
_GONE = Orders(_M.CANCELLED, -1, -1)
_SENDING = frozenset({_M.REHEARSED, _M.CANARY, _M.RAMPING, _M.SENDING})


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
    ) -> None:
        self._beside = beside
        self._ledger = ledger
        self._bench = bench
        self._lane_of = lane_of
        self._clock = clock
        self._classify = classify
        self._settings = settings
        self._rng = rng
        self._listen = listen
        self._off_loop = off_loop
        self._mailings: dict[str, Underway] = {}
        self._halt_epochs: dict[str, int] = {}
        self._lanes: dict[str, Lane] = {}
        self._scheduler = Scheduler({}, routes, settings.pacing, rng)
        self._journal = Journal(ledger, off_loop, clock.wall, self._halt_epochs, self._on_halted)
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
        self._wake = asyncio.Event()
        self._stopping = False
        self._next_poll = 0.0
        self._next_progress = 0.0

    async def run(self, mailings: Sequence[str], until: float | None = None) -> None:
        """Send these (and whatever is handed over meanwhile) until they are final or halted.

        `until` is Unix seconds: then it stops as `stop` does. Raises LedgerError and its
        kin; what was in flight then is found in doubt at the next take-over.
        """
        epoch = await self._off_loop(lambda: self._ledger.take_over(self._clock.wall()))
        self._journal.epoch = self._supply.epoch = epoch
        for mailing_id in mailings:
            await self._adopt(mailing_id, ours=True)
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
                await self._poll()
            if now >= self._next_progress:
                self._next_progress = now + self._settings.progress_s
                self._tell()
            if self._stopping:
                self._close_all()
            else:
                for grant in self._scheduler.step(self._clock.monotonic()):
                    self._dispatch(grant)
            await self._end_mailings()
            if not any(sending.ours for sending in self._mailings.values()):
                break
            await self._sleep(until)
        self._stopping = True
        self._close_all()
        while not all(sending.still for sending in self._mailings.values()):
            self._raise_failures(background)
            await self._sleep(None)
        await self._end_mailings()
        await self._journal.flush()
        await self._fleet.close()

    async def _sleep(self, until: float | None) -> None:
        """Until something happens, or the next slot, retry, poll or picture is due."""
        now = self._clock.monotonic()
        wall_ahead = self._clock.wall() - now
        wake_at = min(self._next_poll, self._next_progress)
        slot = None if self._stopping else self._scheduler.next_wake(now)
        if slot is not None:
            wake_at = min(wake_at, slot)
        wake_at = min(wake_at, self._supply.next_due() - wall_ahead)
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
        size = 1 if grant.spacing else self._settings.pacing.run
        for first in range(0, len(parcels), size):
            run = Run(
                grant.lane,
                grant.cohort,
                store.cohort.mailing,
                grant.at + first * grant.spacing,
                parcels[first : first + size],
            )
            store.under_way += len(run.parcels)
            self._fleet.put(run)

    # --- what the fleet says

    def _on_outcome(self, parcel: Parcel, outcome: Outcome) -> None:
        wall = self._clock.wall()
        origin = Origin(self._lanes[parcel.lane].receiver, parcel.lane, parcel.mailing)
        verdict = verdict_of(outcome, origin, wall, self._classify)
        record = record_of(parcel, outcome, verdict, wall, self._settings.retry, self._rng)
        self._journal.record(record)
        sending = self._mailings[parcel.mailing]
        sending.count(parcel.cohort, record.state, retried=parcel.attempts > 0)
        store = self._supply.stores[parcel.cohort]
        if record.state is DeliveryState.DEFERRED:
            store.defer(record.due)
        elif record.state is DeliveryState.READY:
            store.exhausted = False
            self._supply.nudge()
        meter = sending.meters[parcel.lane]
        if outcome.ending is Ending.REPLIED:
            meter.count(wall)
        if verdict.action is not Action.ACCEPT:
            meter.note = f"{outcome.reply.code} {outcome.reply.text}".strip()
        self._scheduler.observe(self._clock.monotonic(), parcel.lane, verdict)
        if verdict.action is Action.STOP_MAILING:
            self._halt_soon(sending, f"the receiver's reply asks to stop ({verdict.rule})")

    def _on_returned(self, parcel: Parcel) -> None:
        """Not tried: it waits at the front of its store, or goes back to the ledger."""
        store = self._supply.stores[parcel.cohort]
        if store.closed:
            self.spare([parcel])
        else:
            store.waiting.appendleft(parcel)
            self._scheduler.arrive(parcel.lane, parcel.cohort, 1)

    def _on_done(self, run: Run) -> None:
        count = len(run.parcels)
        self._scheduler.finish(run.lane, run.cohort, count)
        self._supply.stores[run.cohort].under_way -= count
        self._wake.set()

    def _on_unreachable(self, lane: str, reply: Reply) -> None:
        note = f"cannot connect: {reply.text or 'no answer'}"
        for sending in self._mailings.values():
            if lane in sending.meters:
                sending.meters[lane].note = note
        origin = Origin(self._lanes[lane].receiver, lane, "")
        verdict = unreached(reply, origin, self._clock.wall(), self._classify)
        self._scheduler.observe(self._clock.monotonic(), lane, verdict)

    # --- what the supply says

    def arrived(self, store: Store, count: int) -> None:
        """So many of this store's messages are sealed and wait."""
        if count:
            self._mailings[store.cohort.mailing].sealed += count
            self._scheduler.arrive(store.lane, store.cohort.id, count)
        self._wake.set()

    def refused(self, store: Store, refusal: Refusal) -> None:
        """The guard said no: the whole mailing halts."""
        sending = self._mailings[store.cohort.mailing]
        sending.refused += len(refusal.deliveries)
        self._halt_soon(sending, f"the guard refused a message: {refusal.reason}")

    def blocked(self, store: Store, blocked: Blocked) -> None:
        """This one recipient cannot be composed for."""
        self._journal.record(Record(blocked.delivery, DeliveryState.BLOCKED, text=blocked.reason))
        sending = self._mailings[store.cohort.mailing]
        sending.count(store.cohort.id, DeliveryState.BLOCKED)

    def spare(self, parcels: Sequence[Parcel]) -> None:
        """Claimed and not needed: back to where they were claimed from."""
        for parcel in parcels:
            self._journal.record(again(parcel, self._clock.wall()))
        self._wake.set()

    # --- mailings come and go

    async def _adopt(self, mailing_id: str, ours: bool) -> None:
        mailing, cohorts, dues, tally = await self._off_loop(lambda: self._look(mailing_id))
        if mailing.state not in _SENDING:
            return
        stores = [
            Store(cohort, self._add_lane(self._lane_of(mailing, cohort.receiver)))
            for cohort in cohorts
        ]
        by_cohort = {store.cohort.id: store for store in stores}
        for cohort_id, due, count in dues:
            by_cohort[cohort_id].defer(due, count)
        self._halt_epochs[mailing_id] = mailing.halt_epoch
        now = self._clock.monotonic()
        self._mailings[mailing_id] = Underway(mailing, stores, tally, now, ours)
        for store in stores:
            self._supply.add(store)
        self._supply.nudge()

    def _look(self, mailing_id: str) -> tuple[Mailing, Any, Any, Any]:
        ledger = self._ledger
        mailing = ledger.mailing(mailing_id)
        dues = ledger.next_due(mailing_id)
        return mailing, ledger.cohorts(mailing_id), dues, ledger.tally(mailing_id)

    def _add_lane(self, lane: Lane) -> str:
        if lane.key not in self._lanes:
            self._lanes[lane.key] = lane
            self._scheduler.add_lane(lane)
            self._fleet.add_lane(lane)
        return lane.key

    async def _poll(self) -> None:
        """Halts by others, mailings handed over, and what the ledger should know of us."""
        orders = await self._off_loop(self._ledger.orders)
        for mailing_id, sending in self._mailings.items():
            order = orders.get(mailing_id, _GONE)
            if order.state not in _SENDING or order.halt_epoch != self._halt_epochs[mailing_id]:
                self._close(sending)
            elif sending.unlock(order.step):
                self._supply.nudge()
        if not self._stopping:
            for mailing_id, order in orders.items():
                if order.state in _SENDING and mailing_id not in self._mailings:
                    await self._adopt(mailing_id, ours=False)

    def _on_halted(self, mailings: frozenset[str]) -> None:
        for mailing_id in mailings:
            if mailing_id in self._mailings:
                self._close(self._mailings[mailing_id])
        self._wake.set()

    def _halt_soon(self, sending: Underway, reason: str) -> None:
        """Nothing more is granted from this moment; the ledger learns it in the next round."""
        if not sending.released:
            sending.halting = reason
            self._close(sending)

    def _close_all(self) -> None:
        for sending in self._mailings.values():
            self._close(sending)

    def _close(self, sending: Underway) -> None:
        if sending.released:
            return
        sending.released = True
        mailing_id = sending.mailing.id
        for store in sending.stores:
            self._scheduler.withdraw(store.lane, store.cohort.id)
        self.spare(self._supply.close_mailing(mailing_id))
        self._fleet.recall(mailing_id)

    async def _end_mailings(self) -> None:
        for sending in list(self._mailings.values()):
            if sending.halting is not None:
                reason, sending.halting = sending.halting, None
                await self._halt(sending, reason)
            ended = sending.finished and not sending.released
            if ended or (sending.released and sending.still):
                await self._leave(sending, done=ended)

    async def _halt(self, sending: Underway, reason: str) -> None:
        wall = self._clock.wall()

        def halt() -> None:
            if self._ledger.mailing(sending.mailing.id).state in _SENDING:
                self._ledger.set_state(sending.mailing.id, MailingState.HALTED, wall, reason)

        await self._off_loop(halt)

    async def _leave(self, sending: Underway, done: bool) -> None:
        """The last records first, then what the ledger keeps about the mailing as a whole."""
        await self._journal.flush()
        self._tell(sending)
        stats = [m.stat(self._fleet.peak(m.lane)) for m in sending.meters.values()]
        mailing_id, wall = sending.mailing.id, self._clock.wall()
        sealed, refused, epoch = sending.sealed, sending.refused, self._halt_epochs[mailing_id]

        def write() -> None:
            self._ledger.add_lane_stats(mailing_id, stats)
            self._ledger.add_guard_counts(mailing_id, sealed, refused)
            if done and self._ledger.mailing(mailing_id).state in _SENDING:
                self._ledger.set_state(mailing_id, MailingState.DONE, wall, halt_epoch=epoch)

        await self._off_loop(write)
        for store in sending.stores:
            del self._supply.stores[store.cohort.id]
        del self._mailings[mailing_id]

    # --- being watched

    def _tell(self, only: Underway | None = None) -> None:
        now, wall = self._clock.monotonic(), self._clock.wall()
        views = self._scheduler.snapshot(now)
        for sending in [only] if only else self._mailings.values():
            self._listen(
                sending.picture(
                    now, wall, lanes_now(self._lanes, views, self._fleet.connections, now)
                )
            )
