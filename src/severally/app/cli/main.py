"""`severally`: the program, its verbs, and the one place where an error becomes text and code.

Imports nothing heavy: `severally --help` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from severally import __version__
from severally.app.cli import (
    auditing,
    drafting,
    drilling,
    guarding,
    keys,
    operators,
    planning,
    sending,
    serving,
    staged,
    suppressing,
    urgent,
)
from severally.app.cli.ends import unexpected, wrong
from severally.app.cli.session import Session
from severally.app.cli.texts import EXIT_CODES
from severally.model.errors import SeverallyError

if TYPE_CHECKING:
    from severally.app.wiring import Wiring

app = typer.Typer(
    name="severally",
    help="Tell every customer. One at a time.",
    epilog="\b\nExit codes:\n" + "\n".join(f"  {code}  {text}" for code, text in EXIT_CODES),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)
drafting.add_to(app)
staged.add_to(app)
planning.add_to(app)
sending.add_to(app)
serving.add_to(app)
urgent.add_to(app)
keys.add_to(app)
operators.add_to(app)
auditing.add_to(app)
drilling.add_to(app)
suppressing.add_to(app)
guarding.add_to(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"severally {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", metavar="DIR", help="Use this workspace."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and end.")
    ] = False,
) -> None:
    """Tell every customer. One at a time.

    Sends an important notice to a whole customer base by email: translated, checked, one
    private message for each recipient, and every recipient accounted for. Start with
    `severally demo`, or with `severally init DIR` for a workspace of your own.
    """
    ctx.obj.root = workspace


def main(argv: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Run one verb; the exit code. `wiring` replaces the real adapters (tests do)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    session = Session(wiring)
    session.json = "--json" in arguments
    # a process that ends lets go of everything at once; looking for cycles first takes 0.2 s
    atexit.register(gc.freeze)
    try:
        code: Any = app(arguments, prog_name="severally", standalone_mode=False, obj=session)
    except SeverallyError as error:
        return wrong(error, error.exit_code, session.json)
    except (KeyboardInterrupt, typer.Abort):
        return wrong("stopped by Ctrl-C", 5, session.json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if isinstance(error, _MISUSE):
            return misused(error, session.json)
        return unexpected(error, session)
    return code if isinstance(code, int) else 0


_MISUSE = typer.BadParameter.__mro__[2]
"""The parser's own errors; their common class has no public name."""


def misused(error: Any, json: bool) -> int:
    """The command line could not be parsed."""
    if json:
        return wrong(error.format_message(), 2, json)
    error.show()
    return 2


def commands() -> Iterator[tuple[str, str]]:
    """Every verb with the whole text of its help, groups spelt out (`audience check`)."""
    root = typer.main.get_command(app)
    yield from _walk(root, "", typer.Context(root, info_name="severally"))


def _walk(command: Any, name: str, context: Any) -> Iterator[tuple[str, str]]:
    if hasattr(command, "commands"):
        for child_name, child in command.commands.items():
            inner = typer.Context(child, info_name=child_name, parent=context)
            yield from _walk(child, f"{name} {child_name}".strip(), inner)
    else:
        yield name, command.get_help(context)


if __name__ == "__main__":
    sys.exit(main())
