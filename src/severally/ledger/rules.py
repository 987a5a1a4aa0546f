"""What every ledger must agree on: legal steps, what a turn does, how rows are summed up.

Pure. The ledgers fetch what these functions need and store what they answer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from severally.model.delivery import TRANSITIONS as STEPS
from severally.model.delivery import DeliveryState
from severally.model.entries import Act, LaneStat, Record, Turn
from severally.model.errors import Fenced, LedgerError, Refused, UsageError
from severally.model.mailing import TRANSITIONS, Cohort, Mailing, MailingState

_D = DeliveryState
_M = MailingState
# bound once: an attribute of an enumeration takes longer to find than all the rest of a step
_READY, _DEFERRED = _D.READY, _D.DEFERRED
_CLAIMED, _ATTEMPTING = _D.CLAIMED, _D.ATTEMPTING
_UNDONE = (_READY, _CLAIMED, _ATTEMPTING, _DEFERRED)

SENDING = frozenset({_M.CANARY, _M.RAMPING, _M.SENDING})
"""States of a mailing in which deliveries may be attempted."""
HALTABLE = SENDING | {_M.REHEARSED}
"""States of a mailing that can be halted."""
FINAL = frozenset({_M.DONE, _M.VOID, _M.CANCELLED})
# by number, because hashing a member calls Python; claiming and attempting are no records
_BY_RECORD = tuple(
    tuple(new in STEPS[old] and new not in (_CLAIMED, _ATTEMPTING) for new in _D) for old in _D
)


class Standing(msgspec.Struct, gc=False):
    """A delivery as a turn finds it, and then as it leaves it.

    `reply` is the record whose words are to be stored, None where the old ones stay;
    `reply_row` is for the ledger's own use.
    """

    cohort: int
    state: DeliveryState
    attempts: int
    epoch: int
    was: DeliveryState
    due: float | None = None
    reply: Record | None = None
    reply_row: int | None = None


Deltas = dict[tuple[int, int], int]
"""(cohort, state's number) -> how many more."""


def apply_records(turn: Turn, standings: Mapping[int, Standing]) -> None:
    """Take every record of the turn into the standings. Raises LedgerError for an illegal step."""
    for record in turn.records:
        standing = _standing(standings, record.delivery)
        if not _BY_RECORD[standing.state][record.state]:
            raise LedgerError(_illegal(record.delivery, standing.state, record.state))
        _apply(standing, record)


def _apply(standing: Standing, record: Record) -> None:
    new = record.state
    silent = (new is _READY or new is _DEFERRED) and not (record.code or record.rule or record.text)
    if (silent or new is _READY) and standing.state is _ATTEMPTING:
        # it failed before the final dot: this was no attempt
        standing.attempts -= 1
    if not silent:
        standing.reply = record
    standing.state = new
    standing.due = record.due if new is _DEFERRED else None


def apply_attempts(
    turn: Turn,
    standings: Mapping[int, Standing],
    mailing_of: Mapping[int, str],
    mailings: Mapping[str, tuple[MailingState, int]],
) -> frozenset[str]:
    """Mark the turn's attempts in the standings; the mailings that were halted instead.

    `mailing_of` maps cohorts to mailings; `mailings` gives state and halt epoch of each
    mailing that is attempted. Raises LedgerError for what was not claimed under this epoch.
    """
    halted: set[str] = set()
    for attempts in turn.attempts:
        found = mailings.get(attempts.mailing)
        if found is None:
            raise LedgerError(f"there is no mailing {attempts.mailing}; nothing was written")
        if found[0] not in SENDING or found[1] != attempts.halt_epoch:
            halted.add(attempts.mailing)
            continue
        for delivery in attempts.deliveries:
            standing = _standing(standings, delivery)
            if mailing_of[standing.cohort] != attempts.mailing:
                raise LedgerError(f"delivery {delivery} is not one of {attempts.mailing}'s")
            if standing.state is not _CLAIMED or standing.epoch != turn.epoch:
                raise LedgerError(_illegal(delivery, standing.state, _ATTEMPTING))
            standing.state = _ATTEMPTING
            standing.attempts += 1
    return frozenset(halted)


def _standing(standings: Mapping[int, Standing], delivery: int) -> Standing:
    try:
        return standings[delivery]
    except KeyError:
        raise LedgerError(f"there is no delivery {delivery}; nothing was written") from None


def _illegal(delivery: int, old: DeliveryState, new: DeliveryState) -> str:
    return (
        f"delivery {delivery} is {old.word} and cannot become {new.word}; nothing of this turn "
        "was written: please report it as a fault of the program"
    )


def deltas(standings: Iterable[Standing]) -> Deltas:
    """How a turn changes the tally."""
    steps = Counter((each.cohort << 8) + (each.was << 4) + each.state for each in standings)
    result: Deltas = {}
    for packed, n in steps.items():
        cohort, was, state = packed >> 8, packed >> 4 & 15, packed & 15
        if was != state:
            result[cohort, was] = result.get((cohort, was), 0) - n
            result[cohort, state] = result.get((cohort, state), 0) + n
    return result


def delivery_ids(turn: Turn) -> set[int]:
    """Every delivery a turn speaks of."""
    ids = {record.delivery for record in turn.records}
    for attempts in turn.attempts:
        ids.update(attempts.deliveries)
    return ids


def fence(epoch: int, current: int) -> None:
    """Raises Fenced where a later epoch has begun."""
    if epoch != current:
        raise Fenced(
            f"another process took the sending over (epoch {current}, ours was {epoch}); this "
            "one stops, and nothing it still held was sent"
        )


def taken_over(
    epoch: int, now: float, changes: Mapping[str, Mapping[DeliveryState, int]]
) -> list[Act]:
    """The acts of a take-over: one of the ledger, one of each mailing that it changed."""
    acts = [Act(now, "", "taken over", f"epoch {epoch}")]
    for mailing, moved in changes.items():
        parts = ", ".join(f"{n} {state.word}" for state, n in sorted(moved.items()) if n)
        acts.append(Act(now, mailing, "taken over", f"epoch {epoch}: now {parts}"))
    return acts


def restored(now: float, reason: str, count: int) -> Act:
    """What is written when a ledger finds itself older than what was sent."""
    return Act(now, "", "restored", f"{reason}; {count} deliveries are in doubt")


_encode = msgspec.msgpack.Encoder().encode


def outcomes(turn: Turn) -> list[Act]:
    """What became of a turn's deliveries, as one act: how many, and their SHA-256 root."""
    if not turn.records:
        return []
    root = hashlib.sha256(_encode(turn.records)).hexdigest()
    return [Act(turn.now, "", "outcomes", f"{len(turn.records)} deliveries, root {root}")]


def name_taken(name: str) -> Refused:
    """What is said of a second operator with one name."""
    return Refused(f"there is an operator {name} already; choose another name")


def no_operator(name: str) -> UsageError:
    """What is said of an operator nobody knows."""
    return UsageError(f"there is no operator {name}; `severally operator list` names all")


def check_freezable(name: str, count: int, repeated: Sequence[tuple[str, tuple[int, ...]]]) -> None:
    """Raises LedgerError for an audience of nobody, or with one id for two recipients."""
    if not count:
        raise LedgerError(f"the audience {name} has no recipients; nothing was frozen")
    if repeated:
        rid, rows = repeated[0]
        raise LedgerError(
            f"the audience {name} has the id {rid} in {len(rows)} rows; nothing was frozen: give "
            "each recipient an id of its own"
        )


def check_new(mailing: Mailing, recipients: int, known: bool) -> None:
    """Raises LedgerError for a mailing that cannot be stored."""
    if known:
        raise LedgerError(f"there is a mailing {mailing.id} already; it cannot be made again")
    if mailing.count != recipients:
        raise LedgerError(
            f"the mailing {mailing.id} counts {mailing.count} recipients, its audience "
            f"{mailing.audience} has {recipients}; make it from the audience as it is"
        )


def no_audience(audience_id: str) -> UsageError:
    """What is said of an audience nobody knows."""
    return UsageError(f"there is no audience {audience_id} in this workspace")


def no_mailing(mailing_id: str) -> UsageError:
    """What is said of a mailing nobody knows."""
    return UsageError(f"there is no mailing {mailing_id}; `severally status` lists all")


def step(
    mailing: Mailing,
    state: MailingState,
    now: float,
    reason: str,
    counts: Mapping[DeliveryState, int],
) -> Mailing:
    """The mailing after a legal step. Raises Refused, naming both states and what to do.

    `counts` are its deliveries by state: `done` needs that nothing is left to be sent.
    """
    if state not in TRANSITIONS[mailing.state]:
        raise Refused(_no_step(mailing, state))
    undone = [f"{counts[s]} {s.word}" for s in _UNDONE if counts.get(s)]
    if state is _M.DONE and undone:
        raise Refused(
            f"the mailing {mailing.id} cannot be done while it has {', '.join(undone)}; "
            "resume it, or cancel it"
        )
    return msgspec.structs.replace(
        mailing,
        state=state,
        reason=reason,
        halt_epoch=mailing.halt_epoch + (state is _M.HALTED),
        started_at=mailing.started_at or (now if state in SENDING else 0.0),
        ended_at=now if state in FINAL else mailing.ended_at,
    )


def opened(mailing: Mailing, step: int) -> Mailing:
    """The mailing with one more step open. Raises Refused for going back."""
    if step < mailing.step:
        raise Refused(
            f"step {step} of {mailing.id} cannot be opened: step {mailing.step} is open already"
        )
    return msgspec.structs.replace(mailing, step=step)


def _no_step(mailing: Mailing, state: MailingState) -> str:
    legal = ", ".join(sorted(TRANSITIONS[mailing.state]))
    advice = f"it can become {legal}" if legal else "that is final: make a new mailing"
    return f"the mailing {mailing.id} is {mailing.state} and cannot become {state}; {advice}"


Stratum = tuple[str, str, str]
"""(receiver, locale, time zone); no zone where there are no windows."""
Steps = Mapping[Stratum, Sequence[int]]
"""How many of each stratum are in every step."""
Part = tuple[str, int, str, int]
"""(receiver, step, time zone, how many)."""


def cohorts_of(
    mailing: str, parts: Iterable[Part], first_cohort: int, first_delivery: int
) -> list[Cohort]:
    """One cohort per part in that order, as ranges without gaps."""
    cohorts: list[Cohort] = []
    delivery = first_delivery
    for number, (receiver, step, zone, count) in enumerate(parts, first_cohort):
        last = delivery + count - 1
        cohorts.append(Cohort(number, mailing, receiver, delivery, last, step, zone))
        delivery += count
    return cohorts


def parts_of(mailing: str, groups: Iterable[tuple[str, int]], steps: Steps | None) -> list[Part]:
    """Every cohort with somebody in it, receiver by receiver, step by step.

    Raises LedgerError where the steps do not hold exactly the receiver groups.
    """
    if steps is None:
        return [(receiver, 0, "", count) for receiver, count in groups]
    sums: dict[str, Counter[tuple[int, str]]] = {}
    for (receiver, _, zone), counts in steps.items():
        here = {(step, zone): count for step, count in enumerate(counts)}
        sums.setdefault(receiver, Counter()).update(here)
    sizes = dict(groups)
    if {name: each.total() for name, each in sums.items()} != sizes:
        raise LedgerError(f"the steps of {mailing} are not its audience's; nothing was written")
    return [
        (receiver, step, zone, count)
        for receiver in sizes
        for (step, zone), count in sorted(sums[receiver].items())
        if count
    ]


class StepOf:
    """Deals the recipients of an audience, in its order, out to the steps.

    Raises LedgerError for more recipients of a stratum than the steps hold.
    """

    def __init__(self, mailing: str, steps: Steps) -> None:
        self._mailing = mailing
        self._left = {
            stratum: [(step, count) for step, count in enumerate(counts) if count][::-1]
            for stratum, counts in steps.items()
        }

    def __call__(self, stratum: Stratum) -> int:
        """The step of the next recipient of this kind."""
        left = self._left.get(stratum)
        if not left:
            raise LedgerError(
                f"the steps of {self._mailing} do not fit its audience; nothing was written"
            )
        step, count = left.pop()
        if count > 1:
            left.append((step, count - 1))
        return step


def check_lanes(mailing: str, receivers: Iterable[str], lanes: Mapping[str, str]) -> None:
    """Raises LedgerError where a receiver group has no lane."""
    missing = sorted(set(receivers) - set(lanes))
    if missing:
        raise LedgerError(
            f"the mailing {mailing} has no lane for {', '.join(missing[:5])}; nothing was written"
        )


def merged(old: LaneStat, new: LaneStat) -> LaneStat:
    """Earliest first, latest last, greatest peaks; 0.0 means not yet."""
    firsts = [at for at in (old.first_at, new.first_at) if at]
    return LaneStat(
        old.lane,
        min(firsts, default=0.0),
        max(old.last_at, new.last_at),
        max(old.peak_rate, new.peak_rate),
        max(old.peak_connections, new.peak_connections),
    )


class Content:
    """The hash of a set of rows that does not depend on their order, from their prints.

    The prints are added modulo 2^256 and the sum is hashed with the count. That two
    different sets of rows get one hash would need a linear relation between prints, which
    nobody can look for who does not hold the key they are made with (MSet-Add-Hash: Clarke,
    Devadas, van Dijk, Gassend, Suh, ASIACRYPT 2003); prints must be keyed and of 128 bits
    or more. A sum keeps how often a row stands there; an exclusive or would lose pairs.
    """

    __slots__ = ("_count", "_sum")

    def __init__(self) -> None:
        self._sum = 0
        self._count = 0

    def add(self, prints: Iterable[bytes]) -> None:
        """Take rows in."""
        numbers = [int.from_bytes(each, "big") for each in prints]
        self._sum += sum(numbers)
        self._count += len(numbers)

    def remove(self, prints: Iterable[bytes]) -> None:
        """Take rows out that were added before."""
        numbers = [int.from_bytes(each, "big") for each in prints]
        self._sum -= sum(numbers)
        self._count -= len(numbers)

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        total = (self._sum % (1 << 256)).to_bytes(32, "big")
        return hashlib.sha256(b"%d:" % self._count + total).hexdigest()
