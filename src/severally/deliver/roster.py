"""The mailings that this process sends: how they come, what holds them, how they end.

Responsible for taking mailings in hand, for closing them when somebody halts them, for leaving
each in its proper state, and for what a person watching is told. Not for sending (`sending`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from severally.deliver.fleet import Fleet
from severally.deliver.journal import Journal
from severally.deliver.opening import Opening
from severally.deliver.parcel import Parcel
from severally.deliver.progress import Progress, lanes_now
from severally.deliver.records import again
from severally.deliver.settings import Settings
from severally.deliver.supply import Store, Supply
from severally.deliver.underway import Underway
from severally.model.lane import Lane
from severally.model.learned import Learned
from severally.model.mailing import Mailing, MailingState
from severally.model.notice import Kind
from severally.model.observed import Orders
from severally.model.schedule import Schedule
from severally.pace.calendar import Hours
from severally.pace.scheduler import Scheduler
from severally.ports import Clock, Ledger
from severally.ports.lanes import LaneMemory

_M = MailingState
_GONE = Orders(_M.CANCELLED, -1, -1)
_SENDING = frozenset({_M.REHEARSED, _M.CANARY, _M.RAMPING, _M.SENDING})


class Roster:
    """Who is under way. `halt_epochs` is shared with the journal: under which halt epoch each
    mailing is being sent."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
        clock: Clock,
        lane_of: Callable[[Mailing, str], Lane],
        halt_epochs: dict[str, int],
        journal: Journal,
        scheduler: Scheduler,
        fleet: Fleet,
        supply: Supply,
        opening: Opening,
        memory: LaneMemory,
        listen: Callable[[Progress], None],
        settings: Settings,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._off_loop = off_loop
        self._clock = clock
        self._lane_of = lane_of
        self._halt_epochs = halt_epochs
        self._journal = journal
        self._scheduler = scheduler
        self._fleet = fleet
        self._supply = supply
        self._opening = opening
        self._memory = memory
        self._known: Mapping[str, Learned] = {}
        self._listen = listen
        self._mailings: dict[str, Underway] = {}
        self._lanes: dict[str, Lane] = {}

    def __getitem__(self, mailing: str) -> Underway:
        """One that is under way."""
        return self._mailings[mailing]

    def __iter__(self) -> Iterator[Underway]:
        """All that are under way."""
        return iter(self._mailings.values())

    def receiver(self, lane: str) -> str:
        """The receiving provider that a lane leads to."""
        return self._lanes[lane].receiver

    @property
    def ours(self) -> bool:
        """Whether one that this process was asked to see through is still under way."""
        return any(sending.ours for sending in self)

    @property
    def still(self) -> bool:
        """Nothing of any mailing is composing or under way here."""
        return all(sending.still for sending in self)

    # --- they come

    async def adopt(self, mailing_id: str, ours: bool) -> None:
        """Send this one too, if it may be sent."""
        found = await self._off_loop(lambda: self._look(mailing_id))
        mailing, times, cohorts, dues, tally, kind = found
        self._known = await self._off_loop(self._memory.recall)
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
        retry = self._settings.retry_of(kind)
        self._mailings[mailing_id] = Underway(mailing, stores, tally, now, ours, retry, kind)
        for store in stores:
            self._supply.add(store)
            if times != Schedule():
                self._opening.watch(store, Hours(times, store.cohort.zone))
        self._supply.nudge()

    def _look(self, mailing_id: str) -> tuple[Mailing, Schedule, Any, Any, Any, Kind]:
        ledger = self._ledger
        mailing, frozen = ledger.mailing(mailing_id), ledger.frozen(mailing_id)
        cohorts, dues = ledger.cohorts(mailing_id), ledger.next_due(mailing_id)
        tally, kind = ledger.tally(mailing_id), frozen.notice.kind
        return mailing, frozen.times, cohorts, dues, tally, kind

    def _add_lane(self, lane: Lane) -> str:
        if lane.key not in self._lanes:
            self._lanes[lane.key] = lane
            self._scheduler.add_lane(lane)
            if learned := self._known.get(lane.key):
                now, wall = self._clock.monotonic(), self._clock.wall()
                self._scheduler.teach(now, lane.key, learned, wall)
            self._fleet.add_lane(lane)
        return lane.key

    async def poll(self, adopting: bool) -> None:
        """Halts by others, steps unlocked and, where `adopting`, mailings handed over."""
        orders = await self._off_loop(self._ledger.orders)
        for mailing_id, sending in self._mailings.items():
            order = orders.get(mailing_id, _GONE)
            if order.state not in _SENDING or order.halt_epoch != self._halt_epochs[mailing_id]:
                self.close(sending)
            elif sending.unlock(order.step):
                self._supply.nudge()
        if adopting:
            for mailing_id, order in orders.items():
                if order.state in _SENDING and mailing_id not in self._mailings:
                    await self.adopt(mailing_id, ours=False)

    # --- they are held

    def halt_soon(self, sending: Underway, reason: str) -> None:
        """Nothing more is granted from this moment; the ledger learns it in the next round."""
        if not sending.released:
            sending.halting = reason
            self.close(sending)

    def halted(self, mailings: frozenset[str]) -> None:
        """The ledger says that these were halted by somebody else."""
        for mailing_id in mailings:
            if mailing_id in self._mailings:
                self.close(self._mailings[mailing_id])

    def close_all(self) -> None:
        """Grant nothing more of any."""
        for sending in self:
            self.close(sending)

    def close(self, sending: Underway) -> None:
        """Grant nothing more of this one; what was claimed goes back."""
        if sending.released:
            return
        sending.released = True
        mailing_id = sending.mailing.id
        for store in sending.stores:
            self._scheduler.withdraw(store.lane, store.cohort.id)
        self.spare(self._supply.close_mailing(mailing_id))
        self._fleet.recall(mailing_id)

    def spare(self, parcels: Sequence[Parcel]) -> None:
        """Claimed and not needed: back to where they were claimed from."""
        for parcel in parcels:
            record, store = again(parcel, self._clock.wall()), self._supply.stores[parcel.cohort]
            self._journal.record(record, then=self._supply.going_back(store, record))

    # --- they end

    async def end(self) -> None:
        """Halt those that must be, and leave those that are done or still."""
        for sending in list(self):
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
        self.tell(sending)
        stats = [m.stat(self._fleet.peak(m.lane)) for m in sending.meters.values()]
        mailing_id, wall = sending.mailing.id, self._clock.wall()
        sealed, refused, epoch = sending.sealed, sending.refused, self._halt_epochs[mailing_id]

        def write() -> None:
            self._ledger.add_lane_stats(mailing_id, stats)
            self._ledger.add_guard_counts(mailing_id, sealed, refused)
            if done and self._ledger.mailing(mailing_id).state in _SENDING:
                self._ledger.set_state(mailing_id, MailingState.DONE, wall, halt_epoch=epoch)

        await self._off_loop(write)
        self._opening.forget(sending.stores)
        for store in sending.stores:
            del self._supply.stores[store.cohort.id]
        del self._mailings[mailing_id]

    # --- they are watched

    def tell(self, only: Underway | None = None) -> None:
        """A picture of each, or of this one, for whoever watches."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        views = self._scheduler.snapshot(now)
        lane_now = lanes_now(self._lanes, views, self._fleet.connections, now)
        for sending in [only] if only else self:
            self._listen(sending.picture(now, wall, lane_now))
