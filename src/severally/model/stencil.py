"""A stencil: one notice in one locale, compiled to literal text and slots.

There is no template language left in it: nothing loops, nothing is called, and a value
can only ever fill a slot, escaped for the place where the slot stands.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import msgspec

from severally.model.formats import LocaleFormat


class Landing(StrEnum):
    """Where a slot stands, and so how its value is escaped."""

    TEXT = "text"
    """Plain text (subject, text part): nothing is escaped, line breaks become spaces."""
    HTML = "html"
    """HTML text or a quoted attribute: `& < > " '` become entities."""
    URL_PART = "url_part"
    """A part of a link's target: percent-encoded, then escaped as HTML."""
    URL = "url"
    """The whole target of a link, of type `url`: already checked, escaped as HTML."""


class Slot(msgspec.Struct, frozen=True, tag="slot"):
    """A place for a variable's value."""

    name: str
    landing: Landing = Landing.TEXT


Piece = str | Slot
Pieces = tuple[Piece, ...]


class Stencil(msgspec.Struct, frozen=True):
    """One locale of a notice, ready to be filled.

    `subject` and `text` hold slots landing as TEXT; `html` is a whole document.
    `direction` is `ltr` or `rtl`. `variables` are the names used anywhere in it.
    """

    locale: str
    direction: str
    subject: Pieces
    text: Pieces
    html: Pieces
    variables: tuple[str, ...]
    format: LocaleFormat


def pick_locale(wanted: str, available: Collection[str], source: str) -> str:
    """The locale a recipient reads: exact, then less and less of it, then the source.

    `zh-Hant-HK` reads `zh-Hant`, never `zh-Hans`; `pt` reads `pt-BR` if that is the only
    Portuguese there is.
    """
    parts = wanted.split("-")
    for length in range(len(parts), 0, -1):
        candidate = "-".join(parts[:length])
        if candidate in available:
            return candidate
    if len(parts) == 1:
        same = [locale for locale in available if locale.split("-")[0] == wanted]
        if len(same) == 1:
            return same[0]
    return source
