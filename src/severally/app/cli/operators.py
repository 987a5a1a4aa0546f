"""The verbs of the register: operator add, list, disable, token; sign-in, sign-out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.staged import code_for
from severally.app.cli.texts import after

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="An operator's name.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    group = typer.Typer(help="Who works with this workspace.", no_args_is_help=True)
    group.command("add", epilog=_ADD)(add)
    group.command("list", epilog=_LIST)(show_all)
    group.command("disable", epilog=_DISABLE)(disable)
    group.command("token", epilog=_TOKEN)(token)
    app.add_typer(group, name="operator")
    app.command("sign-in", epilog=_SIGN_IN)(sign_in)
    app.command("sign-out", epilog=_SIGN_OUT)(sign_out)


def _password(session: Session, file: Path | None) -> str:
    from severally.app.operations.operators import password_in

    return password_in(file) if file is not None else session.ask("password", hidden=True)


_ADD = after(
    "severally operator add alice --role approver --password-file alice.password",
    "severally operator add bob --role author --role operator --password-file bob.password "
    "--code 123456",
    codes=(0, 1, 2, 3),
)


def add(
    ctx: typer.Context,
    name: Name,
    role: Annotated[
        list[str],
        typer.Option(
            metavar="ROLE", help="author, approver, operator or auditor.", show_default=False
        ),
    ],
    password_file: options.PasswordFile = None,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Enter somebody into the register.

    Prints the secret of their one-time codes, once, for their authenticator. The first is an
    approver; from then on an approver enters the others, with a fresh code. One credential under
    two names is refused.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import operators

    with session.office() as office:
        password = _password(session, password_file)
        given = code_for(session, office, code)
        result = operators.add(office, name, tuple(role), password, given)
    session.show(result, paint_operators.added)


_LIST = after("severally operator list", "severally operator list --json")


def show_all(
    ctx: typer.Context, workspace: options.Workspace = None, json: options.Json = False
) -> None:
    """List the register."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import operators

    with session.office() as office:
        session.show(operators.listed(office), paint_operators.listed)


_DISABLE = after("severally operator disable bob --code 123456", codes=(0, 1, 2, 3))


def disable(
    ctx: typer.Context,
    name: Name,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """End somebody's part, with their sessions and tokens.

    Done by an approver with a fresh code. The name stays in the record and is not given again.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import operators

    with session.office() as office:
        result = operators.disable(office, name, code_for(session, office, code))
    session.show(result, paint_operators.disabled)


_TOKEN = after(
    "severally operator token nightly --scope send --lasts 30 --code 123456",
    codes=(0, 1, 2, 3),
)


def token(
    ctx: typer.Context,
    label: Annotated[
        str, typer.Argument(metavar="LABEL", help="What it is for.", show_default=False)
    ],
    scope: Annotated[
        list[str],
        typer.Option(metavar="VERB", help="propose, send, halt or decide.", show_default=False),
    ],
    lasts: Annotated[int, typer.Option(metavar="DAYS", min=1, max=366, help="Then it ends.")] = 30,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Make a token for a program that acts in your name.

    Shown once, kept as a hash. The program shows it in SEVERALLY_TOKEN. It does only the verbs
    named, and never approves or breaks the glass; made in a trial workspace it opens nothing live.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import operators

    with session.office() as office:
        given = code_for(session, office, code)
        result = operators.token(office, label, tuple(scope), lasts * 86_400.0, given)
    session.show(result, paint_operators.token)


_SIGN_IN = after(
    "severally sign-in alice --password-file alice.password --code 123456", codes=(0, 1, 2, 3)
)


def sign_in(
    ctx: typer.Context,
    name: Name,
    password_file: options.PasswordFile = None,
    code: options.Code = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Begin a session of an hour on this machine.

    What is approved, sent or broken in it still needs a fresh code each time; a code works once.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import operators

    with session.office() as office:
        password = _password(session, password_file)
        given = code if code is not None else session.ask("code")
        result = operators.sign_in(office, name, password, given)
    session.show(result, paint_operators.signed_in)


_SIGN_OUT = after("severally sign-out")


def sign_out(
    ctx: typer.Context, workspace: options.Workspace = None, json: options.Json = False
) -> None:
    """End the session on this machine."""
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_operators
    from severally.app.operations import operators

    with session.office() as office:
        session.show(operators.sign_out(office), paint_operators.signed_out)
