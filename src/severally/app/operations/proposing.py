"""`propose`: everything `send` checks, frozen whole, for others to approve. Nothing is sent."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec

from severally.app.lanes import lane_of
from severally.app.lock import exclusively
from severally.app.office import Office
from severally.app.operations import audiences, fitness, moving, plans, preflight, previews
from severally.app.operations.approvals import approvals_of
from severally.app.operations.audiences import Reading
from severally.app.operations.differing import differences, last_of
from severally.app.operations.sends import Order, Say, leave_out, ready, refuse_repeat
from severally.app.operations.signing import Actor, act_as, on_record
from severally.app.operations.stage_results import Proposed, StepLine
from severally.model.entries import Act
from severally.model.errors import Finding, Refused
from severally.model.languages import pick_locale
from severally.model.mailing import Frozen, Mailing, MailingState
from severally.model.operator import Role
from severally.model.proposal import Approval, Proposal
from severally.model.staging import StagingPlan
from severally.stage.steps import allot

_LEAST_SENTINELS = 2
"""One alone cannot show that two messages were merged into one."""


def propose(office: Office, order: Order, say: Say) -> Proposed:
    """Freeze it. Raises Refused with every finding, and for what was sent before."""
    with on_record(office, "", f"propose {order.notice}"):
        actor = act_as(office, "propose", Role.AUTHOR)
        if office.workspace.purpose == "live":
            _refuse_without_approver(office, actor)
        told = moving.told_before(office, order.instead_of) if order.instead_of else None
    known = moving.NobodyTwice(office, told) if told else None
    with ready(office, order, say, known or audiences.nobody) as (draft, read):
        if office.workspace.purpose == "live":
            kind = draft.notice.kind
            preflight.refuse_rejected(office, draft.sender, kind, draft.route, read.receivers)
        if told and read.result.accepted < told.withdrawn:
            say(
                f"warning: {told.withdrawn:,} were withdrawn from {told.mailing}, and only "
                f"{read.result.accepted:,} of {order.audience.name} were not told by it"
            )
        plan = office.workspace.staging.plan(read.result.accepted, tuple(draft.stencils))
        _check_sentinels(office, draft, read, plan, say)
        with exclusively(office.workspace.state / "mailing.lock"):
            identity = fitness.identity_of(draft, read.staging.content())
            refuse_repeat(office, identity, order.again)
            if told:
                moving.refuse_second(office, told.mailing)
            told_before = known.count if known else 0
            mailing = _freeze(office, order, actor, draft, plan, read, identity, told_before)
            leave_out(office, mailing.id, draft, say)
    wanted = previews.Wanted(None, order.audience, None, True, False)
    previews.preview(office, order.notice, worst_folder(office, mailing.id), wanted, say)
    return described(office, mailing.id)


def worst_folder(office: Office, mailing_id: str) -> Path:
    """Where the worst cases of a proposal lie, to be looked at by those who approve."""
    return office.workspace.state / "proposals" / mailing_id


def _refuse_without_approver(office: Office, author: Actor) -> None:
    others = [
        one.name
        for one in office.ledger.operators()
        if Role.APPROVER in one.roles and one.name != author.name and not one.disabled_at
    ]
    if len(others) < office.workspace.staging.approvals:
        raise Refused(
            "a live workspace needs an approver who is not the author; enter one with: "
            "severally operator add NAME --role approver"
        )


def _check_sentinels(
    office: Office, frozen: Frozen, read: Reading, plan: StagingPlan, say: Say
) -> None:
    """Two in every locale that somebody reads, where customers are told; a word elsewhere."""
    notice = frozen.notice
    read_in = {
        pick_locale(locale, tuple(frozen.stencils), notice.source_locale, notice.fallback)
        for locale in read.result.locales
    }
    watched = [sentinel.locale for sentinel in plan.sentinels]
    lacking = sorted(each for each in read_in if watched.count(each) < _LEAST_SENTINELS)
    if not lacking:
        return
    where = office.workspace.where("sentinels")
    words = f"fewer than two sentinels read {', '.join(lacking)}"
    if office.workspace.purpose == "live":
        cure = "add mailboxes of yours: docs/configuration.md, [sentinels.NAME]"
        raise Refused("what arrives would not be seen", [Finding(where, words, cure)])
    say(f"warning: {where}: {words}")


def _freeze(
    office: Office,
    order: Order,
    actor: Actor,
    draft: Frozen,
    plan: StagingPlan,
    read: Reading,
    identity: str,
    told_before: int,
) -> Mailing:
    ledger, workspace, now = office.ledger, office.workspace, office.wiring.clock.wall()
    audience = read.staging.freeze(order.audience.name, now)
    lanes = {each: lane_of(workspace, draft.route, each).key for each in read.receivers}
    proposal = Proposal(
        actor.name,
        now,
        fitness.golden(office.wiring, draft),
        fitness.sources(workspace, draft.notice.name, order.audience),
        fitness.limits_in_force(workspace, draft, lanes),
        workspace.staging.approvals,
        read.result.rejected,
        read.result.set_aside,
        order.instead_of or last_of(office, draft.notice.name),
        order.instead_of or "",
        told_before,
        fitness.way(workspace, draft.route),
    )
    frozen = msgspec.structs.replace(draft, staging=plan, proposal=proposal)
    mailing = Mailing(
        audiences.new_id("m"),
        draft.notice.name,
        audience.id,
        audience.count,
        identity,
        MailingState.PROPOSED,
        draft.route,
        created_at=now,
        step=-1,
    )
    steps = allot(ledger.strata(audience.id), [step.count for step in plan.steps])
    ledger.create_mailing(mailing, frozen, lanes, now, steps)
    approval = Approval(fitness.digest_of(frozen, audience), audience.count)
    ledger.add_act(Act(now, mailing.id, fitness.PROPOSED, str(approval), actor.name))
    if order.again:
        ledger.add_act(Act(now, mailing.id, "sent again", order.again, actor.name))
    if read.result.rejected:
        detail = f"{read.result.rejected} rows of {order.audience.name} left out"
        ledger.add_act(Act(now, mailing.id, "rejects accepted", detail, actor.name))
    planned = plans.estimate(office, draft, read)
    ledger.set_estimate(mailing.id, planned.makespan_s)
    return mailing


def described(office: Office, mailing_id: str) -> Proposed:
    """A proposal as its approvers see it."""
    ledger = office.ledger
    mailing, frozen = ledger.mailing(mailing_id), ledger.frozen(mailing_id)
    proposal, plan = frozen.proposal, frozen.staging
    if proposal is None or plan is None:
        raise Refused(f"{mailing_id} was not proposed; only what was proposed can be approved")
    digest = fitness.digest_now(office, mailing_id)
    previous = ledger.frozen(proposal.previous) if proposal.previous else None
    folder = worst_folder(office, mailing_id)
    files = sorted(folder.glob("*.html")) if folder.is_dir() else []
    return Proposed(
        mailing.id,
        mailing.notice,
        mailing.state.value,
        digest,
        mailing.count,
        proposal.left_out,
        proposal.set_aside,
        tuple(frozen.stencils),
        len(plan.sentinels),
        _steps(plan),
        round(mailing.estimate_s, 3),
        proposal.author,
        approvals_of(office, mailing, digest),
        max(proposal.approvals, office.workspace.staging.approvals),
        proposal.previous,
        differences(previous, frozen) if previous else (),
        tuple(str(file.relative_to(office.workspace.root)) for file in files),
        proposal.instead_of,
        proposal.told_before,
    )


def _steps(plan: StagingPlan) -> tuple[StepLine, ...]:
    lines: list[StepLine] = []
    for (name, gate), steps in itertools.groupby(plan.steps, lambda step: (step.name, step.gate)):
        counts = [step.count for step in steps]
        lines.append(StepLine(name, len(counts), sum(counts), gate))
    return tuple(lines)
