"""`approve`, and what follows it: `send MAILING`, `decide`, `acknowledge`, `review`.

Responsible for whose word is needed for what. Refusals are written down.
"""

from __future__ import annotations

from dataclasses import dataclass

from severally.app.lock import exclusively
from severally.app.office import Office
from severally.app.operations import fitness, preflight, proposing
from severally.app.operations.approvals import APPROVED
from severally.app.operations.sends import note_begun
from severally.app.operations.signing import Actor, act_as, on_record
from severally.app.operations.stage_results import Proposed, Said
from severally.model.entries import Act
from severally.model.errors import Finding, Refused, UsageError
from severally.model.mailing import Mailing, MailingState
from severally.model.operator import Role
from severally.model.proposal import Approval
from severally.model.staging import DECIDED, NO_STEP, asks_a_person
from severally.model.urgency import ACKNOWLEDGED, BROKEN, REVIEWED, Urgency, urgency_of

_M = MailingState


@dataclass(frozen=True)
class Glass:
    """Why the glass is broken: the incident's reference and a reason."""

    incident: str
    reason: str


def approve(office: Office, mailing_id: str, count: int, digest: str, code: str) -> Proposed:
    """Give one's word for this mailing as it stands; `count` is what the approver typed.

    `digest` (or its beginning) says which one was seen; empty for whatever is there. After a halt
    it is the word that the mailing may go on. Raises Refused, and voids what was changed.
    """
    with (
        on_record(office, mailing_id, "approve"),
        exclusively(office.workspace.state / "mailing.lock"),
    ):
        mailing = office.ledger.mailing(mailing_id)
        seen = proposing.described(office, mailing_id)
        if mailing.state not in (_M.PROPOSED, _M.HALTED):
            raise Refused(
                f"{mailing_id} is {mailing.state}; there is nothing to approve: a mailing is "
                "approved when it is proposed, and once more when it was halted"
            )
        actor = act_as(office, "approve", Role.APPROVER, code=code)
        _refuse_author(actor, seen)
        refuse_changed(office, mailing)
        if digest and not seen.digest.startswith(digest.lower()):
            raise Refused(
                f"that is not the digest of {mailing_id}, which begins {seen.short}; look again"
            )
        if count != mailing.count:
            raise Refused(f"{mailing_id} does not go to {count:,} recipients; look again")
        if actor.name in seen.approvals:
            who = actor.name or "somebody unsigned"
            raise Refused(
                f"{who} has approved {mailing_id} already; the next one is somebody else's"
            )
        _write(office, mailing, actor, seen)
    return proposing.described(office, mailing_id)


def _refuse_author(actor: Actor, seen: Proposed) -> None:
    if actor.signed and actor.name == seen.author:
        raise Refused(f"{actor.name} proposed this: somebody else has to approve it")


def refuse_changed(office: Office, mailing: Mailing) -> None:
    """What is not what was proposed loses its approvals for good; what had begun stays halted."""
    problems = fitness.unfit(office, mailing.id)
    if not problems:
        return
    if mailing.state in (_M.PROPOSED, _M.APPROVED):
        now = office.wiring.clock.wall()
        office.ledger.set_state(mailing.id, _M.VOID, now, "; ".join(problems))
    raise Refused(
        f"{mailing.id} is not what was proposed any more",
        [Finding("", problem) for problem in problems],
    )


def _write(office: Office, mailing: Mailing, actor: Actor, seen: Proposed) -> None:
    ledger, now = office.ledger, office.wiring.clock.wall()
    said = str(Approval(seen.digest, mailing.count))
    if mailing.state is _M.PROPOSED and len(seen.approvals) + 1 >= seen.needed:
        ledger.set_state(mailing.id, _M.APPROVED, now, who=actor.name, said=said)
    else:
        ledger.add_act(Act(now, mailing.id, APPROVED, said, actor.name))


# --- sending what was approved


def begin(office: Office, mailing_id: str, code: str, glass: Glass | None = None) -> Mailing:
    """Let an approved mailing go: rehearsal, sentinels, canary, ramp. Raises Refused."""
    with (
        on_record(office, mailing_id, "break-glass" if glass else "send"),
        exclusively(office.workspace.state / "mailing.lock"),
    ):
        mailing = office.ledger.mailing(mailing_id)
        actor = act_as(office, "break-glass" if glass else "send", Role.OPERATOR, code=code)
        if mailing.state not in (_M.PROPOSED, _M.APPROVED):
            raise Refused(
                f"{mailing_id} is {mailing.state}; only what was approved can be sent",
                [Finding("", f"to go on with what was begun: severally resume {mailing_id}")],
            )
        refuse_changed(office, mailing)
        said = _broken(office, mailing, actor, glass) if glass else "the rehearsal begins"
        if not glass:
            refuse_unapproved(office, mailing)
        if office.workspace.purpose == "live":
            _refuse_rejected(office, mailing)
        _note_speed(office, mailing, actor)
        note_begun(office, mailing)
        now = office.wiring.clock.wall()
        return office.ledger.set_state(mailing_id, _M.REHEARSED, now, who=actor.name, said=said)


def _refuse_rejected(office: Office, mailing: Mailing) -> None:
    """What DNS says may have changed since it was proposed. Raises Refused."""
    frozen = office.ledger.frozen(mailing.id)
    receivers = office.ledger.receivers(mailing.audience)
    kind = frozen.notice.kind
    preflight.refuse_rejected(office, frozen.sender, kind, mailing.route, receivers)


def refuse_unapproved(office: Office, mailing: Mailing) -> None:
    """Raises Refused where approvals are missing for the mailing as it is now."""
    seen = proposing.described(office, mailing.id)
    names = [name for name in seen.approvals if not name or name != seen.author]
    if len(names) < seen.needed:
        raise Refused(
            f"{mailing.id} has {len(names)} of {seen.needed} approvals it needs",
            [Finding("", f"severally approve {mailing.id} --count N, by somebody else")],
        )


def _note_speed(office: Office, mailing: Mailing, actor: Actor) -> None:
    """Below the ceilings speed is a setting; that it was changed is written down."""
    frozen = office.ledger.frozen(mailing.id)
    assert frozen.proposal is not None
    lanes = office.ledger.lanes(mailing.id)
    now = fitness.limits_in_force(office.workspace, frozen, lanes)
    if changes := fitness.slowed(frozen.proposal.ceilings, now):
        at = office.wiring.clock.wall()
        office.ledger.add_act(Act(at, mailing.id, "speed", "; ".join(changes), actor.name))


def _broken(office: Office, mailing: Mailing, actor: Actor, glass: Glass) -> str:
    """Write down that the glass was broken. Raises Refused while another use is unreviewed."""
    if actor.scopes is not None:
        raise Refused("a token cannot break the glass; a person does, with a fresh code")
    for other in office.ledger.mailings():
        urgency = urgency_of(office.ledger.acts(other.id))
        if urgency and not urgency.reviewed:
            raise Refused(
                f"the last break-glass, {other.id}, was not reviewed yet",
                [Finding("", f"severally review {other.id}, by somebody else")],
            )
    now = office.wiring.clock.wall()
    detail = f"incident {glass.incident}: {glass.reason}"
    office.ledger.add_act(Act(now, mailing.id, BROKEN, detail, actor.name))
    return f"without approvals ({detail})"


# --- while it runs, and after


def decide(office: Office, mailing_id: str, passing: bool, reason: str) -> Said:
    """Answer what a gate asked a person. Raises Refused where nothing was asked."""
    with on_record(office, mailing_id, "decide"):
        ledger, now = office.ledger, office.wiring.clock.wall()
        mailing = ledger.mailing(mailing_id)
        actor = act_as(office, "decide", Role.OPERATOR, Role.APPROVER)
        if not passing:
            ledger.set_state(mailing_id, _M.HALTED, now, reason, who=actor.name)
            return Said(mailing_id, f"halted: {reason}", actor.name)
        asked = asks_a_person(ledger.acts(mailing_id))
        if not asked or mailing.state not in (_M.REHEARSED, _M.CANARY, _M.RAMPING):
            raise Refused(
                f"{mailing_id} is {mailing.state} and asks nobody anything; `status` says "
                f"what it does, and `severally halt {mailing_id}` stops it"
            )
        # what is said of its sentinels says nothing of a gate
        step = NO_STEP if mailing.state is _M.REHEARSED else mailing.step
        said = f"pass at step {step}: {reason}"
        ledger.add_act(Act(now, mailing_id, DECIDED, said, actor.name))
    return Said(mailing_id, said, actor.name)


def acknowledge(office: Office, mailing_id: str, code: str) -> Said:
    """Stand by a break-glass as the second person: then all are told, not 1,000."""
    with on_record(office, mailing_id, "acknowledge"):
        urgency = _urgency(office, mailing_id)
        actor = act_as(office, "acknowledge", Role.APPROVER, Role.OPERATOR, code=code)
        _refuse_self(actor, urgency)
        if not urgency.holds(office.wiring.clock.wall()):
            raise Refused(
                f"the break-glass of {mailing_id} is over; it needs approvals now: severally "
                f"approve {mailing_id}"
            )
        if urgency.acknowledged:
            raise Refused(f"{urgency.acknowledged} acknowledged {mailing_id} already")
        return _said(office, mailing_id, ACKNOWLEDGED, urgency.why, actor)


def review(office: Office, mailing_id: str, words: str) -> Said:
    """Say afterwards what is to be said of a break-glass; until then there is no other."""
    with on_record(office, mailing_id, "review"):
        urgency = _urgency(office, mailing_id)
        actor = act_as(office, "review", Role.APPROVER, Role.AUDITOR)
        _refuse_self(actor, urgency)
        if urgency.reviewed:
            raise Refused(f"{urgency.reviewed} reviewed {mailing_id} already")
        late = office.wiring.clock.wall() > urgency.due
        said = f"{words} (later than 24 hours after)" if late else words
        return _said(office, mailing_id, REVIEWED, said, actor)


def _urgency(office: Office, mailing_id: str) -> Urgency:
    office.ledger.mailing(mailing_id)
    urgency = urgency_of(office.ledger.acts(mailing_id))
    if urgency is None:
        raise UsageError(f"the glass was not broken for {mailing_id}")
    return urgency


def _refuse_self(actor: Actor, urgency: Urgency) -> None:
    if actor.signed and actor.name == urgency.who:
        raise Refused(f"{actor.name} broke the glass: somebody else has to do this")


def _said(office: Office, mailing_id: str, what: str, words: str, actor: Actor) -> Said:
    now = office.wiring.clock.wall()
    office.ledger.add_act(Act(now, mailing_id, what, words, actor.name))
    return Said(mailing_id, words, actor.name)
