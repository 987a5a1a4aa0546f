"""`halt` and `resume`: stop now, go on later. The ledger carries the word to whoever delivers."""

from __future__ import annotations

from severally.app.lock import exclusively
from severally.app.office import Office
from severally.app.operations import looking, sentinels
from severally.app.operations.approving import refuse_changed, refuse_unapproved
from severally.app.operations.results import HaltResult
from severally.app.operations.signing import act_as, on_record, whoever
from severally.model.entries import Act
from severally.model.errors import UsageError
from severally.model.mailing import SENTINELS, Mailing, MailingState, is_to_sentinels_of
from severally.model.operator import Role

UNDER_WAY = frozenset({MailingState.CANARY, MailingState.RAMPING, MailingState.SENDING})
_STOPPABLE = UNDER_WAY | {MailingState.REHEARSED}


def halt(
    office: Office, mailing_id: str | None, everything: bool, reason: str, guard: bool = False
) -> HaltResult:
    """Halt one mailing, or all that are under way, with what goes to its sentinels; with all of
    them, or alone, the drop-in `guard`. A mailing halted already stays so.

    Raises UsageError where not exactly one is named, Refused where it cannot be halted.
    """
    if [mailing_id is not None, everything, guard].count(True) != 1:
        raise UsageError("name one mailing, or --all, or --guard; `severally status` lists them")
    said = reason or "halted by hand"
    guard = guard or (everything and office.workspace.guard is not None)
    if guard:
        act = Act(office.wiring.clock.wall(), "", "guard halted", said, whoever(office))
        office.ledger.halt_guard(said, act)
        if not everything:
            return HaltResult((), said, guard)
    known = {mailing.id: mailing for mailing in office.ledger.mailings()}
    if mailing_id is not None:
        found = [office.ledger.mailing(mailing_id)]
    else:
        found = [mailing for mailing in known.values() if mailing.state in _STOPPABLE]
    told = [m for m in known.values() if any(is_to_sentinels_of(m.id, one.id) for one in found)]
    for mailing in found:
        _halt(office, mailing, said)
    for mailing in told:
        if mailing.state in _STOPPABLE:
            _halt(office, office.ledger.mailing(mailing.id), said)
    names = (mailing.id for mailing in found if not mailing.id.endswith(SENTINELS))
    return HaltResult(tuple(names), said, guard)


def _halt(office: Office, mailing: Mailing, reason: str) -> None:
    if mailing.state is not MailingState.HALTED:
        now, who = office.wiring.clock.wall(), whoever(office)
        office.ledger.set_state(mailing.id, MailingState.HALTED, now, reason, who=who)


def resume(office: Office, mailing_id: str) -> Mailing:
    """Let a mailing go on; one that crashed or was interrupted is under way still.

    Raises UsageError where there is nothing to go on with.
    """
    mailing = looking.choose(office, mailing_id)
    if mailing.state in (MailingState.HALTED, MailingState.DRAFT):
        with (
            on_record(office, mailing.id, "resume"),
            exclusively(office.workspace.state / "mailing.lock"),
        ):
            return _go_on(office, mailing)
    if mailing.state in _STOPPABLE or mailing.state is MailingState.DONE:
        return mailing
    raise UsageError(f"{mailing.id} is {mailing.state}; only what was begun can be resumed")


def _go_on(office: Office, mailing: Mailing) -> Mailing:
    """After a halt. A staged mailing needs the word of its approvers for it. Raises Refused."""
    who = act_as(office, "resume", Role.OPERATOR, Role.AUTHOR).name
    state = MailingState.SENDING
    if office.ledger.frozen(mailing.id).staging is not None:
        refuse_changed(office, mailing)
        refuse_unapproved(office, mailing)
        sentinels.end(office, mailing.id, "told anew", who)
        # its sentinels are told anew, and what is right then goes on from where it stood
        state = MailingState.REHEARSED
    return office.ledger.set_state(mailing.id, state, office.wiring.clock.wall(), who=who)
