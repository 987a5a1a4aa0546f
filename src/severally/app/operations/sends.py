"""`send`: everything checked, frozen and numbered, then handed to whoever delivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from severally.app.lanes import lane_of
from severally.app.lock import exclusively
from severally.app.office import Office
from severally.app.operations import audiences, drafts, moving, plans
from severally.app.operations.fitness import identity_of
from severally.app.operations.signing import act_as
from severally.app.providers import host_of
from severally.app.sections import ApiRoute, SmtpRoute
from severally.app.words import duration, moment
from severally.model.audit import Checkpoint
from severally.model.entries import Act
from severally.model.errors import Finding, Refused
from severally.model.mailing import Frozen, Mailing, MailingState
from severally.model.operator import Role

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What was asked for. `until` and `start` are Unix seconds; `instead_of` a mailing that was
    withdrawn."""

    notice: str
    audience: Path
    accept_rejects: int | None = None
    again: str | None = None
    until: float | None = None
    route: str | None = None
    instead_of: str | None = None
    start: float | None = None


def prepare(office: Office, order: Order, say: Say) -> Mailing:
    """A mailing ready to be sent. Raises Refused with every finding, and for what was sent
    before; UsageError where the order cannot be understood."""
    if office.workspace.purpose == "live":
        begin = f"begin with: severally propose {order.notice} --audience FILE"
        raise Refused(
            "this is a live workspace: it sends only what was proposed and approved",
            [Finding("", begin)],
        )
    who = act_as(office, "send", Role.OPERATOR, Role.AUTHOR).name
    with (
        ready(office, order, say) as (frozen, read),
        exclusively(office.workspace.state / "mailing.lock"),
    ):
        identity = identity_of(frozen, read.staging.content())
        refuse_repeat(office, identity, order.again)
        return _begin(office, order, frozen, read, identity, who, say)


@contextmanager
def ready(
    office: Office, order: Order, say: Say, told: audiences.Told = audiences.nobody
) -> Iterator[tuple[Frozen, audiences.Reading]]:
    """Everything checked: what would be sent, and to whom; those who were `told` are left out.

    Raises Refused with every finding.
    """
    route = office.workspace.choose_route(order.route)
    _check_host(office, route)
    draft = drafts.compiled(office, order.notice)
    for warning in draft.warnings:
        say(f"warning: {warning}")
    frozen = drafts.freeze(office, draft, route, order.start)
    window = frozen.times.window
    with audiences.reading(office, order.audience, draft.notice, route, told, window) as read:
        audiences.refuse_unsound(read.result, order.accept_rejects)
        for finding in read.result.findings:
            say(f"warning: {finding.where}: {finding.problem}")
        yield frozen, read


def _check_host(office: Office, route: str) -> None:
    settings = office.workspace.routes[route]
    match settings:
        case SmtpRoute():
            key, host = "host", settings.host
        case ApiRoute():
            key, host = "url", host_of(settings)
        case _:
            return
    if not office.workspace.allowed.host(host):
        raise Refused(
            "this trial workspace does not send to that relay",
            [
                Finding(
                    office.workspace.where(f"routes.{route}.{key}"),
                    f"{host} is not among the allowed hosts",
                    f'if you mean it: [workspace] allow_hosts = ["{host}"]',
                )
            ],
        )


def refuse_repeat(office: Office, identity: str, again: str | None) -> None:
    """Nobody is mailed twice by doing a thing twice, nor because a backup forgot it.

    Raises Refused.
    """
    same = office.ledger.by_digest(identity)
    before = [mailing for mailing in same if not moving.reached_nobody(office, mailing)]
    once_more = Finding("", "to mail everybody once more: --again REASON, which is recorded")
    if before and not again:
        last = before[-1]
        raise Refused(
            f"the very same was sent before, as {last.id} (now {last.state}); nothing was sent",
            [Finding("", f"to go on with it: severally resume {last.id}"), once_more],
        )
    forgotten = begun_elsewhere(office, identity)
    if forgotten and not again:
        raise Refused(
            f"the very same was begun before, as {forgotten}, which this ledger knows nothing of: "
            "it was put back from a backup; nothing was sent",
            [once_more],
        )


def begun_elsewhere(office: Office, identity: str) -> str | None:
    """The mailing that the checkpoints say was begun with this content, and no row knows of."""
    places = office.wiring.open_checkpoints(office.workspace, office.keys)
    begun = {name: digest for point in places.all() for name, digest in point.begun.items()}
    known = {mailing.id for mailing in office.ledger.by_digest(identity)}
    others = (name for name, digest in begun.items() if digest == identity)
    return next((name for name in others if name not in known), None)


def leave_out(office: Office, mailing_id: str, frozen: Frozen, say: Say) -> None:
    """Exclude whoever is suppressed, now and while it is under way, and say how many and why."""
    now = office.wiring.clock.wall()
    excluded = office.ledger.exclude(mailing_id, frozen.notice.kind, now)
    if excluded:
        why = ", ".join(f"{count:,} {reason.value}" for reason, count in sorted(excluded.items()))
        say(f"{sum(excluded.values()):,} recipients are suppressed and left out: {why}")


def note_begun(office: Office, mailing: Mailing) -> None:
    """Say outside the ledger that this mailing is begun, before it is."""
    seq, head = office.ledger.head()
    now = office.wiring.clock.wall()
    places = office.wiring.open_checkpoints(office.workspace, office.keys)
    places.append(Checkpoint(now, seq, head.hex(), begun={mailing.id: mailing.digest}))


def _begin(
    office: Office,
    order: Order,
    frozen: Frozen,
    read: audiences.Reading,
    identity: str,
    who: str,
    say: Say,
) -> Mailing:
    ledger, now = office.ledger, office.wiring.clock.wall()
    audience = read.staging.freeze(order.audience.name, now)
    mailing = Mailing(
        audiences.new_id("m"),
        frozen.notice.name,
        audience.id,
        audience.count,
        identity,
        MailingState.DRAFT,
        frozen.route,
        created_at=now,
    )
    lanes = {each: lane_of(office.workspace, frozen.route, each).key for each in read.receivers}
    steps = None
    if frozen.times.window is not None:
        steps = {stratum: (count,) for stratum, count in ledger.strata(audience.id).items()}
    ledger.create_mailing(mailing, frozen, lanes, now, steps)
    if order.again:
        ledger.add_act(Act(now, mailing.id, "sent again", order.again, who))
    if read.result.rejected:
        detail = f"{read.result.rejected} rows of {order.audience.name} left out"
        ledger.add_act(Act(now, mailing.id, "rejects accepted", detail, who))
    planned = plans.estimate(office, frozen, read)
    ledger.set_estimate(mailing.id, planned.makespan_s)
    say(
        f"{mailing.id}: {audience.count:,} recipients on route {frozen.route}, "
        f"about {planned.makespan_s:,.0f} s; the bottleneck is {planned.bottleneck}"
    )
    by = frozen.times.by
    if by and now + planned.makespan_s > by:
        late = duration(now + planned.makespan_s - by)
        say(f"warning: the last will be told {late} after {moment(by)}; `severally plan` says why")
    leave_out(office, mailing.id, frozen, say)
    note_begun(office, mailing)
    ledger.set_state(mailing.id, MailingState.SENDING, office.wiring.clock.wall(), who=who)
    return ledger.mailing(mailing.id)
