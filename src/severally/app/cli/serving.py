"""The verbs of the long-running processes: serve and intake."""

from __future__ import annotations

from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.texts import after


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command(epilog=_SERVE)(serve)
    app.command(epilog=_INTAKE)(intake)


_SERVE = after("severally serve", "severally serve --port 8090 --until +8h", codes=(0, 1, 2))


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Listen there instead of [serve] host.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Listen there instead of [serve] port; 0 takes a free one.",
        ),
    ] = None,
    until: options.Ends = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Serve the HTTP API until told to end.

    On loopback by default; put a proxy that speaks TLS before it. /healthz, /readyz and /metrics
    are for whoever watches over the process, /v1/openapi.json describes the rest. Requests are
    logged to standard error, one JSON object a line, without anybody's address. SIGTERM or
    Ctrl-C ends it gracefully.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app import serving
    from severally.app.operations.moments import moment

    ends = moment(until)
    with session.office() as office:
        section = office.workspace.serve
        place = section.host if host is None else host
        bound = serving.listening(place, section.port if port is None else port)
        with bound:
            serving.serve(office, bound, session.say, ends)


_INTAKE = after(
    "severally intake --once", "severally intake --until +8h --json", codes=(0, 1, 2, 3)
)


def intake(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing waits any more; opens no listener.")
    ] = False,
    until: options.Ends = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Hear what comes back: bounces, complaints, unsubscribes.

    Reads the places of [senders.NAME.incoming]: a listener (LMTP or SMTP), a Maildir, an IMAP
    mailbox. A message is let go of when what it says is in the record; what nobody understands is
    flagged for a person. `serve` does the same beside its other work.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_feedback
    from severally.app.operations import intaking
    from severally.app.operations.moments import moment

    ends = moment(until)
    with session.office() as office:
        session.show(intaking.intake(office, once, ends, session.say), paint_feedback.intake)
