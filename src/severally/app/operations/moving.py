"""`withdraw` and `propose --instead-of`: out of a wrong mailing, and into its correction.

Responsible for nobody being in both: a mailing whose recipients were withdrawn has ended, and
its correction leaves out everybody to whom any mailing before it left, by id and by address.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from severally.app.lock import exclusively
from severally.app.office import Office
from severally.app.operations import sentinels
from severally.app.operations.looking import total
from severally.app.operations.signing import act_as, on_record
from severally.app.operations.stage_results import Withdrawn
from severally.audience.reading import GoodRow
from severally.model.address import parse_address
from severally.model.delivery import LEFT, DeliveryState
from severally.model.errors import Finding, Refused, UsageError
from severally.model.mailing import SENTINELS, Mailing, MailingState
from severally.model.operator import Role
from severally.model.recipient import Recipient, recipient_of

_D = DeliveryState
_M = MailingState
_AT_ONCE = 5_000
_PAGE = 1_000
_POLL_S, _POLLS = 0.25, 20


def withdraw(office: Office, mailing_id: str, reason: str, code: str) -> Withdrawn:
    """Take everybody out of a halted mailing to whom it did not leave, and end it.

    Raises Refused where it is not halted, or while a process does not give back what it holds.
    """
    with (
        on_record(office, mailing_id, "withdraw"),
        exclusively(office.workspace.state / "mailing.lock"),
    ):
        ledger = office.ledger
        mailing = ledger.mailing(mailing_id)
        if mailing_id.endswith(SENTINELS):
            raise UsageError(f"{mailing_id} goes to sentinels; name the mailing itself")
        actor = act_as(office, "withdraw", Role.OPERATOR, Role.APPROVER, code=code)
        with _given_back(office, mailing):
            taken = _everybody(office, mailing_id, reason)
        now, said = office.wiring.clock.wall(), f"{taken:,} withdrawn: {reason}"
        ended = ledger.set_state(mailing_id, _M.CANCELLED, now, reason, who=actor.name, said=said)
        sentinels.end(office, mailing_id, "its mailing ended", actor.name)
    counts = total(ledger.tally(mailing_id))
    left = sum(counts.get(state, 0) for state in LEFT)
    return Withdrawn(
        mailing_id, ended.state.value, taken, left, counts.get(_D.IN_DOUBT, 0), reason, actor.name
    )


def _everybody(office: Office, mailing_id: str, reason: str) -> int:
    taken = 0
    while some := office.ledger.withdraw(
        mailing_id, office.wiring.clock.wall(), f"withdrawn: {reason}", _AT_ONCE
    ):
        taken += some
    return taken


@contextmanager
def _given_back(office: Office, mailing: Mailing) -> Iterator[None]:
    """Nothing of it is in the hands of a process, and if none delivers none begins meanwhile."""
    if mailing.state is _M.HALTED and office.lock.take():
        try:
            if _held(office, mailing.id):  # by a process that died
                office.ledger.take_over(office.wiring.clock.wall())
            yield
        finally:
            office.lock.release()
        return
    for _ in range(_POLLS):
        if mailing.state is not _M.HALTED or not _held(office, mailing.id):
            break
        time.sleep(_POLL_S)
    yield  # the ledger refuses what is still held


def _held(office: Office, mailing_id: str) -> int:
    counts = total(office.ledger.tally(mailing_id))
    return counts.get(_D.CLAIMED, 0) + counts.get(_D.ATTEMPTING, 0)


# --- the correction


@dataclass(frozen=True)
class Told:
    """Whom a mailing left for or may have, with those before it in whose place it stood.

    `withdrawn`: how many were taken out of it. Holds hashes of addresses, no addresses.
    """

    mailing: str
    ids: set[str]
    addresses: set[bytes]
    withdrawn: int


class NobodyTwice:
    """Says of each row of an audience whether its person was told before, and counts them."""

    def __init__(self, office: Office, told: Told) -> None:
        self._blind = office.keys.blind
        self._told = told
        self.count = 0

    def __call__(self, row: GoodRow) -> bool:
        told = self._told
        known = row.recipient.id in told.ids or self._blind(row.address.folded) in told.addresses
        self.count += known
        return known


def told_before(office: Office, mailing_id: str) -> Told:
    """Who is left out of the mailing that is to go instead of this one.

    Raises Refused where its recipients were not withdrawn, or stand in another one already.
    """
    mailing = office.ledger.mailing(mailing_id)
    withdrawn = total(office.ledger.tally(mailing_id)).get(_D.WITHDRAWN, 0)
    if mailing.state is not _M.CANCELLED or not withdrawn:
        raise Refused(
            f"nobody was withdrawn from {mailing_id}, which is {mailing.state}",
            [Finding("", f"first: severally halt {mailing_id}, severally withdraw {mailing_id}")],
        )
    refuse_second(office, mailing_id)
    told = Told(mailing_id, set(), set(), withdrawn)
    for each in _chain(office, mailing_id):
        for person in _reached(office, each):
            told.ids.add(person.id)
            told.addresses.add(office.keys.blind(parse_address(person.address).folded))
    return told


def refuse_second(office: Office, mailing_id: str) -> None:
    """Raises Refused where another mailing goes, or went, instead of this one."""
    if other := _in_its_place(office, mailing_id):
        raise Refused(
            f"{other.id} goes instead of {mailing_id} already, and is {other.state}",
            [Finding("", f"to correct that one: propose it anew with --instead-of {other.id}")],
        )


def reached_nobody(office: Office, mailing: Mailing) -> bool:
    """Whether it was given up, and left for nobody before."""
    if mailing.state not in (_M.VOID, _M.CANCELLED):
        return False
    return not LEFT & total(office.ledger.tally(mailing.id)).keys()


def _in_its_place(office: Office, mailing_id: str) -> Mailing | None:
    """Another that is to go, or went, instead of this one."""
    for mailing in office.ledger.mailings():
        proposal = office.ledger.frozen(mailing.id).proposal
        ours = proposal and proposal.instead_of == mailing_id
        if ours and not reached_nobody(office, mailing):
            return mailing
    return None


def _chain(office: Office, mailing_id: str) -> Iterator[Mailing]:
    """The mailing, the one in whose place it stood, and so on."""
    while mailing_id:
        yield office.ledger.mailing(mailing_id)
        proposal = office.ledger.frozen(mailing_id).proposal
        mailing_id = proposal.instead_of if proposal else ""


def _reached(office: Office, mailing: Mailing) -> Iterator[Recipient]:
    """Everybody to whom it left or may have, decrypted one by one."""
    ledger = office.ledger
    left = {record.delivery for _, _, record in ledger.everyone(mailing.id, LEFT)}
    cipher = office.wiring.row_cipher(office.keys.audience_key(mailing.audience), mailing.audience)
    for cohort in ledger.cohorts(mailing.id) if left else ():
        after = 0
        while page := ledger.look_through(cohort, after, _PAGE):
            after = page[-1].delivery
            for claim in page:
                if claim.delivery in left:
                    yield recipient_of(cipher.open(claim.seq, claim.salt, claim.box))
