"""What travels to a translator and back: one locale's segments, whatever the file's format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from severally.notice.memory import Match


class State(StrEnum):
    """Whether somebody answers for the text."""

    DONE = "done"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Unit:
    """One segment. `text` is empty where nothing is there yet; `previous` is the source that an
    open text was translated from; `offered`: the file says that the text is the memory's;
    `line` is where it stands in the file it was read from."""

    id: str
    source: str
    text: str
    state: State
    notes: tuple[str, ...] = ()
    previous: str = ""
    offer: Match | None = None
    offered: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Package:
    """One notice in one locale. `title` is what a PO file calls itself, which may be anything."""

    notice: str
    source_locale: str
    locale: str
    units: tuple[Unit, ...]
    title: str = ""
