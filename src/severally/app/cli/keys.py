"""The verbs of API keys: key make, list, revoke."""

from __future__ import annotations

from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.staged import code_for
from severally.app.cli.texts import after


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    group = typer.Typer(help="Keys of the programs that use the API.", no_args_is_help=True)
    group.command("make", epilog=_MAKE)(make)
    group.command("list", epilog=_LIST)(show_all)
    group.command("revoke", epilog=_REVOKE)(revoke)
    app.add_typer(group, name="key")


_MAKE = after(
    "severally key make withdrawals --scope live",
    "severally key make staging --scope test --days 7 --per-minute 60",
    codes=(0, 1, 2, 3),
)


def make(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The program's.", show_default=False)],
    scope: Annotated[
        str,
        typer.Option(
            metavar="SCOPE",
            help="live: everybody. team: [urgent] team. test: nothing is sent.",
        ),
    ] = "test",
    days: Annotated[int, typer.Option(metavar="N", min=1, max=366, help="It ends then.")] = 90,
    per_minute: Annotated[
        int, typer.Option(metavar="N", help="Requests a minute at most.")
    ] = 6_000,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Make a key for a program. It is shown this once.

    What is kept is its hash. A test key has messages composed and checked, and sends nothing.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import keys

    with session.office() as office:
        given = code_for(session, office, code)
        made = keys.make(office, name, scope, per_minute, days * 86_400.0, given)
    session.show(made, paint_urgent.key_made)


_LIST = after("severally key list", "severally key list --json")


def show_all(
    ctx: typer.Context, workspace: options.Workspace = None, json: options.Json = False
) -> None:
    """List every key, those that ended included; no secret."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import keys

    with session.office() as office:
        session.show(keys.listed(office), paint_urgent.keys_listed)


_REVOKE = after("severally key revoke k-7k2d9x", codes=(0, 1, 2, 3))


def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id.", show_default=False)],
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """End a key now, wherever it is used."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_urgent
    from severally.app.urgent import keys

    with session.office() as office:
        given = code_for(session, office, code)
        session.show(keys.revoke(office, key, given), paint_urgent.key_revoked)
