"""The verbs of the drop-in guard: guard, held list, held release, held discard."""

from __future__ import annotations

from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.staged import code_for
from severally.app.cli.texts import after

Held = Annotated[
    str, typer.Argument(metavar="ID", help="Its id, as `held list` shows it.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command(epilog=_GUARD)(guard)
    group = typer.Typer(help="What the guard holds for a person.", no_args_is_help=True)
    group.command("list", epilog=_LIST)(list_held)
    group.command("release", epilog=_RELEASE)(release)
    group.command("discard", epilog=_DISCARD)(discard)
    app.add_typer(group, name="held")


_GUARD = after("severally guard", "severally guard --until +8h", codes=(0, 1, 2, 3))


def guard(
    ctx: typer.Context,
    until: options.Ends = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Stand between other programs and their mail provider.

    They send through it as before, by SMTP or the HTTP API of SendGrid, SES v2, Mailgun, Postmark
    or Resend, with one host name changed. A request that would show one recipient to another is
    refused, or split into one private message each; the rest goes out by a route of the
    workspace. Settings: [guard] in severally.toml. Runs until Ctrl-C.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.guarding.serving import Open
    from severally.app.operations import guarding
    from severally.app.operations.moments import moment

    with session.office() as office:
        settings = office.workspace.guard

        def ready(where: Open) -> None:
            assert settings is not None
            session.say(
                f"http://{settings.http.host}:{where.http_port} speaks SendGrid, SES v2, Mailgun, "
                f"Postmark and Resend\nsmtp://{settings.smtp.host}:{where.smtp_port} takes mail by "
                "SMTP with AUTH\nCtrl-C ends it"
            )

        guarding.run(office, session.say, ready, moment(until))


_LIST = after("severally held list", "severally held list --json")


def list_held(
    ctx: typer.Context, workspace: options.Workspace = None, json: options.Json = False
) -> None:
    """List what waits for a decision, and how all letters stand."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_guard
    from severally.app.operations import guarding

    with session.office(as_it_is=True) as office:
        session.show(guarding.held(office), paint_guard.held)


_RELEASE = after("severally held release g-1f0c2a9d4e5b6c70 --code 123456", codes=(0, 1, 2, 3))


def release(
    ctx: typer.Context,
    submission: Held,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Let it go, and whatever else has its content for a day.

    For an approver or operator, with a fresh code.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_guard
    from severally.app.operations import guarding

    with session.office() as office:
        given = code_for(session, office, code)
        session.show(guarding.release(office, submission, given), paint_guard.decided)


_DISCARD = after(
    'severally held discard g-1f0c2a9d4e5b6c70 --reason "a test that went astray"',
    codes=(0, 1, 2, 3),
)


def discard(
    ctx: typer.Context,
    submission: Held,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands in the record.")] = "",
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Never send it; its letters are withdrawn and forgotten."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_guard
    from severally.app.operations import guarding

    with session.office() as office:
        session.show(guarding.discard(office, submission, reason), paint_guard.decided)
