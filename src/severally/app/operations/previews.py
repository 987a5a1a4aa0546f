"""`preview`: what people will get, composed and guarded as it would be sent.

Responsible for whose message is looked at, and for the files; the pictures are `pictures`'.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from types import MappingProxyType

import msgspec

from severally.app.office import Office
from severally.app.operations import audiences, drafts
from severally.app.operations.pictures import photograph
from severally.app.operations.results import PreviewCase, PreviewResult, view_of
from severally.app.operations.worst import Worst, worst_cases
from severally.audience.reading import BadRow, Reader
from severally.compose.compositor import Compositor, signers_for
from severally.guard.sealing import Guard
from severally.model.delivery import Ticket
from severally.model.envelope import Refusal
from severally.model.errors import Refused, UsageError
from severally.model.mailing import Frozen
from severally.model.notice import Notice, ValueType, Variable
from severally.model.recipient import Recipient, row_of
from severally.transport.build import build_smtp

_TOKEN = "preview" + "a" * 19
_MADE_UP = {
    ValueType.TEXT: "Sample text",
    ValueType.INTEGER: "30",
    ValueType.DECIMAL: "1234.5",
    ValueType.MONEY: "1234.50 USD",
    ValueType.DATE: "2026-12-01",
    ValueType.DATETIME: "2026-12-01T12:00:00Z",
    ValueType.EMAIL: "alex@customer.example",
    ValueType.URL: "https://exchange.example/sample",
    ValueType.CODE: "SAMPLE-42",
}
_NAMES = {
    "ar": "سارة المثال",
    "he": "דנה דוגמה",
    "ja": "見本 花子",
    "ko": "김견본",
    "ru": "Анна Примерова",
    "uk": "Олена Зразкова",
    "zh-Hans": "李样本",
    "zh-Hant": "林樣本",
}
"""People who do not exist, in the scripts that are not Latin."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which previews: all locales with made-up values, one of them, one recipient's, or the
    audience's worst cases."""

    locale: str | None = None
    audience: Path | None = None
    recipient: str | None = None
    worst: bool = False
    pictures: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was written. `stem` begins its files' names; `note` says why it is here;
    `private`: a real recipient's, so the files are for their owner's eyes."""

    stem: str
    title: str
    note: str
    locale: str
    html: str
    private: bool


def preview(
    office: Office, name: str, out: Path, wanted: Wanted, say: Callable[[str], None]
) -> PreviewResult:
    """Write each message as `.html`, `.txt` and `.eml` into `out`, and pictures of them.

    Raises Refused where the guard would not let it leave, UsageError for an unknown locale
    or recipient. A picture that cannot be taken as it should is a finding.
    """
    draft = drafts.compiled(office, name)
    frozen = drafts.freeze(office, draft, next(iter(office.workspace.routes), ""))
    _check(wanted, name, frozen)
    people = _people(office, frozen, wanted, draft.samples)
    out.mkdir(parents=True, exist_ok=True)
    compositor = Compositor(frozen, signers_for(frozen.sender, office.keys.dkim_key))
    desk = _Desk(compositor, Guard(frozen), int(office.wiring.clock.wall()), out)
    messages = [desk.write(worst, stem) for stem, worst in people]
    findings = photograph(office.wiring, name, out, messages, desk, say) if wanted.pictures else []
    return PreviewResult(
        name,
        wanted.locale or "",
        wanted.recipient or "",
        str(out),
        tuple(desk.files),
        tuple(
            PreviewCase(
                stem, "" if worst.recipient.id == _SAMPLE else worst.recipient.id, worst.why
            )
            for stem, worst in people
        ),
        tuple(view_of(finding) for finding in findings),
    )


# --- whose


_SAMPLE = "sample"


def _check(wanted: Wanted, name: str, frozen: Frozen) -> None:
    chosen = (wanted.recipient is not None) + wanted.worst
    if (wanted.audience is None) != (chosen == 0) or chosen > 1:
        raise UsageError(
            "--audience belongs together with --id (whose row of it) or --worst (its worst cases)"
        )
    if wanted.locale is not None and wanted.locale not in frozen.stencils:
        there = ", ".join(frozen.stencils)
        raise UsageError(f"{name} has no locale {wanted.locale!r}; it has {there}")


def _people(
    office: Office, frozen: Frozen, wanted: Wanted, samples: Mapping[str, str]
) -> list[tuple[str, Worst]]:
    """`(stem, who and why)`."""
    if wanted.audience is None:
        locales = [wanted.locale] if wanted.locale else list(frozen.stencils)
        people = [(each, sample(frozen.notice, each, samples)) for each in locales]
        return [
            made for locale, person in people for made in _made_up_cases(locale, person, frozen)
        ]
    with audiences.opened(wanted.audience) as source:
        spec = audiences.spec(office.workspace, frozen.notice)
        reader = Reader(source, spec, wanted.audience.name)
        if wanted.worst:
            found = worst_cases(reader, frozen)
            if not found:
                raise UsageError(f"{wanted.audience.name} has no good row to preview")
            return [(each.case, _in(wanted.locale, each)) for each in found]
        person = _find(reader, wanted.recipient or "", wanted.audience)
    worst = _in(wanted.locale, Worst("", "as it would be sent", person))
    return [(_stem(worst.recipient, frozen), worst)]


def _made_up_cases(locale: str, person: Recipient, frozen: Frozen) -> Iterator[tuple[str, Worst]]:
    """With every value, and where some are optional without these."""
    yield locale, Worst(locale, "made-up values", person)
    optional = [variable.name for variable in frozen.notice.variables if variable.optional]
    if optional:
        left = {name: text for name, text in person.values.items() if name not in optional}
        why = f"made-up values, without {', '.join(optional)}"
        person = msgspec.structs.replace(person, values=left)
        yield f"{locale}-missing", Worst("missing-value", why, person)


def _in(locale: str | None, worst: Worst) -> Worst:
    if locale is None:
        return worst
    person = msgspec.structs.replace(worst.recipient, locale=locale)
    return Worst(worst.case, worst.why, person)


def _stem(person: Recipient, frozen: Frozen) -> str:
    return Compositor(frozen).fill(person).locale


def _find(reader: Reader, recipient_id: str, file: Path) -> Recipient:
    for row in reader:
        if not isinstance(row, BadRow) and row.recipient.id == recipient_id:
            return row.recipient
    raise UsageError(f"{file.name} has no good row with the id {recipient_id!r}")


def sample(
    notice: Notice, locale: str, samples: Mapping[str, str] = MappingProxyType({})
) -> Recipient:
    """A person who does not exist, with a value for every variable that needs one: the sample
    that notice.toml declares, or one of its type."""
    values = {
        variable.name: samples.get(variable.name) or _made_up(variable, locale)
        for variable in notice.variables
        if variable.value is None
    }
    return Recipient(_SAMPLE, "alex@customer.example", locale, "UTC", values)


def _made_up(variable: Variable, locale: str) -> str:
    if variable.type is ValueType.TEXT and "name" in variable.name:
        return _NAMES.get(locale) or _NAMES.get(locale.split("-")[0], "Alex Sample")
    return _MADE_UP[variable.type]


# --- the files


class _Desk:
    """Composes, asks the guard, and writes what the message's own bytes say."""

    def __init__(self, compositor: Compositor, guard: Guard, second: int, out: Path) -> None:
        self._compositor = compositor
        self._guard = guard
        self._ticket = Ticket(0, _TOKEN, second)
        self._out = out
        self.files: list[str] = []

    def write(self, worst: Worst, stem: str) -> Message:
        """The message's files."""
        person = worst.recipient
        composed = self._compositor.compose(person, self._ticket)
        payload = build_smtp(composed)
        checked = self._guard.seal(payload, 0, row_of(person), self._ticket)
        if isinstance(checked, Refusal):
            raise Refused(f"the guard would not let this leave: {checked.reason}")
        message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(
            composed.message
        )
        private = person.id != _SAMPLE
        page = _part(message, "html")
        self.keep(f"{stem}.html", page.encode(), private)
        text = f"{message['Subject']}\n\n{_part(message, 'plain')}"
        self.keep(f"{stem}.txt", text.encode(), private)
        self.keep(f"{stem}.eml", composed.message, private)
        language = str(message["Content-Language"])
        title = f"{worst.case} ({language})" if private and worst.case else language
        return Message(stem, title, worst.why, language, page, private)

    def keep(self, name: str, content: bytes, private: bool) -> Path:
        """Write a file; one with a real recipient's values is its owner's alone."""
        path = self._out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600 if private else 0o666), "wb") as file:
            file.write(content)
        self.files.append(str(path))
        return path


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    text: str = part.get_content() if part is not None else ""
    return text.replace("\r\n", "\n")
