"""`halt` and `resume`: stop now, go on later. The ledger carries the word to whoever delivers."""

from __future__ import annotations

from severally.app.office import Office
from severally.app.operations import looking
from severally.app.operations.results import HaltResult
from severally.model.errors import UsageError
from severally.model.mailing import Mailing, MailingState

UNDER_WAY = frozenset({MailingState.CANARY, MailingState.RAMPING, MailingState.SENDING})
_STOPPABLE = UNDER_WAY | {MailingState.REHEARSED}


def halt(office: Office, mailing_id: str | None, everything: bool, reason: str) -> HaltResult:
    """Halt one mailing, or all that are under way. A mailing halted already stays so.

    Raises UsageError where neither or both are named, Refused where it cannot be halted.
    """
    if everything == (mailing_id is not None):
        raise UsageError("name one mailing, or --all; `severally status` lists them")
    said = reason or "halted by hand"
    if mailing_id is not None:
        _halt(office, office.ledger.mailing(mailing_id), said)
        return HaltResult((mailing_id,), said)
    found = [m for m in office.ledger.mailings() if m.state in _STOPPABLE]
    for mailing in found:
        _halt(office, mailing, said)
    return HaltResult(tuple(mailing.id for mailing in found), said)


def _halt(office: Office, mailing: Mailing, reason: str) -> None:
    if mailing.state is not MailingState.HALTED:
        office.ledger.set_state(mailing.id, MailingState.HALTED, office.wiring.clock.wall(), reason)


def resume(office: Office, mailing_id: str) -> Mailing:
    """Let a mailing go on; one that crashed or was interrupted is under way still.

    Raises UsageError where there is nothing to go on with.
    """
    mailing = looking.choose(office, mailing_id)
    if mailing.state in (MailingState.HALTED, MailingState.DRAFT):
        now = office.wiring.clock.wall()
        return office.ledger.set_state(mailing.id, MailingState.SENDING, now)
    if mailing.state in UNDER_WAY or mailing.state is MailingState.DONE:
        return mailing
    raise UsageError(f"{mailing.id} is {mailing.state}; only what was begun can be resumed")
