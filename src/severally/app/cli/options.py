"""The arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="The workspace; without it, the current folder or the nearest one above.",
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object on standard output; progress on standard error."),
]
NoticeName = Annotated[
    str,
    typer.Argument(metavar="NOTICE", help="A folder's name below notices/.", show_default=False),
]
AudienceFile = Annotated[
    Path,
    typer.Option("--audience", metavar="FILE", help="Who is told: a CSV file.", show_default=False),
]
SendAudience = Annotated[
    Path | None,
    typer.Option("--audience", metavar="FILE", help="Who is told: a CSV file, for a notice."),
]
Code = Annotated[
    str | None,
    typer.Option(
        "--code", metavar="CODE", help="A fresh code of yours; without it you are asked for one."
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="Read the password from this file (mode 0600); without it you are asked for it.",
    ),
]
MaybeAudience = Annotated[
    Path | None, typer.Option("--audience", metavar="FILE", help="Check this CSV file with it.")
]
MailingId = Annotated[
    str, typer.Argument(metavar="MAILING", help="Its id, like m-7k2d9x.", show_default=False)
]
MaybeMailing = Annotated[
    str | None,
    typer.Argument(metavar="MAILING", help="Its id; without it, the newest.", show_default=False),
]
RouteName = Annotated[
    str | None, typer.Option("--route", metavar="NAME", help="The way out, as in [routes.NAME].")
]
AcceptRejects = Annotated[
    int | None,
    typer.Option(
        "--accept-rejects",
        metavar="N",
        min=1,
        help="Go on although exactly N rows of the audience cannot be told.",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="TIME",
        help="Stop waiting then and end with 5: 2026-12-01T12:00:00Z, 12:30 or +2h.",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="Nothing leaves before: 2026-12-01T09:00:00Z, 09:00 or +2h; as in notice.toml.",
    ),
]
Ends = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="End then: 2026-12-01T12:00:00Z, 12:30 or +8h."),
]
OneMailing = Annotated[
    str | None,
    typer.Argument(metavar="MAILING", help="Its id, like m-7k2d9x.", show_default=False),
]
WhichMailing = Annotated[
    str | None,
    typer.Argument(
        metavar="MAILING", help="Its id; without it, the whole workspace.", show_default=False
    ),
]
