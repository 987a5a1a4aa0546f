"""`preview`: what people will get, composed and guarded as it would be sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from severally.app.office import Office
from severally.app.operations import audiences, drafts
from severally.app.operations.results import PreviewResult
from severally.audience.reading import BadRow, Reader
from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.delivery import Ticket
from severally.model.envelope import Refusal
from severally.model.errors import Refused, UsageError
from severally.model.mailing import Frozen
from severally.model.notice import Notice, ValueType
from severally.model.recipient import Recipient, row_of
from severally.transport.build import build_smtp

_TOKEN = "preview" + "a" * 19
_MADE_UP = {
    ValueType.TEXT: "Alex Sample",
    ValueType.INTEGER: "12345",
    ValueType.DECIMAL: "1234.5",
    ValueType.MONEY: "1234.50 USD",
    ValueType.DATE: "2026-12-01",
    ValueType.DATETIME: "2026-12-01T12:00:00Z",
    ValueType.EMAIL: "alex@customer.example",
    ValueType.URL: "https://exchange.example/sample",
    ValueType.CODE: "SAMPLE-42",
}


def preview(
    office: Office,
    name: str,
    out: Path,
    locale: str | None,
    audience: Path | None,
    recipient_id: str | None,
) -> PreviewResult:
    """Write `LOCALE.html`, `.txt` and `.eml` into `out`. Raises Refused where the guard would
    not let it leave, UsageError for an unknown locale or recipient."""
    draft = drafts.compiled(office, name)
    route = next(iter(office.workspace.routes), "")
    frozen = drafts.freeze(office, draft, route)
    if (audience is None) != (recipient_id is None):
        raise UsageError("--audience and --id belong together: the file, and whose row of it")
    if locale is not None and locale not in frozen.stencils:
        raise UsageError(f"{name} has no locale {locale!r}; it has {', '.join(frozen.stencils)}")
    if audience is not None and recipient_id is not None:
        person = _find(office, audience, recipient_id, frozen.notice)
        people = [msgspec.structs.replace(person, locale=locale) if locale else person]
    else:
        locales = [locale] if locale else list(frozen.stencils)
        people = [_somebody(frozen.notice, each) for each in locales]
    out.mkdir(parents=True, exist_ok=True)
    files = [file for person in people for file in _write(office, frozen, person, out)]
    return PreviewResult(name, locale or "", recipient_id or "", tuple(files))


def _somebody(notice: Notice, locale: str) -> Recipient:
    values = {
        variable.name: _MADE_UP[variable.type]
        for variable in notice.variables
        if variable.value is None
    }
    return Recipient("sample", "alex@customer.example", locale, "UTC", values)


def _find(office: Office, file: Path, recipient_id: str, notice: Notice) -> Recipient:
    with audiences.opened(file) as source:
        wanted = audiences.spec(office.workspace, notice)
        for row in Reader(source, wanted, file.name):
            if not isinstance(row, BadRow) and row.recipient.id == recipient_id:
                return row.recipient
    raise UsageError(f"{file.name} has no good row with the id {recipient_id!r}")


def _write(office: Office, frozen: Frozen, person: Recipient, out: Path) -> Sequence[str]:
    compositor = Compositor(frozen)
    ticket = Ticket(0, _TOKEN, int(office.wiring.clock.wall()))
    composed = compositor.compose(person, ticket)
    checked = Guard(frozen).seal(build_smtp(composed), 0, row_of(person), ticket)
    if isinstance(checked, Refusal):
        raise Refused(f"the guard would not let this leave: {checked.reason}")
    filled = compositor.fill(person)
    stem = out / filled.locale
    written = {".html": filled.html.encode(), ".txt": _text(filled.subject, filled.text)}
    written[".eml"] = composed.message
    for ending, content in written.items():
        stem.with_name(stem.name + ending).write_bytes(content)
    return [str(stem.with_name(stem.name + ending)) for ending in written]


def _text(subject: str, text: str) -> bytes:
    return f"{subject}\n\n{text}".encode()
