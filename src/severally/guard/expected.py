"""What a recipient's message must say, from the ledger's row and the frozen mailing alone.

Written a second time on purpose: `compose` makes the message, this says what it should have
been, and neither knows the other.
"""

from __future__ import annotations

import html
import urllib.parse
from typing import NamedTuple

from severally.model.choices import case_of
from severally.model.formats import show
from severally.model.languages import pick_locale
from severally.model.mailing import Frozen
from severally.model.notice import ValueType, Variable
from severally.model.recipient import Recipient
from severally.model.stencil import Choice, Landing, Piece, Pieces, Slot, Stencil


class Expected(NamedTuple):
    """The texts, and the addresses that are the recipient's own to see. Parts in UTF-8."""

    locale: str
    subject: str
    text: bytes
    html: bytes
    own: frozenset[str]
    handles: frozenset[str]


Encoded = tuple[bytes | Slot | Choice, ...]
"""Pieces whose literals are in UTF-8 already; those of a choice are encoded when it is made."""


class _Form:
    """A stencil's parts, encoded once."""

    def __init__(self, stencil: Stencil) -> None:
        self.stencil = stencil
        self.text = _encoded(stencil.text)
        self.html = _encoded(stencil.html)


class Expectation:
    """Fills the frozen stencils from rows."""

    def __init__(self, frozen: Frozen) -> None:
        self._frozen = frozen
        self._variables: dict[str, Variable] = {v.name: v for v in frozen.notice.variables}
        self._form_of: dict[str, _Form] = {}

    def of(self, recipient: Recipient) -> Expected:
        """Raises KeyError where the row lacks a value the stencil needs."""
        form = self._form(recipient.locale)
        stencil = form.stencil
        own = {recipient.address.lower()}
        handles: set[str] = set()
        shown: dict[str, str] = {}
        for name in stencil.variables:
            variable = self._variables[name]
            if variable.optional and name not in recipient.values:
                continue
            raw = recipient.values[name] if variable.value is None else variable.value
            shown[name] = show(variable.type, raw, stencil.format, recipient.timezone)
            if variable.type is ValueType.EMAIL:
                own.add(raw.lower())
            elif "@" in raw:
                handles.update(_handles(raw))
        for question in stencil.selectors:
            fixed = self._variables[question.name].value
            own_or_none = recipient.values.get(question.name) if fixed is None else fixed
            shown[question.key] = case_of(question, own_or_none)
        return Expected(
            stencil.locale,
            "".join(_plain(p, shown) for p in stencil.subject),
            _filled(form.text, shown, stencil),
            _filled(form.html, shown, stencil),
            frozenset(own),
            frozenset(handles),
        )

    def _form(self, wanted: str) -> _Form:
        form = self._form_of.get(wanted)
        if form is None:
            stencils, notice = self._frozen.stencils, self._frozen.notice
            locale = pick_locale(wanted, stencils.keys(), notice.source_locale, notice.fallback)
            form = self._form_of[wanted] = _Form(stencils[locale])
        return form


def _handles(raw: str) -> set[str]:
    """`@somebody` in a value is a name, not an address: nothing stands before the '@'."""
    return {word.lower().rstrip(".-") for word in raw.split() if word.rfind("@") == 0}


def _encoded(pieces: Pieces) -> Encoded:
    return tuple([piece.encode() if isinstance(piece, str) else piece for piece in pieces])


def _filled(pieces: Encoded, shown: dict[str, str], stencil: Stencil) -> bytes:
    rtl = stencil.direction == "rtl"
    return b"".join(
        [
            piece
            if isinstance(piece, bytes)
            else _escaped(shown[piece.name], piece.landing, rtl).encode()
            if isinstance(piece, Slot)
            else _filled(_encoded(piece.cases[shown[piece.key]]), shown, stencil)
            for piece in pieces
        ]
    )


def _plain(piece: Piece, shown: dict[str, str]) -> str:
    """A piece of the subject."""
    if isinstance(piece, Choice):
        return "".join(_plain(each, shown) for each in piece.cases[shown[piece.key]])
    return piece if isinstance(piece, str) else shown[piece.name]


def _escaped(value: str, landing: Landing, rtl: bool) -> str:
    if landing is Landing.TEXT:
        return f"\u2068{value}\u2069" if rtl else value
    if landing is Landing.URL_PART:
        value = urllib.parse.quote(value, safe="")
    return html.escape(value)
