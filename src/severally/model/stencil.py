"""A stencil: one notice in one locale, compiled to literal text and slots.

There is no template language left in it: nothing loops, nothing is called, and a value
can only ever fill a slot, escaped for the place where the slot stands, or decide between
texts that were all compiled before (a plural, a gender).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from severally.model.choices import Selector
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


class Choice(msgspec.Struct, frozen=True, tag="choice"):
    """One of several texts: that of the case which the selector `key` answers with."""

    key: str
    cases: dict[str, Pieces]


Piece = str | Slot | Choice
Pieces = tuple[Piece, ...]


class Stencil(msgspec.Struct, frozen=True):
    """One locale of a notice, ready to be filled.

    `subject` and `text` hold slots landing as TEXT; `html` is a whole document.
    `direction` is `ltr` or `rtl`. `variables` are the names used anywhere in it, those that
    only decide included; `selectors` are asked once for each message.
    """

    locale: str
    direction: str
    subject: Pieces
    text: Pieces
    html: Pieces
    variables: tuple[str, ...]
    format: LocaleFormat
    selectors: tuple[Selector, ...] = ()
