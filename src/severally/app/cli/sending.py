"""The verbs of a mailing's life: send, status, watch, halt, resume, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.staged import code_for, glass_of, refuse_options
from severally.app.cli.texts import after
from severally.model.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the verbs in the order of a mailing's life."""
    app.command(epilog=_SEND)(send)
    app.command(epilog=_STATUS)(status)
    app.command(epilog=_WATCH)(watch)
    app.command(epilog=_HALT)(halt)
    app.command(epilog=_RESUME)(resume)
    app.command(epilog=_REPORT)(report)


_SEND = after(
    "severally send index-change --audience customers.csv",
    "severally send index-change --audience customers.csv --accept-rejects 3",
    "severally send m-7k2d9x --code 123456",
    'severally send m-7k2d9x --break-glass --incident INC-7 --reason "logins fail" --code 123456',
    "severally send index-change --audience customers.csv --until +2h --json",
    'severally send index-change --audience customers.csv --again "first run had the wrong date"',
    codes=(0, 1, 2, 3, 4, 5),
)


def send(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="NOTICE|MAILING",
            help="A notice, to tell an audience; or a mailing that was approved.",
            show_default=False,
        ),
    ],
    audience: options.SendAudience = None,
    accept_rejects: options.AcceptRejects = None,
    again: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Send although the very same was sent before."),
    ] = None,
    start: options.Start = None,
    until: options.Until = None,
    route: options.RouteName = None,
    code: options.Code = None,
    break_glass: Annotated[
        bool,
        typer.Option("--break-glass", help="Send a proposed mailing without its approvals."),
    ] = False,
    incident: Annotated[
        str, typer.Option(metavar="REF", help="With --break-glass: the incident's reference.")
    ] = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="With --break-glass: why.")] = "",
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Tell everybody: check, send, retry, report.

    With a mailing that was proposed and approved: rehearsal, sentinels, canary and ramp, as
    planned. With a notice and an audience: all of it in one go, in a trial workspace only.
    --break-glass skips people and waiting and nothing else, for at most 1,000 recipients until
    somebody else acknowledges it, for an hour; a review is owed within a day.

    Who is outside the hours of a window, or before a start time, waits; the others go on.
    Everything is checked before the first message leaves, and each message again by the guard.
    What was sent before is not sent again: a mailing that stopped goes on with `resume`.
    Ctrl-C finishes what is in flight and ends; nothing is lost.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.cli.progress import viewing
    from severally.app.operations import approving, delivering, sends
    from severally.app.operations.moments import moment

    ends, begins = moment(until), moment(start, option="--start")
    with session.office() as office:
        if audience is None:
            refuse_options(what, accept_rejects, again, route, start)
            glass = glass_of(break_glass, incident, reason)
            mailing = approving.begin(office, what, code_for(session, office, code), glass)
        else:
            if break_glass:
                raise UsageError("--break-glass is for a mailing that was proposed: send MAILING")
            order = sends.Order(what, audience, accept_rejects, again, ends, route, start=begins)
            mailing = sends.prepare(office, order, session.say)
        with viewing(session, mailing) as listen:
            result = delivering.see_through(office, mailing.id, ends, listen, session.say)
    session.show(result, paint.report)
    raise typer.Exit(result.exit_code)


_STATUS = after("severally status", "severally status m-7k2d9x --json")


def status(
    ctx: typer.Context,
    mailing: options.MaybeMailing = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """List the workspace's mailings and where each stands."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import looking

    with session.office() as office:
        session.show(looking.status(office, mailing), paint.status)


_WATCH = after("severally watch", "severally watch m-7k2d9x --until +10m", codes=(0, 1, 2, 4, 5))


def watch(
    ctx: typer.Context,
    mailing: options.MaybeMailing = None,
    until: options.Until = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Watch a mailing until it is final or halted.

    Another process delivers it. Watching changes nothing; Ctrl-C ends the watching, not the
    mailing.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.cli.progress import viewing
    from severally.app.operations import delivering, looking
    from severally.app.operations.moments import moment

    with session.office() as office:
        found = looking.choose(office, mailing)
        with viewing(session, found) as listen:
            result = delivering.watch(office, found.id, moment(until), listen)
    session.show(result, paint.report)
    raise typer.Exit(result.exit_code)


_HALT = after(
    'severally halt m-7k2d9x --reason "wrong date in the text"',
    'severally halt --all --reason "provider asks us to stop"',
)


def halt(
    ctx: typer.Context,
    mailing: options.OneMailing = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every mailing under way, and the drop-in guard.")
    ] = False,
    guard: Annotated[bool, typer.Option("--guard", help="The drop-in guard alone.")] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands in the report.")] = "",
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Stop a mailing now, from any terminal.

    Takes effect within a second, whoever delivers it. What is in flight ends; nothing more
    leaves. `resume` lets it go on; a staged mailing then needs an approval first.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import halting

    with session.office() as office:
        session.show(halting.halt(office, mailing, everything, reason, guard), paint.halt)


_RESUME = after(
    "severally resume m-7k2d9x",
    "severally resume m-7k2d9x --until +30m --json",
    "severally resume --guard",
    codes=(0, 1, 2, 3, 4, 5),
)


def resume(
    ctx: typer.Context,
    mailing: options.OneMailing = None,
    guard: Annotated[bool, typer.Option("--guard", help="The drop-in guard.")] = False,
    until: options.Until = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Go on with a mailing where it stopped.

    After a halt, a crash or Ctrl-C. Nobody who was sent it is sent it again. Those in doubt
    (the message was handed over, the answer never came) are listed by the report and stay as
    they are.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.cli.progress import viewing
    from severally.app.operations import delivering, guarding, halting
    from severally.app.operations.moments import moment

    if (mailing is None) == (not guard):
        raise UsageError("name one mailing, or --guard; `severally status` lists them")
    with session.office() as office:
        if mailing is None:
            guarding.resume(office)
            session.say("the drop-in guard goes on")
            return
        found = halting.resume(office, mailing)
        with viewing(session, found) as listen:
            result = delivering.see_through(office, found.id, moment(until), listen, session.say)
    session.show(result, paint.report)
    raise typer.Exit(result.exit_code)


_REPORT = after(
    "severally report",
    "severally report m-7k2d9x --json",
    "severally report m-7k2d9x --recipients told.csv",
    "severally report m-7k2d9x --csv lanes.csv --chart curves.svg",
)


def report(
    ctx: typer.Context,
    mailing: options.MaybeMailing = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the report as JSON to a file.")
    ] = None,
    recipients: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write every recipient's id and state as CSV."),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a line for each lane and locale as CSV."),
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw what was taken and came back: .svg or .png."),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Account for every recipient of a mailing.

    The counts add up to the audience; those in doubt are listed by their ids. By lane and locale:
    what was accepted, deferred, bounced by class, complained and unsubscribed, how soon it arrived,
    and how earlier mailings of the notice fared.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import charts, figures, listing, looking

    with session.office() as office:
        if chart is not None:
            charts.check(office, chart)
        chosen = looking.choose(office, mailing)
        found = figures.figures(office, chosen)
        result = looking.report(office, chosen.id, found)
        if csv is not None:
            figures.write_csv(csv, chosen, found)
        if chart is not None:
            charts.draw(office, chart, figures.panels(chosen, found))
        if recipients is not None:
            listing.write(office, result.mailing, recipients)
    if out is not None:
        from msgspec.json import encode

        out.write_bytes(encode(result) + b"\n")
    session.show(result, paint.report)
