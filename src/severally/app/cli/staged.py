"""The verbs of the staged way: propose, approve, decide, acknowledge, review."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.texts import after
from severally.model.errors import UsageError

if TYPE_CHECKING:
    from severally.app.office import Office
    from severally.app.operations.approving import Glass

_MAILING = re.compile(r"m-[a-z0-9]{6}")


def add_to(app: typer.Typer) -> None:
    """Register the verbs in the order in which they are needed."""
    app.command(epilog=_PROPOSE)(propose)
    app.command(epilog=_APPROVE)(approve)
    app.command(epilog=_DECIDE)(decide)
    app.command(epilog=_ACKNOWLEDGE)(acknowledge)
    app.command(epilog=_REVIEW)(review)
    app.command(epilog=_WITHDRAW)(withdraw)


def code_for(session: Session, office: Office, given: str | None) -> str:
    """The fresh code: given, asked for where one is needed, or nothing."""
    from severally.app.operations.signing import needs_code

    if given is not None or not needs_code(office):
        return given or ""
    return session.ask("code")


def refuse_options(what: str, *notice_only: object) -> None:
    """A mailing is sent as it was approved. Raises UsageError for what belongs to a notice."""
    if not _MAILING.fullmatch(what):
        raise UsageError(f"say whom to tell of {what}: --audience FILE; or name a mailing")
    if any(option is not None for option in notice_only):
        raise UsageError(
            f"{what} is sent as it was approved: --accept-rejects, --again, --route and --start "
            "belong to propose"
        )


def glass_of(broken: bool, incident: str, reason: str) -> Glass | None:
    """What --break-glass needs. Raises UsageError where some of it is missing."""
    if not broken:
        if incident or reason:
            raise UsageError("--incident and --reason belong to --break-glass")
        return None
    if not incident or not reason:
        raise UsageError("--break-glass needs --incident REF and --reason TEXT")
    from severally.app.operations.approving import Glass

    return Glass(incident, reason)


_PROPOSE = after(
    "severally propose index-change --audience customers.csv",
    "severally propose index-change --audience customers.csv --accept-rejects 3 --json",
    "severally propose index-change --audience customers.csv --instead-of m-7k2d9x",
    codes=(0, 1, 2, 3),
)


def propose(
    ctx: typer.Context,
    notice: options.NoticeName,
    audience: options.AudienceFile,
    accept_rejects: options.AcceptRejects = None,
    again: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Propose although the very same was sent before."),
    ] = None,
    instead_of: Annotated[
        str | None,
        typer.Option(
            metavar="MAILING",
            help="It corrects this one, which was withdrawn: not to those whom that one left for.",
        ),
    ] = None,
    start: options.Start = None,
    route: options.RouteName = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Freeze a mailing, for others to approve. Nothing is sent.

    Everything that `send` checks is checked. Frozen are the texts of every language, sample
    messages as bytes, the audience, the sender, the route, the limits as ceilings, the times at
    which it may leave, and the plan of canary and ramp. One digest stands for all of it; any
    change after this voids it.

    With --instead-of, whoever the withdrawn mailing left for (by id and by address), or one that it
    corrected itself, is left out: nobody gets both.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_staged
    from severally.app.operations import proposing
    from severally.app.operations.moments import moment
    from severally.app.operations.sends import Order

    begins = moment(start, option="--start")
    order = Order(notice, audience, accept_rejects, again, None, route, instead_of, begins)
    with session.office() as office:
        result = proposing.propose(office, order, session.say)
    session.show(result, paint_staged.proposed)


_APPROVE = after(
    "severally approve m-7k2d9x --count 12 --code 123456",
    "severally approve m-7k2d9x --count 12 --code 123456 --json",
    codes=(0, 1, 2, 3),
)


def approve(
    ctx: typer.Context,
    mailing: options.MailingId,
    count: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="How many people it goes to, typed by you."),
    ] = None,
    digest: Annotated[
        str, typer.Option(metavar="DIGEST", help="Only if its digest begins so.")
    ] = "",
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Give your word that a proposed mailing may be sent.

    Shows whom it goes to, its languages, the plan, what is new against the last mailing of the
    notice, and files with the worst cases to look at. The author cannot approve. The approval is
    for this digest alone. After a halt it is the word that the mailing may go on. Without --count
    it asks for it, or only shows.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_staged
    from severally.app.operations import approving, proposing
    from severally.model.errors import Refused

    with session.office() as office:
        seen = proposing.described(office, mailing)
        if not session.json:
            paint_staged.proposed(seen, session.console())
        if count is None:
            typed = session.ask("to how many people does it go").replace(",", "")
            if not typed.isdigit():
                raise Refused("nothing was approved; to approve it, say --count N")
            count = int(typed)
        given = code_for(session, office, code)
        result = approving.approve(office, mailing, count, digest, given)
    session.show(result, paint_staged.approved)


_DECIDE = after(
    'severally decide m-7k2d9x pass --reason "all bounces are old addresses"',
    'severally decide m-7k2d9x halt --reason "customers write that the link is dead"',
    codes=(0, 1, 2, 3),
)


def decide(
    ctx: typer.Context,
    mailing: options.MailingId,
    answer: Annotated[
        str, typer.Argument(metavar="pass|halt", help="What becomes of it.", show_default=False)
    ],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; it stands in the record.", show_default=False)
    ],
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Answer a gate that asks a person.

    `status` says what is asked. What halts by itself cannot be passed here: that needs an approval
    and `resume`.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_staged
    from severally.app.operations import approving

    if answer not in ("pass", "halt"):
        raise UsageError(f"{answer!r} is no answer; say pass or halt")
    with session.office() as office:
        result = approving.decide(office, mailing, answer == "pass", reason)
    session.show(result, paint_staged.said)


_ACKNOWLEDGE = after("severally acknowledge m-7k2d9x --code 123456", codes=(0, 1, 2, 3))


def acknowledge(
    ctx: typer.Context,
    mailing: options.MailingId,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Stand by a break-glass, as the second person.

    Until then at most 1,000 people are told, and after an hour it is halted.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_staged
    from severally.app.operations import approving

    with session.office() as office:
        given = code_for(session, office, code)
        result = approving.acknowledge(office, mailing, given)
    session.show(result, paint_staged.said)


_REVIEW = after(
    'severally review m-7k2d9x --words "right to send; the approvers were asleep"',
    codes=(0, 1, 2, 3),
)


def review(
    ctx: typer.Context,
    mailing: options.MailingId,
    words: Annotated[
        str, typer.Option(metavar="TEXT", help="What is to be said of it.", show_default=False)
    ],
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Look back at a break-glass, within 24 hours.

    Done by somebody else than who broke it. Until then the glass cannot be broken again.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_staged
    from severally.app.operations import approving

    with session.office() as office:
        result = approving.review(office, mailing, words)
    session.show(result, paint_staged.said)


_WITHDRAW = after(
    'severally withdraw m-7k2d9x --reason "wrong date in the text" --code 123456',
    codes=(0, 1, 2, 3),
)


def withdraw(
    ctx: typer.Context,
    mailing: options.MailingId,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; it stands in the record.", show_default=False)
    ],
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """End a halted mailing: whom it did not leave for will not be told by it.

    This cannot be undone. `report --recipients` names who got it and who was withdrawn, and
    `propose --instead-of` tells the others something else.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_staged
    from severally.app.operations import moving

    with session.office() as office:
        given = code_for(session, office, code)
        result = moving.withdraw(office, mailing, reason, given)
    session.show(result, paint_staged.withdrawn)
