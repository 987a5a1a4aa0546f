"""The translation memory: what was translated before, in any notice of the workspace.

Responsible for offering, with how like the old source is and where it stands. An offer is
never a translation: somebody has to confirm it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from severally.model.errors import Refused
from severally.notice.catalogue import catalogue_path, read_catalogue

NEAR = 75
"""Percent of likeness below which an offer costs a translator more than it saves."""
_TARGET = re.compile(r"\]\([^)\s]*\)")
"""Where a link leads makes no two texts alike."""
_WORD = re.compile(r"\{\{.*?\}\}|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Match:
    """What is offered. `quality` in percent: 100 is the same source, word for word."""

    source: str
    text: str
    quality: int
    place: str

    def words(self) -> str:
        """For the comment above the offer."""
        how = "the same text" if self.quality == 100 else f"{self.quality} % the same"
        return f"{how} in {self.place}"


class Memory:
    """Everything confirmed in one language, below `notices`, but for what is left out."""

    def __init__(self, notices: Path, locale: str) -> None:
        self._exact: dict[str, Match] = {}
        self._words: list[tuple[list[str], Match]] = []
        for folder in sorted(path.parent for path in notices.glob("*/notice.toml")):
            for match in _confirmed(folder, locale):
                if match.source not in self._exact:
                    self._exact[match.source] = match
                    self._words.append((_words(match.source), match))

    def best(self, source: str) -> Match | None:
        """The same text, or the most alike one."""
        if source in self._exact:
            return self._exact[source]
        words = _words(source)
        compared = difflib.SequenceMatcher(autojunk=False)
        compared.set_seq2(words)
        best: Match | None = None
        least = NEAR / 100
        for others, match in self._words:
            compared.set_seq1(others)
            if compared.real_quick_ratio() < least or compared.quick_ratio() < least:
                continue
            ratio = compared.ratio()
            if ratio >= least:
                least = ratio
                best = Match(match.source, match.text, min(99, int(ratio * 100)), match.place)
        return best


def _words(source: str) -> list[str]:
    return _WORD.findall(_TARGET.sub("]", source))


def _confirmed(folder: Path, locale: str) -> Iterator[Match]:
    """A notice's finished translations, those of texts it no longer has included."""
    path = catalogue_path(folder, locale)
    if not path.exists():
        return
    try:
        catalogue = read_catalogue(path)
    except Refused:
        return  # said when that notice is checked
    for message in (*catalogue, *catalogue.obsolete.values()):
        text = message.string
        if isinstance(message.id, str) and message.id and isinstance(text, str) and text:
            if message.fuzzy:
                continue
            yield Match(message.id, text, 100, f"{folder.name}, segment {message.context!r}")
