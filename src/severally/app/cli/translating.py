"""`translate`: the translators' side of a notice."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.texts import after


class Format(StrEnum):
    """The files there are (`notice.exchange.Format`, which is not imported for a help text)."""

    PO = "po"
    XLIFF_1_2 = "xliff1.2"
    XLIFF_2_0 = "xliff2.0"


def add_to(app: typer.Typer) -> None:
    """Register the verbs, in the order in which they are needed."""
    translate = typer.Typer(help="The translators' side of a notice.", no_args_is_help=True)
    translate.command("status", epilog=_STATUS)(translate_status)
    translate.command("update", epilog=_UPDATE)(translate_update)
    translate.command("export", epilog=_EXPORT)(translate_export)
    translate.command("import", epilog=_IMPORT)(translate_import)
    app.add_typer(translate, name="translate")


_STATUS = after(
    "severally translate status index-change",
    "severally translate status index-change --json",
    codes=(0, 1, 2, 3),
)


def translate_status(
    ctx: typer.Context,
    notice: options.NoticeName,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Say what each locale of a notice still lacks.

    Per locale: segments translated, missing and stale, the source's words that are left, and
    for how many of them the translation memory offers a text. A locale that notice.toml sends
    to another language for now is listed with it.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import translations

    with session.office() as office:
        session.show(translations.status(office, notice), paint.translation)


_UPDATE = after("severally translate update index-change", codes=(0, 1, 2, 3))


def translate_update(
    ctx: typer.Context,
    notice: options.NoticeName,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Bring every locale's catalogue up to the source text.

    Gives each block of body.md its id, adds new segments to locales/*.po, and marks those
    whose source changed as fuzzy, with the text they were translated from. For what is missing
    it offers what other notices of the workspace say in the same or nearly the same place:
    marked fuzzy, with a comment, and not counted as done until somebody confirms it.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import translations

    with session.office() as office:
        session.show(translations.update(office, notice), paint.translation)


_EXPORT = after(
    "severally translate export index-change --out to-translate",
    "severally translate export index-change --locale de --format xliff1.2 --out to-translate",
    codes=(0, 1, 2, 3),
)


def translate_export(
    ctx: typer.Context,
    notice: options.NoticeName,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to write the files.", show_default=False)
    ],
    format: Annotated[
        Format, typer.Option(help="PO, or XLIFF as a desktop tool wants it.")
    ] = Format.PO,
    locale: Annotated[
        list[str] | None,
        typer.Option(metavar="L", help="This locale; may be repeated; without it, all of them."),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Write files for translators: one for each locale.

    In each: today's segments with what is translated, what is stale and the text it was
    translated from, the author's comments, the variables, and the memory's offers. Poedit,
    Weblate, Crowdin, Phrase and desktop tools read them.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import translations

    with session.office() as office:
        result = translations.export(office, notice, out, format.value, locale or ())
    session.show(result, paint.exported)


_IMPORT = after(
    "severally translate import index-change translated/index-change.de.po",
    "severally translate import index-change translated/index-change.ja.xlf",
    codes=(0, 1, 2, 3),
)


def translate_import(
    ctx: typer.Context,
    notice: options.NoticeName,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help=".po, .xlf or .xliff.", show_default=False),
    ],
    locale: Annotated[
        str | None,
        typer.Option(metavar="L", help="The language, where a file does not say it itself."),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Take translators' files back.

    Each text is checked as if it were to be sent: variables, links, markup, numbers and dates,
    and that it was made from today's source. One that does not fit is refused with its line and
    reason, and then nothing of any file is kept.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint
    from severally.app.operations import translations

    with session.office() as office:
        result = translations.take_in(office, notice, files, locale)
    session.show(result, paint.imported)
