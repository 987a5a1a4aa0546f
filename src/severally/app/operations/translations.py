"""`translate`: catalogues brought up to the source, out to translators, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from severally.app.office import Office
from severally.app.operations.drafts import folder_of
from severally.app.operations.results import (
    CatalogueLine,
    ExportResult,
    ImportedFile,
    ImportResult,
    TranslateResult,
)
from severally.model.errors import UsageError
from severally.notice.catalogue import Status
from severally.notice.exchange import Format
from severally.notice.exchange import export as export_files
from severally.notice.exchange import take_in as take_files
from severally.notice.updating import catalogue_status, update_catalogues


def status(office: Office, name: str) -> TranslateResult:
    """How far each locale is."""
    statuses = catalogue_status(folder_of(office, name))
    return TranslateResult(name, tuple(map(_line, statuses)))


def update(office: Office, name: str) -> TranslateResult:
    """Write every catalogue anew from the source."""
    updated = update_catalogues(folder_of(office, name), _now(office))
    root = office.workspace.root
    written = tuple(str(file.relative_to(root)) for file in updated.written)
    return TranslateResult(name, tuple(map(_line, updated.statuses)), written, updated.named)


def _line(status: Status) -> CatalogueLine:
    return CatalogueLine(
        status.locale,
        status.done,
        status.missing,
        status.stale,
        status.words,
        status.offered,
        status.fallback,
    )


def export(
    office: Office, name: str, out: Path, format: str, locales: Sequence[str]
) -> ExportResult:
    """A file for each locale. Raises UsageError for a locale the notice does not declare."""
    folder = folder_of(office, name)
    declared = [status.locale for status in catalogue_status(folder)]
    for locale in locales:
        if locale not in declared:
            raise UsageError(
                f"{name} is not translated into {locale!r}; it has {', '.join(declared) or 'none'}"
            )
    written = export_files(folder, out, Format(format), locales, _now(office))
    return ExportResult(name, format, tuple(map(str, written)))


def take_in(office: Office, name: str, files: Sequence[Path], locale: str | None) -> ImportResult:
    """Everything in these files, or nothing. Raises Refused with every line that does not fit."""
    folder = folder_of(office, name)
    taken = take_files(folder, files, locale, _now(office))
    statuses = tuple(map(_line, catalogue_status(folder)))
    lines = (ImportedFile(t.file, t.locale, t.changed, t.same, t.open) for t in taken)
    return ImportResult(name, tuple(lines), statuses)


def _now(office: Office) -> datetime:
    return datetime.fromtimestamp(office.wiring.clock.wall(), UTC)
