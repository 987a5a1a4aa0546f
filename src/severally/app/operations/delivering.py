"""Seeing mailings through: deliver them, or watch whoever does and take over if it goes away.

Responsible for one process delivering for a workspace, for Ctrl-C, and for the view of a
mailing that another process delivers. The sending itself is `deliver`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator

from severally.app.office import Office
from severally.app.operations import fitness, hours, looking, sentinels
from severally.app.operations.replanning import Replanning
from severally.app.operations.results import Report
from severally.deliver.progress import LaneProgress, Progress
from severally.deliver.sending import Deliverer
from severally.deliver.sentinels import Sent
from severally.model.delivery import DeliveryState
from severally.model.mailing import MailingState
from severally.model.staging import StagingPlan

Listen = Callable[[Progress], None]
Say = Callable[[str], None]

POLL_S = 0.25
REPLAN_S = 10.0
"""How often whoever watches asks the scheduler anew how long it takes still."""
_RATE_WINDOW_S = 5.0
_ENDED = frozenset({MailingState.DONE, MailingState.HALTED, MailingState.CANCELLED})


def see_through(
    office: Office, mailing_id: str, until: float | None, listen: Listen, say: Say
) -> Report:
    """Deliver the mailing, or watch until it has ended; ends early at `until` or by Ctrl-C."""
    view = View(office, mailing_id, listen)
    with _terminating(), contextlib.suppress(KeyboardInterrupt):
        told = False
        while not view.ended() and not _passed(until):
            if office.lock.take():
                try:
                    if office.wiring.run(_deliver(office, mailing_id, until, listen, say)):
                        break
                finally:
                    office.lock.release()
                continue
            if not told:
                say("another process delivers for this workspace; it takes this mailing over")
                told = True
            view.show()
            time.sleep(POLL_S)
    return looking.report(office, mailing_id)


def watch(office: Office, mailing_id: str, until: float | None, listen: Listen) -> Report:
    """Look on until it has ended, nobody delivers it, `until` has come, or Ctrl-C."""
    view = View(office, mailing_id, listen)
    alone = 0
    with contextlib.suppress(KeyboardInterrupt):
        while not view.ended() and not _passed(until) and alone < 4:
            view.show()
            time.sleep(POLL_S)
            alone = 0 if office.lock.held_by_anyone() else alone + 1
    view.show()
    return looking.report(office, mailing_id)


async def _deliver(
    office: Office, mailing_id: str, until: float | None, listen: Listen, say: Say
) -> bool:
    """True where it was interrupted."""

    def mine(progress: Progress) -> None:
        if progress.mailing == mailing_id:
            listen(progress)

    def tell(mailing: str, plan: StagingPlan) -> Sent:
        return sentinels.tell(office, mailing, plan)

    def unfit(mailing: str) -> list[str]:
        return fitness.unfit(office, mailing)

    opened = office.wiring.deliverer(
        office.workspace, office.keys, office.ledger, mine, tell, unfit
    )
    async with opened as one:
        work = asyncio.ensure_future(one.run([mailing_id], until))
        with _interruptible(one, work, say) as interrupted:
            with contextlib.suppress(asyncio.CancelledError):
                await work
            return interrupted.is_set()


@contextlib.contextmanager
def _interruptible(one: Deliverer, work: asyncio.Future[None], say: Say) -> Iterator[asyncio.Event]:
    """The first Ctrl-C finishes what is in flight, the second drops it (it is in doubt then)."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def stop() -> None:
        if asked.is_set():
            work.cancel()
        else:
            asked.set()
            say("stopping: finishing what is in flight (Ctrl-C again leaves it in doubt)")
            one.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield asked
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _terminating() -> Iterator[None]:
    """While watching, SIGTERM ends as Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _passed(until: float | None) -> bool:
    return until is not None and time.time() >= until


class View:
    """A mailing seen through the ledger, with rates from what changed lately."""

    def __init__(self, office: Office, mailing_id: str, listen: Listen) -> None:
        self._office = office
        self._id = mailing_id
        self._listen = listen
        self._seen: deque[tuple[float, dict[str, int]]] = deque()
        self._since = time.monotonic()
        self._replanning: Replanning | None = None
        self._replan_at = self._ends_at = 0.0
        self._times = office.ledger.frozen(mailing_id).times

    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self._office.ledger.mailing(self._id).state in _ENDED

    def show(self) -> None:
        """Tell the listener how it stands now."""
        ledger = self._office.ledger
        lanes = looking.by_lane(self._office, self._id, ledger.tally(self._id))
        rates = self._rates({lane: _answered(counts) for lane, counts in lanes.items()})
        asleep, now = (
            hours.asleep_now(self._office, self._id, self._times),
            self._office.wiring.clock.wall(),
        )
        shown = tuple(
            LaneProgress(lane, counts, rates[lane], "", 0, *_asleep(asleep.get(lane), now))
            for lane, counts in lanes.items()
        )
        elapsed = time.monotonic() - self._since
        counts = ledger.guard_counts(self._id)
        self._listen(Progress(self._id, shown, elapsed, *counts, self._left_s()))

    def _left_s(self) -> float:
        """How long it takes still, planned anew now and then."""
        now = time.monotonic()
        if now >= self._replan_at:
            if self._replanning is None:
                self._replanning = Replanning(self._office, self._office.ledger.mailing(self._id))
            self._ends_at = now + self._replanning.left_s()
            self._replan_at = time.monotonic() + REPLAN_S
        return max(0.0, self._ends_at - now)

    def _rates(self, answered: dict[str, int]) -> dict[str, float]:
        now = time.monotonic()
        self._seen.append((now, answered))
        while now - self._seen[0][0] > _RATE_WINDOW_S:
            self._seen.popleft()
        then, before = self._seen[0]
        span = now - then
        return {
            lane: (count - before.get(lane, 0)) / span if span else 0.0
            for lane, count in answered.items()
        }


def _asleep(lane: hours.Asleep | None, now: float) -> tuple[float, str, int, float]:
    """Of a picture: not held, no note, how many are asleep, in how long the first may leave."""
    return (0.0, "", lane.count, lane.opens_at - now) if lane else (0.0, "", 0, 0.0)


def _answered(counts: dict[DeliveryState, int]) -> int:
    waiting = (DeliveryState.READY, DeliveryState.CLAIMED, DeliveryState.ATTEMPTING)
    return sum(count for state, count in counts.items() if state not in waiting)
