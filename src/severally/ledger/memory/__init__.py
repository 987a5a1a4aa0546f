"""The ledger in memory: the same record without a disk, for simulation and trials.

Responsible for the very semantics of `sqlite`, fast. It outlives nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

import msgspec

from severally.ledger import rules
from severally.ledger.halted import halted_since
from severally.ledger.memory.deliveries import Deliveries, Delivery
from severally.ledger.memory.events import MemoryEvents
from severally.ledger.memory.listing import Book, Listing
from severally.ledger.memory.register import MemoryRegister
from severally.ledger.memory.reporting import MemoryReporting
from severally.ledger.memory.staging import FrozenRows, MemoryStaging, places_by_step
from severally.ledger.memory.submissions import MemorySubmissions
from severally.ledger.memory.urgent import MemoryUrgent
from severally.model.audit import GENESIS, ChainRow, chain
from severally.model.delivery import Claim, DeliveryState
from severally.model.entries import Act, LaneStat, Turn, TurnResult
from severally.model.errors import LedgerError
from severally.model.mailing import Audience, Cohort, Frozen, Mailing, MailingState
from severally.model.observed import Orders, Seen

P = ParamSpec("P")
T = TypeVar("T")


def _alone(
    method: Callable[Concatenate[MemoryLedger, P], T],
) -> Callable[Concatenate[MemoryLedger, P], T]:
    """One call at a time: the ledger is used from several threads."""

    def locked(self: MemoryLedger, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            return method(self, *args, **kwargs)

    return cast(Callable[Concatenate["MemoryLedger", P], T], wraps(method)(locked))


class MemoryLedger(
    Listing, MemoryEvents, MemoryReporting, MemorySubmissions, MemoryRegister, MemoryUrgent
):
    """`ports.Ledger` in plain dicts."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._audiences: dict[str, FrozenRows] = {}
        self._books: dict[str, Book] = {}
        self._mailing_of: dict[int, str] = {}
        self._deliveries = Deliveries()
        self._chain: list[ChainRow] = []
        self._epoch = 0
        self._next_delivery = 1

    # --- audiences

    @_alone
    def stage(self, audience_id: str) -> MemoryStaging:
        """Begin to read an audience. Raises LedgerError where the id is taken."""
        self._refuse_known(audience_id)
        return MemoryStaging(audience_id, self._keep)

    @_alone
    def _keep(self, frozen: FrozenRows) -> None:
        self._refuse_known(frozen.audience.id)
        self._audiences[frozen.audience.id] = frozen

    def _refuse_known(self, audience_id: str) -> None:
        if audience_id in self._audiences:
            raise LedgerError(f"there is an audience {audience_id} already; it cannot be changed")

    @_alone
    def audience(self, audience_id: str) -> Audience:
        """Raises UsageError where there is none."""
        return self._rows(audience_id).audience

    def sweep(self) -> int:
        """Nothing here outlives its import."""
        return 0

    @_alone
    def find_recipient(self, audience_id: str, recipient_id: str) -> Claim | None:
        """A recipient's encrypted row by id (a Claim with delivery 0)."""
        rows = self._rows(audience_id)
        place = rows.by_id.get(recipient_id)
        return None if place is None else rows.looked_at(place)

    def rows(self, audience_id: str) -> Iterator[Claim]:
        """Every recipient's encrypted row in audience order (delivery 0), streaming."""
        rows = self._rows(audience_id)
        return (rows.looked_at(place) for place in range(rows.audience.count))

    @_alone
    def receivers(self, audience_id: str) -> Mapping[str, int]:
        """Recipients per receiver group, in audience order."""
        return dict(self._rows(audience_id).groups)

    @_alone
    def strata(self, audience_id: str) -> Mapping[tuple[str, str, str], int]:
        """Recipients per (receiver group, locale, time zone)."""
        return dict(Counter(self._rows(audience_id).strata))

    def _rows(self, audience_id: str) -> FrozenRows:
        try:
            return self._audiences[audience_id]
        except KeyError:
            raise rules.no_audience(audience_id) from None

    # --- mailings

    @_alone
    def create_mailing(
        self,
        mailing: Mailing,
        frozen: Frozen,
        lanes: Mapping[str, str],
        now: float,
        steps: rules.Steps | None = None,
    ) -> Sequence[Cohort]:
        """Store it with one ready delivery per recipient, numbered by (receiver, step)."""
        rows = self._rows(mailing.audience)
        rules.check_lanes(mailing.id, rows.groups, lanes)
        rules.check_new(mailing, rows.audience.count, mailing.id in self._books)
        first = self._next_delivery
        parts = rules.parts_of(mailing.id, rows.groups.items(), steps)
        cohorts = rules.cohorts_of(mailing.id, parts, len(self._mailing_of) + 1, first)
        places = places_by_step(mailing.id, rows, steps)
        for cohort in cohorts:
            self._mailing_of[cohort.id] = cohort.mailing
            self._deliveries.add(cohort, places[cohort.receiver, cohort.step, cohort.zone])
        self._next_delivery += mailing.count
        made = msgspec.structs.replace(mailing, created_at=mailing.created_at or now)
        used = {cohort.receiver: lanes[cohort.receiver] for cohort in cohorts}
        self._books[mailing.id] = Book(made, frozen, cohorts, used, {})
        self._write(Act(now, mailing.id, "created", mailing.state.value))
        return list(cohorts)

    @_alone
    def mailing(self, mailing_id: str) -> Mailing:
        """Raises UsageError where there is none."""
        return self._book(mailing_id).mailing

    @_alone
    def mailings(self) -> Sequence[Mailing]:
        """All, oldest first."""
        return [book.mailing for book in self._books.values()]

    @_alone
    def by_digest(self, digest: str) -> Sequence[Mailing]:
        """All with this digest, oldest first."""
        return [b.mailing for b in self._books.values() if b.mailing.digest == digest]

    @_alone
    def frozen(self, mailing_id: str) -> Frozen:
        """What was fixed when the mailing was made."""
        return self._book(mailing_id).frozen

    @_alone
    def cohorts(self, mailing_id: str) -> Sequence[Cohort]:
        """The mailing's cohorts in audience order."""
        return list(self._book(mailing_id).cohorts)

    @_alone
    def set_state(
        self,
        mailing_id: str,
        state: MailingState,
        now: float,
        reason: str = "",
        *,
        who: str = "",
        said: str = "",
        halt_epoch: int | None = None,
    ) -> Mailing:
        """A legal transition, recorded as an act. Raises Refused for an illegal one."""
        book = self._book(mailing_id)
        if halted_since(book.mailing, halt_epoch):
            return book.mailing
        counts = self._deliveries.total(book.cohorts)
        book.mailing = rules.step(book.mailing, state, now, reason, counts)
        self._write(Act(now, mailing_id, state.value, said or reason, who))
        return book.mailing

    @_alone
    def set_estimate(self, mailing_id: str, estimate_s: float) -> None:
        """Keep what was promised (seconds)."""
        book = self._book(mailing_id)
        book.mailing = msgspec.structs.replace(book.mailing, estimate_s=estimate_s)

    @_alone
    def open_step(
        self, mailing_id: str, step: int, now: float, reason: str, *, halt_epoch: int | None = None
    ) -> Mailing:
        """Let every step up to this one leave, recorded as an act."""
        book = self._book(mailing_id)
        if halted_since(book.mailing, halt_epoch):
            return book.mailing
        book.mailing = rules.opened(book.mailing, step)
        self._write(Act(now, mailing_id, f"step {step} opened", reason))
        return book.mailing

    @_alone
    def orders(self) -> Mapping[str, Orders]:
        """What holds for every mailing that is not final."""
        mailings = (book.mailing for book in self._books.values())
        return {
            m.id: Orders(m.state, m.halt_epoch, m.step)
            for m in mailings
            if m.state not in rules.FINAL
        }

    # --- delivering

    @_alone
    def take_over(self, now: float) -> int:
        """A new epoch. What was claimed is ready (or deferred) again; attempting is in doubt."""
        self._epoch += 1
        changes: dict[str, Counter[DeliveryState]] = {}
        for cohort, moved in self._deliveries.let_go(now):
            changes.setdefault(cohort.mailing, Counter()).update(moved)
        self._write(*rules.taken_over(self._epoch, now, changes))
        self._settle_waiting()
        return self._epoch

    @_alone
    def claim(self, cohort: Cohort, count: int, epoch: int, now: float) -> Sequence[Claim]:
        """Up to `count` ready deliveries of the cohort, in order."""
        rules.fence(epoch, self._epoch)
        return self._claimed(cohort, self._deliveries.take_ready(cohort, count, epoch, now))

    @_alone
    def claim_due(self, cohort: Cohort, count: int, epoch: int, now: float) -> Sequence[Claim]:
        """Up to `count` deferred deliveries whose time has come, the oldest first."""
        rules.fence(epoch, self._epoch)
        return self._claimed(cohort, self._deliveries.take_due(cohort, count, epoch, now))

    def _claimed(self, cohort: Cohort, taken: Iterable[tuple[int, Delivery]]) -> Sequence[Claim]:
        rows = self._audiences[self._books[cohort.mailing].mailing.audience]
        return [rows.claimed(d.place, number, d.date, d.attempts) for number, d in taken]

    @_alone
    def next_due(self, mailing_id: str) -> Sequence[tuple[int, float, int]]:
        """Deferred deliveries as (cohort id, due to the next whole second, how many)."""
        return self._deliveries.next_due(self._book(mailing_id).cohorts)

    @_alone
    def turn(self, turn: Turn) -> TurnResult:
        """Records first, then attempts. Raises Fenced where the epoch is no longer ours."""
        rules.fence(turn.epoch, self._epoch)
        standings = self._deliveries.standings(rules.delivery_ids(turn))
        rules.apply_records(turn, standings)
        named = (book.mailing for a in turn.attempts if (book := self._books.get(a.mailing)))
        mailings = {m.id: (m.state, m.halt_epoch) for m in named}
        halted = rules.apply_attempts(turn, standings, self._mailing_of, mailings)
        self._deliveries.keep(standings, {r.delivery for r in turn.records}, turn.now)
        self._write(*rules.outcomes(turn))
        self._hear(turn.events, turn.now)
        self._settle_waiting()
        return TurnResult(halted)

    @_alone
    def doubt(self, marks: Mapping[int, int], now: float, reason: str) -> int:
        """Everything up to its cohort's mark that is not final is in doubt; mailings under way
        are halted. How many are in doubt now that were not before."""
        self._epoch += 1
        count = sum(self._deliveries.doubt(cohort, mark, now) for cohort, mark in marks.items())
        for book in self._books.values():
            if book.mailing.state in rules.HALTABLE:
                book.mailing = rules.step(book.mailing, MailingState.HALTED, now, reason, {})
        self._write(rules.restored(now, reason, count))
        self._settle_waiting()
        return count

    @_alone
    def add_lane_stats(self, mailing_id: str, stats: Iterable[LaneStat]) -> None:
        """Merge: earliest first, latest last, greatest peaks."""
        kept = self._book(mailing_id).stats
        for stat in stats:
            kept[stat.lane] = rules.merged(kept.get(stat.lane, stat), stat)

    # --- looking

    @_alone
    def tally(self, mailing_id: str) -> Mapping[int, Mapping[DeliveryState, int]]:
        """Deliveries per cohort id and state (zeros left out)."""
        return {c.id: self._deliveries.tally(c) for c in self._book(mailing_id).cohorts}

    @_alone
    def recount(self, mailing_id: str) -> Mapping[int, Mapping[DeliveryState, int]]:
        """The same, counted from the deliveries themselves."""
        return {c.id: self._deliveries.recount(c) for c in self._book(mailing_id).cohorts}

    @_alone
    def lanes(self, mailing_id: str) -> Mapping[str, str]:
        """Receiver group -> lane key."""
        return dict(self._book(mailing_id).lanes)

    @_alone
    def lane_stats(self, mailing_id: str) -> Sequence[LaneStat]:
        """By name of the lane."""
        return [stat for _, stat in sorted(self._book(mailing_id).stats.items())]

    @_alone
    def seen(self, mailing_id: str, upto: int, now: float) -> Sequence[Seen]:
        """What became of the deliveries of every step up to `upto` that were tried."""
        return [
            Seen(cohort.step, cohort.receiver, state, rule, age * 60.0, n)
            for cohort in self._book(mailing_id).cohorts
            if cohort.step <= upto
            for (state, rule, age), n in sorted(self._deliveries.seen(cohort, now).items())
        ]

    @_alone
    def look_through(self, cohort: Cohort, after: int, count: int) -> Sequence[Claim]:
        """The next deliveries of the cohort beyond number `after`, whatever their state."""
        first = max(after + 1, cohort.first)
        numbers = range(first, min(cohort.last + 1, first + count))
        rows = self._audiences[self._books[cohort.mailing].mailing.audience]
        found = ((number, self._deliveries.one(number)) for number in numbers)
        return [rows.claimed(d.place, n, max(d.date, 0), d.attempts) for n, d in found]

    @_alone
    def guard_counts(self, mailing_id: str) -> tuple[int, int]:
        """(sealed, refused) so far."""
        book = self._book(mailing_id)
        return book.sealed, book.refused

    @_alone
    def add_guard_counts(self, mailing_id: str, sealed: int, refused: int) -> None:
        """Add to what the guard did for this mailing."""
        book = self._book(mailing_id)
        book.sealed += sealed
        book.refused += refused

    @_alone
    def add_act(self, act: Act) -> None:
        """Add to the record of who did what."""
        self._write(act)

    @_alone
    def acts(self, mailing_id: str) -> Sequence[Act]:
        """What was done to a mailing, in order; under '' what was done to the ledger."""
        return [row.act for row in self._chain if row.act.mailing == mailing_id]

    def _write(self, *acts: Act) -> None:
        self._chain += chain(acts, *self.head())

    @_alone
    def head(self) -> tuple[int, bytes]:
        """(number, hash) of the chain's last row."""
        last = self._chain[-1] if self._chain else ChainRow(0, Act(0.0, "", ""), GENESIS)
        return last.seq, last.hash

    @_alone
    def chain(self, after: int, count: int) -> Sequence[ChainRow]:
        """The chain's rows beyond number `after`, in order."""
        return self._chain[after : after + count]

    def close(self) -> None:
        """Nothing to let go of."""
