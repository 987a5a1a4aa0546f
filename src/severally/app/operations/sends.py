"""`send`: everything checked, frozen and numbered, then handed to whoever delivers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from severally.app.lanes import lane_of
from severally.app.lock import exclusively
from severally.app.office import Office
from severally.app.operations import audiences, drafts, plans
from severally.app.sections import SmtpRoute
from severally.model.entries import Act
from severally.model.errors import Finding, Refused
from severally.model.mailing import Frozen, Mailing, MailingState

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What was asked for. `until` is Unix seconds."""

    notice: str
    audience: Path
    accept_rejects: int | None = None
    again: str | None = None
    until: float | None = None
    route: str | None = None


def prepare(office: Office, order: Order, say: Say) -> Mailing:
    """A mailing ready to be sent. Raises Refused with every finding, and for what was sent
    before; UsageError where the order cannot be understood."""
    workspace = office.workspace
    if workspace.purpose == "live":
        raise Refused(
            "this is a live workspace: it sends only what was staged and approved, "
            "and staging by approval is not available yet in this version",
            [Finding("severally.toml (workspace.purpose)", "live", 'a "trial" can send')],
        )
    route = workspace.choose_route(order.route)
    _check_host(office, route)
    draft = drafts.compiled(office, order.notice)
    for warning in draft.warnings:
        say(f"warning: {warning}")
    frozen = drafts.freeze(office, draft, route)
    with audiences.reading(office, order.audience, draft.notice, route) as read:
        audiences.refuse_unsound(read.result, order.accept_rejects)
        for finding in read.result.findings:
            say(f"warning: {finding.where}: {finding.problem}")
        with exclusively(workspace.state / "mailing.lock"):
            digest = digest_of(frozen, read.staging.content())
            _refuse_repeat(office, digest, order.again)
            return _begin(office, order, frozen, read, digest, say)


def digest_of(frozen: Frozen, content: str) -> str:
    """SHA-256 (hex) over all that decides what people get, and who gets it."""
    encoded = msgspec.json.Encoder(order="deterministic").encode(frozen)
    return hashlib.sha256(b"%d:" % len(encoded) + encoded + content.encode()).hexdigest()


def _check_host(office: Office, route: str) -> None:
    settings = office.workspace.routes[route]
    if isinstance(settings, SmtpRoute) and not office.workspace.allowed.host(settings.host):
        raise Refused(
            "this trial workspace does not send to that relay",
            [
                Finding(
                    f"severally.toml (routes.{route}.host)",
                    f"{settings.host} is not among the allowed hosts",
                    f'if you mean it: [workspace] allow_hosts = ["{settings.host}"]',
                )
            ],
        )


def _refuse_repeat(office: Office, digest: str, again: str | None) -> None:
    before = office.ledger.by_digest(digest)
    if before and not again:
        last = before[-1]
        raise Refused(
            f"the very same was sent before, as {last.id} (now {last.state}); nothing was sent",
            [
                Finding("", f"to go on with it: severally resume {last.id}"),
                Finding("", "to mail everybody once more: --again REASON, which is recorded"),
            ],
        )


def _begin(
    office: Office,
    order: Order,
    frozen: Frozen,
    read: audiences.Reading,
    digest: str,
    say: Say,
) -> Mailing:
    ledger, now = office.ledger, office.wiring.clock.wall()
    audience = read.staging.freeze(order.audience.name, now)
    mailing = Mailing(
        audiences.new_id("m"),
        frozen.notice.name,
        audience.id,
        audience.count,
        digest,
        MailingState.DRAFT,
        frozen.route,
        created_at=now,
    )
    lanes = {each: lane_of(office.workspace, frozen.route, each).key for each in read.receivers}
    ledger.create_mailing(mailing, frozen, lanes, now)
    if order.again:
        ledger.add_act(Act(now, mailing.id, "sent again", order.again))
    if read.result.rejected:
        detail = f"{read.result.rejected} rows of {order.audience.name} left out"
        ledger.add_act(Act(now, mailing.id, "rejects accepted", detail))
    planned = plans.estimate(office, frozen, read.receivers)
    ledger.set_estimate(mailing.id, planned.makespan_s)
    say(
        f"{mailing.id}: {audience.count:,} recipients on route {frozen.route}, "
        f"about {planned.makespan_s:,.0f} s; the bottleneck is {planned.bottleneck}"
    )
    ledger.set_state(mailing.id, MailingState.SENDING, office.wiring.clock.wall())
    return ledger.mailing(mailing.id)
