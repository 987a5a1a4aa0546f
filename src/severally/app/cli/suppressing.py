"""The verbs of suppression: suppression list, add, remove, import, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.texts import after
from severally.model.errors import UsageError

Scope = Annotated[
    str,
    typer.Option(
        "--scope", metavar="KIND", help="all, service, security or marketing: which notices."
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Where it comes from; kept with it.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    group = typer.Typer(help="Who is not to be written to.", no_args_is_help=True)
    group.command("list", epilog=_LIST)(show_all)
    group.command("add", epilog=_ADD)(add)
    group.command("remove", epilog=_REMOVE)(remove)
    group.command("import", epilog=_IMPORT)(take_in)
    group.command("export", epilog=_EXPORT)(export)
    app.add_typer(group, name="suppression")


_LIST = after("severally suppression list", "severally suppression list --json")


def show_all(
    ctx: typer.Context, workspace: options.Workspace = None, json: options.Json = False
) -> None:
    """List who is suppressed: by key, never by address.

    A key is a keyed hash of the address. Security notices are barred only by `all` and `security`.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_feedback
    from severally.app.operations import suppressing

    with session.office() as office:
        session.show(suppressing.listed(office), paint_feedback.suppressions)


_ADD = after(
    'severally suppression add --address-file gone.txt --reason "asked by telephone"',
    "severally suppression add --address-file gone.txt --scope marketing --days 90 --reason rest",
    codes=(0, 1, 2, 3),
)


def add(
    ctx: typer.Context,
    reason: Reason,
    address_file: Annotated[
        Path | None,
        typer.Option(
            "--address-file",
            metavar="FILE",
            help="Read the one address from this file; without it you are asked for it.",
        ),
    ] = None,
    scope: Scope = "all",
    days: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="For so long; 0 means for ever.")
    ] = 0.0,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Suppress one address.

    The address is read from a file or asked for, so that it stands in no list of processes and in
    no history of commands.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_feedback
    from severally.app.operations import suppressing

    with session.office() as office:
        address = _address(session, address_file)
        session.show(suppressing.add(office, address, scope, reason, days), paint_feedback.added)


def _address(session: Session, file: Path | None) -> str:
    if file is None:
        return session.ask("address", hidden=True)
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file} cannot be read as text") from None


_REMOVE = after(
    "severally suppression remove --address-file back.txt --reason 'has a new mailbox'",
    "severally suppression remove --key 0123456789abcdef0123456789abcdef --reason 'was a mistake'",
    codes=(0, 1, 2, 3),
)


def remove(
    ctx: typer.Context,
    reason: Reason,
    address_file: Annotated[
        Path | None,
        typer.Option("--address-file", metavar="FILE", help="Read the one address from this file."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="A key, as `list` shows it.")
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option("--scope", metavar="KIND", help="Only this scope; without it, every one."),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Lift what bars an address.

    What is heard of it afterwards counts again; what was heard before does not come back.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_feedback
    from severally.app.operations import suppressing

    with session.office() as office:
        named = key if key is not None else _address(session, address_file)
        session.show(suppressing.remove(office, named, scope, reason), paint_feedback.removed)


_IMPORT = after(
    'severally suppression import list.csv --reason "from the old system"', codes=(0, 1, 2, 3)
)


def take_in(
    ctx: typer.Context,
    file: File,
    reason: Reason,
    scope: Scope = "all",
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Take in a list from elsewhere.

    A CSV file in UTF-8 with a column `email` or `key`; columns `scope`, `source` and `expires`
    are read where they are there. One bad row, and nothing is taken in.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_feedback
    from severally.app.operations import suppressing

    with session.office() as office:
        result = suppressing.import_file(office, file, scope, reason)
        session.show(result, paint_feedback.imported)


_EXPORT = after(
    "severally suppression export suppressed.csv",
    "severally suppression export hashes.csv --hashed",
    "severally suppression export shared.csv --key-file shared.key",
    codes=(0, 1, 2, 3),
)


def export(
    ctx: typer.Context,
    file: File,
    hashed: Annotated[
        bool, typer.Option("--hashed", help="Keys alone, for a workspace with the same keys.")
    ] = False,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="Keys alone, made with this file's bytes, for whoever else has it.",
        ),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Write all of it into a new CSV file that nobody else can read.

    With addresses; or, for sharing without them, as keyed hashes: HMAC-SHA256 of the address in
    lower case.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_feedback
    from severally.app.operations import suppressing

    with session.office() as office:
        result = suppressing.export(office, file, hashed, key_file)
        session.show(result, paint_feedback.exported)
