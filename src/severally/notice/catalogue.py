"""Translations: one gettext catalogue per locale, found by block id.

Responsible for reading and writing PO and for which translation belongs to which segment:
done, stale or missing. Not for whether it says the same as its source (`draft`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.pofile import PoFileError, read_po, write_po

from severally.model.errors import Finding, Refused
from severally.notice.naming import shown_path
from severally.notice.source import Segment

MEMORY = "memory:"
"""Begins the comment on a text that the translation memory offers."""
_PO_LINE = re.compile(
    rb'(?:#.*|(?:(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d+\])?)\s*)?"(?:[^"\\]|\\.)*"|)'
)
"""Babel reads on over what it does not understand; a translation would be lost in silence."""
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Status:
    """How far a locale is. `words` are the source's words still to be translated; `offered` of
    the open segments have a text from the memory to start from. `fallback` is what its readers
    read instead, where notice.toml says so."""

    locale: str
    done: int
    stale: int
    missing: int
    words: int
    offered: int = 0
    fallback: str = ""


class Translations:
    """One locale's catalogue."""

    def __init__(self, path: Path, locale: str) -> None:
        self.path = path
        self.locale = locale
        self.shown = shown_catalogue(path)
        self._by_id = {
            message.context: message
            for message in read_catalogue(path)
            if message.context and isinstance(message.id, str)
        }

    def find(self, segment: Segment) -> tuple[str | None, str, int]:
        """`(text, state, line)`: state is done, stale or missing."""
        message = self._by_id.get(segment.id)
        if message is None:
            return None, "missing", 1
        line = message.lineno or 1
        text = message.string if isinstance(message.string, str) else ""
        if not text.strip() or is_offer(message):
            return None, "missing", line
        if message.fuzzy or message.id != segment.text:
            return text, "stale", line
        return text, "done", line

    def offers(self, segment: Segment) -> bool:
        """Whether the memory offers a text that nobody has confirmed yet."""
        message = self._by_id.get(segment.id)
        return message is not None and is_offer(message)

    def finding(self, segment: Segment, state: str, line: int) -> Finding:
        """Why this segment keeps the notice from being sent."""
        message = self._by_id.get(segment.id)
        if self.offers(segment):
            problem = "the translation is missing: what stands there is the memory's offer"
            return self.refusal(segment, line, problem, "read it, mend it, and take the mark away")
        if state == "missing":
            return self.refusal(segment, line, "the translation is missing", "translate it")
        if message is not None and (message.id != segment.text or message.previous_id):
            problem = "the translation is stale: its source changed"
            return self.refusal(segment, line, problem, "translate what changed")
        problem = "the translation is stale: nobody has confirmed it (it is marked fuzzy)"
        return self.refusal(segment, line, problem, "read it and take the mark away")

    def refusal(self, segment: Segment, line: int, problem: str, cure: str) -> Finding:
        """Something about one segment of this locale."""
        return Finding(
            f"{self.shown}:{line}",
            f"{self.locale}, segment {segment.id!r}: {problem}",
            cure,
            locale=self.locale,
            segment=segment.id,
        )


def is_offer(message: Message) -> bool:
    """A fuzzy text from the memory is nobody's translation yet."""
    offered = any(comment.startswith(MEMORY) for comment in message.auto_comments)
    return bool(message.fuzzy and message.string and offered)


def catalogue_path(folder: Path, locale: str) -> Path:
    """Where a locale's catalogue lies."""
    return folder / "locales" / f"{locale}.po"


def shown_catalogue(path: Path) -> str:
    """A catalogue as a finding names it."""
    return shown_path(path.parent.parent, f"locales/{path.name}")


def status_of(path: Path, locale: str, segments: Sequence[Segment], fallback: str = "") -> Status:
    """Counts; a catalogue that does not exist misses everything."""
    counts = {"done": 0, "stale": 0, "missing": 0}
    words = offered = 0
    found = Translations(path, locale) if path.exists() else None
    for segment in segments:
        state = found.find(segment)[1] if found else "missing"
        counts[state] += 1
        if state != "done":
            words += word_count(segment.text)
            offered += bool(found and found.offers(segment))
    return Status(
        locale, counts["done"], counts["stale"], counts["missing"], words, offered, fallback
    )


def word_count(text: str) -> int:
    """Words as translators are paid for them: an ideograph is one."""
    return len(_CJK.findall(text)) + len(_CJK.sub(" ", text).split())


def read_catalogue(path: Path) -> Catalog:
    """Raises Refused with the line."""
    shown = shown_catalogue(path)
    try:
        return parse_catalogue(path.read_bytes(), shown)
    except OSError as error:
        raise _unreadable(Finding(shown, error.strerror or "unreadable")) from None


def parse_catalogue(data: bytes, shown: str) -> Catalog:
    """PO text in UTF-8. Raises Refused with the line."""
    for number, text in enumerate(data.split(b"\n"), 1):
        if _PO_LINE.fullmatch(text.strip()) is None:
            where = f"{shown}:{number}"
            cure = "repair the quotes, or export anew"
            raise _unreadable(Finding(where, "not a line of a PO file", cure))
    try:
        return read_po(BytesIO(data), abort_invalid=True, charset="utf-8")
    except PoFileError as error:
        line = getattr(error, "lineno", None)
        where = f"{shown}:{line + 1 if line is not None else 1}"
        raise _unreadable(Finding(where, f"not PO: {error}", "repair it, or export anew")) from None
    except UnicodeDecodeError:
        raise _unreadable(Finding(shown, "it is not UTF-8", "save it as UTF-8")) from None
    except (ValueError, LookupError) as error:  # a header that Babel cannot read
        raise _unreadable(Finding(f"{shown}:1", f"its header: {error}", "export anew")) from None


def write_catalogue(path: Path, catalogue: Catalog) -> None:
    """Whole or not at all. The same catalogue gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".po.part")
    with draft.open("wb") as file:
        write_po(file, catalogue, width=0, include_previous=True)
    draft.replace(path)


def _unreadable(finding: Finding) -> Refused:
    return Refused("a catalogue cannot be read", [finding])
