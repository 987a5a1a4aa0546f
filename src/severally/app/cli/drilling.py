"""The verb that practises: drill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.texts import after


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(epilog=_DRILL)(drill)


_DRILL = after("severally drill", codes=(0, 1, 2, 5))


def drill(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A new folder to do it by hand in.", show_default=False),
    ] = None,
    customers: Annotated[
        int, typer.Option(min=200, max=200_000, metavar="N", help="How many customers there are.")
    ] = 1_500,
    json: options.Json = False,
) -> None:
    """Practise break-glass, from a draft to the canary and on.

    On a simulated internet: real SMTP, and nothing leaves the machine. Prints the time each step
    took; ten minutes are allowed from the draft to the canary. Without DIR it shows how it goes,
    with the very commands. With DIR it makes a workspace there with two operators and waits for
    you to do it, in other terminals, as docs/drill.md says.
    """
    session: Session = ctx.obj.called(None, json)
    from severally.app.drill.show import run

    raise typer.Exit(run(session, folder, customers))
