"""The verbs of urgent messages: urgent propose, approve, list, send, show."""

from __future__ import annotations

from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.staged import code_for
from severally.app.cli.texts import after
from severally.model.errors import UsageError

Message = Annotated[
    str, typer.Argument(metavar="MESSAGE", help="Its id, like u-…", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    group = typer.Typer(
        help="Single messages that an event triggers: resets, withdrawals.", no_args_is_help=True
    )
    group.command("propose", epilog=_PROPOSE)(propose)
    group.command("approve", epilog=_APPROVE)(approve)
    group.command("list", epilog=_LIST)(show_all)
    group.command("send", epilog=_SEND)(send)
    group.command("show", epilog=_SHOW)(show)
    app.add_typer(group, name="urgent")


_PROPOSE = after("severally urgent propose sign-in-alert", codes=(0, 1, 2, 3))


def propose(
    ctx: typer.Context,
    notice: options.NoticeName,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Offer an urgent notice as it stands now for approval.

    It has an event in its notice.toml, and is checked as every notice is. What is sent later is
    this very version.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import notices

    with session.office() as office:
        session.show(notices.propose(office, notice), paint_urgent.proposed)


_APPROVE = after(
    "severally urgent approve sign-in-alert",
    codes=(0, 1, 2, 3),
)


def approve(
    ctx: typer.Context,
    notice: options.NoticeName,
    digest: Annotated[
        str, typer.Option(metavar="DIGEST", help="The version, by its first letters.")
    ] = "",
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Approve an urgent notice, once, to be sent any number of times.

    The version whose digest is given, or the newest. Somebody else than its author does; in a
    trial workspace without operators it is proposed on the way.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import notices

    with session.office() as office:
        given = code_for(session, office, code)
        session.show(notices.approve(office, notice, digest, given), paint_urgent.approved)


_LIST = after("severally urgent list", "severally urgent list --json")


def show_all(
    ctx: typer.Context, workspace: options.Workspace = None, json: options.Json = False
) -> None:
    """List every version of every urgent notice."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import notices

    with session.office() as office:
        session.show(notices.listed(office), paint_urgent.listed)


_SEND = after(
    "severally urgent send sign-in-alert --to anna@customer.example --set first_name=Anna "
    "--set device=Firefox --set signed_in_at=2026-11-25T08:14:05Z",
    codes=(0, 1, 2, 3, 5),
)


def send(
    ctx: typer.Context,
    notice: options.NoticeName,
    to: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The one recipient's address.", show_default=False),
    ],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A variable's value; once for each."),
    ] = None,
    locale: Annotated[str, typer.Option(metavar="LOCALE", help="Their language.")] = "",
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="Their time zone.")] = "",
    reference: Annotated[str, typer.Option(metavar="REF", help="Your own reference.")] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Sent once under this name, however often asked.")
    ] = "",
    wait: Annotated[int, typer.Option(metavar="SECONDS", min=0, help="Wait so long.")] = 60,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Send one urgent message to one recipient, and wait for its end.

    The notice was approved before. Where `serve` runs, it sends; else this process does. Ends
    with 5 where the message is not final yet.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import sending

    pairs = [each.partition("=") for each in values or ()]
    if any(not equals for _, equals, _ in pairs):
        raise UsageError("--set takes NAME=VALUE, for example --set minutes=30")
    given = {variable: value for variable, _, value in pairs}
    order = sending.Order(notice, to, given, locale, timezone, reference, name)
    with session.office() as office:
        result = sending.send(office, order, float(wait), code_for(session, office, code))
    session.show(result, paint_urgent.story)
    raise typer.Exit(result.exit_code)


_SHOW = after("severally urgent show u-aaaaaaaaaaaaa", codes=(0, 1, 2))


def show(
    ctx: typer.Context,
    message: Message,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Tell where an urgent message stands, and everything that happened to it."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import sending

    with session.office() as office:
        session.show(sending.story(office, message), paint_urgent.story)
