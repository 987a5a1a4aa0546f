"""`halt` and `resume`: stop now, go on later. The ledger carries the word to whoever delivers."""

from __future__ import annotations

from severally.app.lock import exclusively
from severally.app.office import Office
from severally.app.operations import looking
from severally.app.operations.approving import refuse_changed, refuse_unapproved
from severally.app.operations.results import HaltResult
from severally.app.operations.signing import act_as, on_record, whoever
from severally.model.entries import Act
from severally.model.errors import UsageError
from severally.model.mailing import SENTINELS, Mailing, MailingState
from severally.model.operator import Role
from severally.model.staging import StagingPlan

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
    told = [known[m.id + SENTINELS] for m in found if m.id + SENTINELS in known]
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
    plan = office.ledger.frozen(mailing.id).staging
    state = MailingState.SENDING
    if plan is not None:
        refuse_changed(office, mailing)
        refuse_unapproved(office, mailing)
        state = plan_state(plan, mailing.step)
        _tell_on(office, mailing, who)
    return office.ledger.set_state(mailing.id, state, office.wiring.clock.wall(), who=who)


def _tell_on(office: Office, mailing: Mailing, who: str) -> None:
    """Sentinels that were not told yet are told."""
    name = mailing.id + SENTINELS
    if any(m.id == name and m.state is MailingState.HALTED for m in office.ledger.mailings()):
        now = office.wiring.clock.wall()
        office.ledger.set_state(name, MailingState.SENDING, now, who=who)


def plan_state(plan: StagingPlan, step: int) -> MailingState:
    """Where a mailing stands whose steps are open up to this one."""
    if step < 0:
        return MailingState.REHEARSED
    if step >= len(plan.steps) - 1:
        return MailingState.SENDING
    gated = any(each.gate for each in plan.steps[: step + 1])
    return MailingState.RAMPING if gated else MailingState.CANARY
