"""Translations: one gettext catalogue per locale, found by block id.

Responsible for which translation belongs to which segment, and for whether it is fit to be
sent: there, not stale, the same variables, the same links.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.pofile import PoFileError, read_po, write_po

from severally.model.errors import Finding, Refused
from severally.notice.source import Segment


@dataclass(frozen=True, slots=True)
class Status:
    """How far a locale is. `words` are the source's words still to be translated."""

    locale: str
    done: int
    stale: int
    missing: int
    words: int


class Translations:
    """One locale's catalogue."""

    def __init__(self, path: Path, locale: str) -> None:
        self.path = path
        self.locale = locale
        self.shown = f"{path.parent.parent.name}/locales/{path.name}"
        self._by_id: dict[str, Message] = {}
        catalog = _read(path, self.shown)
        for message in catalog:
            if message.context and isinstance(message.id, str):
                self._by_id[message.context] = message

    def find(self, segment: Segment) -> tuple[str | None, str, int]:
        """`(text, state, line)`: state is done, stale or missing."""
        message = self._by_id.get(segment.id)
        if message is None:
            return None, "missing", 1
        line = message.lineno or 1
        text = message.string if isinstance(message.string, str) else ""
        if not text.strip():
            return None, "missing", line
        if message.fuzzy or message.id != segment.text:
            return text, "stale", line
        return text, "done", line

    def finding(self, segment: Segment, state: str, line: int) -> Finding:
        """Why this segment keeps the notice from being sent."""
        problem = (
            f"the translation into {self.locale} is missing"
            if state == "missing"
            else f"the translation into {self.locale} is stale: its source changed"
        )
        where = f"{self.shown}:{line}"
        return Finding(where, f"segment {segment.id!r}: {problem}", "translate it")


def catalogue_path(folder: Path, locale: str) -> Path:
    """Where a locale's catalogue lies."""
    return folder / "locales" / f"{locale}.po"


def status_of(path: Path, locale: str, segments: Sequence[Segment]) -> Status:
    """Counts; a catalogue that does not exist misses everything."""
    counts = {"done": 0, "stale": 0, "missing": 0}
    words = 0
    found = Translations(path, locale) if path.exists() else None
    for segment in segments:
        state = found.find(segment)[1] if found else "missing"
        counts[state] += 1
        if state != "done":
            words += len(segment.text.split())
    return Status(locale, counts["done"], counts["stale"], counts["missing"], words)


def update_catalogue(path: Path, locale: str, segments: Sequence[Segment]) -> None:
    """Write the catalogue anew: what fits is kept, what changed becomes fuzzy and keeps its
    previous text, what is new is empty, what is gone is dropped."""
    old: dict[str, Message] = {}
    if path.exists():
        for message in _read(path, str(path)):
            if message.context:
                old[message.context] = message
    catalog = Catalog(locale.replace("-", "_"), charset="utf-8", fuzzy=False)
    for segment in segments:
        _carry_over(catalog, segment, old.get(segment.id))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".po.part")
    with draft.open("wb") as file:
        write_po(file, catalog, width=0, include_previous=True)
    draft.replace(path)


def _carry_over(catalog: Catalog, segment: Segment, old: Message | None) -> None:
    comments = [segment.comment] if segment.comment else []
    place = [(segment.file, segment.line)]
    if old is None or not isinstance(old.id, str) or not old.string:
        catalog.add(segment.text, "", place, auto_comments=comments, context=segment.id)
        return
    changed = old.id != segment.text
    catalog.add(
        segment.text,
        old.string,
        place,
        flags=["fuzzy"] if changed or old.fuzzy else [],
        auto_comments=comments,
        user_comments=old.user_comments,
        previous_id=[old.id] if changed else list(old.previous_id),
        context=segment.id,
    )


def _read(path: Path, shown: str) -> Catalog:
    try:
        with path.open("rb") as file:
            return read_po(file, abort_invalid=True, charset="utf-8")
    except PoFileError as error:
        line = getattr(error, "lineno", None)
        raise Refused(
            "a catalogue cannot be read",
            [Finding(f"{shown}:{line + 1 if line is not None else 1}", f"not PO: {error}")],
        ) from None
    except UnicodeDecodeError:
        raise Refused("a catalogue cannot be read", [Finding(shown, "it is not UTF-8")]) from None
    except OSError as error:
        raise Refused(
            "a catalogue cannot be read", [Finding(shown, error.strerror or "unreadable")]
        ) from None
