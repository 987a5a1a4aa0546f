"""The verbs of the record: audit verify, audit show."""

from __future__ import annotations

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.texts import after


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    group = typer.Typer(help="The record of everything that was done.", no_args_is_help=True)
    group.command("verify", epilog=_VERIFY)(verify)
    group.command("show", epilog=_SHOW)(show)
    app.add_typer(group, name="audit")


_VERIFY = after("severally audit verify", "severally audit verify --json", codes=(0, 1, 2, 3))


def verify(
    ctx: typer.Context, workspace: options.Workspace = None, json: options.Json = False
) -> None:
    """Check the whole record against its hashes and checkpoints.

    Names every row that was altered, removed, moved or put in, a cut end, and forged or missing
    checkpoints in any of their places; says how much no checkpoint holds yet. Needs no network
    and changes nothing. Ends with 3 where something is wrong.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import auditing

    with session.office(as_it_is=True) as office:
        result = auditing.verify(office)
    session.show(result, paint_operators.verified)
    raise typer.Exit(0 if result.sound else 3)


_SHOW = after("severally audit show", "severally audit show m-7k2d9x", codes=(0, 1, 2))


def show(
    ctx: typer.Context,
    mailing: options.WhichMailing = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Tell what was done, when, and by whom.

    Of one mailing, with its sentinels, or of the whole workspace. Holds no recipient's data.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import auditing

    with session.office(as_it_is=True) as office:
        session.show(auditing.story(office, mailing), paint_operators.story)
