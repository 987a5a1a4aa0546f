"""The verbs before anything is sent: demo, init, check, audience check, preview."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from severally.app.cli import options, translating
from severally.app.cli.session import Session
from severally.app.cli.texts import after
from severally.model.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the verbs, in the order in which a newcomer meets them."""
    app.command(epilog=_DEMO)(demo)
    app.command(epilog=_INIT)(init)
    app.command(epilog=_CHECK)(check)
    audience = typer.Typer(help="Look at a list of recipients.", no_args_is_help=True)
    audience.command("check", epilog=_AUDIENCE)(audience_check)
    app.add_typer(audience, name="audience")
    translating.add_to(app)
    app.command(epilog=_PREVIEW)(preview)


_DEMO = after("severally demo", "severally demo --customers 2000 --keep demo-workspace")


def demo(
    ctx: typer.Context,
    customers: Annotated[
        int, typer.Option(min=10, max=200_000, metavar="N", help="How many customers to tell.")
    ] = 23_000,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the workspace in this new folder, to look at."),
    ] = None,
    json: options.Json = False,
) -> None:
    """The whole journey, on a simulated internet.

    Real SMTP, and nothing leaves the machine. Makes customers, starts ten receiving providers
    on loopback, each with its own limits and moods, tells every customer, and then asks the
    providers' own records who saw what. Ends by replaying 2019: one message with 1,000
    addresses in its To field, and what becomes of it.
    """
    session: Session = ctx.obj.called(None, json)
    from severally.app.demo.show import run

    raise typer.Exit(run(session, customers, keep))


_INIT = after("severally init newsroom", "severally init .", codes=(0, 1, 2))


def init(
    ctx: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A new or empty folder, or a workspace without keys.",
            show_default=False,
        ),
    ],
    json: options.Json = False,
) -> None:
    """Make a workspace with a sample notice, ready to try.

    Writes severally.toml, a notice in several languages, a page layout, a few customers who do
    not exist, and the workspace's two keys. The workspace is a trial: it sends to reserved
    test domains and to this machine only, at first into the folder outbox/. In a workspace that
    came without its keys, from version control, it makes those alone.
    """
    session: Session = ctx.obj.called(None, json)
    from severally.app.cli import paint
    from severally.app.operations.beginning import init as make

    session.show(make(folder), paint.init)


_CHECK = after(
    "severally check index-change",
    "severally check index-change --audience customers.csv",
    "severally check index-change --json",
    "severally check --sender notices",
    codes=(0, 1, 2, 3),
)


def check(
    ctx: typer.Context,
    notice: Annotated[
        str | None,
        typer.Argument(metavar="[NOTICE]", help="A folder's name below notices/."),
    ] = None,
    audience: options.MaybeAudience = None,
    sender: Annotated[
        str | None,
        typer.Option(
            "--sender",
            metavar="NAME",
            help="Instead of a draft, look at a sender as receivers will, over DNS.",
        ),
    ] = None,
    route: options.RouteName = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Say everything that is wrong with a draft, at once.

    In the order in which a person mends it, each with its file and line: notice.toml and the
    text, the layout, each language (missing, stale, another variable, link, number or date than
    the source), the sender and its domains, size and links, and what a locally installed
    SpamAssassin or Rspamd makes of it. With an audience also missing columns, rows that cannot
    be told, values that do not fit, and how many people read which language by which fallback.
    Nothing is kept and nothing is sent.

    With --sender: SPF, the DKIM keys, DMARC and alignment, PTR, MX and its TLS, MTA-STS, TLS-RPT,
    BIMI and the rules of Gmail, Yahoo and Microsoft for bulk mail, each with why, and the record
    to publish. Ends with 3 where something is rejected for.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import checks

    if sender is not None:
        _check_sender(session, sender, route)
    if notice is None:
        raise UsageError("name a notice, or a sender with --sender")
    with session.office() as office:
        result = checks.check(office, notice, audience)
    session.show(result, paint.check)
    raise typer.Exit(0 if result.sound else 3)


def _check_sender(session: Session, sender: str, route: str | None) -> NoReturn:
    from severally.app.cli import paint_feedback
    from severally.app.operations import preflight

    with session.office() as office:
        result = preflight.check_sender(office, sender, route)
    session.show(result, paint_feedback.sender)
    raise typer.Exit(0 if result.sound else 3)


_AUDIENCE = after(
    "severally audience check customers.csv",
    "severally audience check customers.csv --notice index-change",
    codes=(0, 1, 2, 3),
)


def audience_check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file.", show_default=False)],
    notice: Annotated[
        str | None,
        typer.Option(metavar="NOTICE", help="Also check the columns this notice needs."),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Say what would be accepted of a list, and what not.

    Every rejected row with its reason; they are also written to .severally/rejects/, with
    their numbers and reasons.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import audiences, drafts

    with session.office() as office:
        draft = drafts.compiled(office, notice).notice if notice else None
        result = audiences.check(office, file, draft)
    session.show(result, paint.audience)
    unsound = result.rejected or any(not finding.warning for finding in result.findings)
    raise typer.Exit(3 if unsound else 0)


_PREVIEW = after(
    "severally preview index-change --out preview",
    "severally preview index-change --locale de --out preview --no-pictures",
    "severally preview index-change --audience customers.csv --id 1001 --out preview",
    "severally preview index-change --audience customers.csv --worst --out preview",
    codes=(0, 1, 2, 3),
)


def preview(
    ctx: typer.Context,
    notice: options.NoticeName,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to write the files.", show_default=False)
    ],
    locale: Annotated[
        str | None, typer.Option(metavar="L", help="One locale; without it, all of them.")
    ] = None,
    audience: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV file, for --id or --worst."),
    ] = None,
    recipient: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Preview what this recipient will get."),
    ] = None,
    worst: Annotated[
        bool,
        typer.Option("--worst", help="Find the audience's worst cases and preview those."),
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Whether to take pictures.")
    ] = True,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Write what people will get into a folder.

    Each message as HTML, as text, and whole (.eml). The bytes are those that would be sent,
    but for the date, the Message-ID, the return path's token and the signature. Without
    --audience the values are made up.

    Where Chromium is installed, also pictures of each in light, dark and inverted colours, on a
    desk, a telephone and the narrowest screen, and contact-sheet.html to look at them all. A
    message whose script no installed font can draw gets no picture, and the command ends with
    3. --worst shows the longest name, the longest amount, a name written from the right, a row
    without locale or time zone, and the language that is farthest from the one asked for.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations.previews import Wanted
    from severally.app.operations.previews import preview as write

    wanted = Wanted(locale, audience, recipient, worst, pictures)
    with session.office() as office:
        result = write(office, notice, out, wanted, session.say)
    session.show(result, paint.preview)
    raise typer.Exit(0 if result.sound else 3)
