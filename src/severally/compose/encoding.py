"""Transfer encoding of parts whose literals never change (RFC 2045 6.7, 6.8).

The literals are encoded once per locale; a message costs the encoding of its values and a
join. Where most of the text is not ASCII, base64 of the whole part is smaller.
"""

from __future__ import annotations

import binascii
import html
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Protocol

from severally.model.choices import OTHER
from severally.model.stencil import Choice, Landing, Pieces, Slot

_BASE64_ABOVE = 1 / 6
"""Share of non-ASCII bytes above which base64 (4/3) is smaller than quoted-printable (1 + 2s)."""
_LINE_BYTES = 57
_QUOTED_LINE = 76
_GROUP = 3
"""Octets that base64 encodes together."""
ISOLATE, POP = "\u2068", "\u2069"

Values = Mapping[str, str]
"""Variable name -> its value as the recipient reads it; selector key -> its answer."""
Flat = tuple[str | Slot, ...]
"""Pieces with no choice left to make."""


def landed(value: str, landing: Landing, rtl: bool) -> str:
    """A shown value, escaped for the place where its slot stands."""
    match landing:
        case Landing.HTML | Landing.URL:
            return html.escape(value)
        case Landing.URL_PART:
            return html.escape(urllib.parse.quote(value, safe=""))
        case _:
            return f"{ISOLATE}{value}{POP}" if rtl else value


class EncodedPart(Protocol):
    """A part ready to be filled."""

    name: bytes
    """Its Content-Transfer-Encoding."""

    def fill(self, values: Values) -> bytes:
        """The encoded body, CRLF line ends, ending with one."""
        ...


def encoded_part(pieces: Pieces, rtl: bool) -> EncodedPart:
    """The smaller encoding for these literals. Text without a last line end gets one."""
    if any(isinstance(piece, Choice) for piece in pieces):
        return ChosenPart(pieces, rtl)
    flat = resolved(pieces, {})
    return _smaller(flat)(flat, rtl)


def _smaller(pieces: Flat) -> type[Base64Part] | type[QuotedPart]:
    literal = "".join(piece for piece in pieces if isinstance(piece, str)).encode()
    foreign = sum(byte > 127 for byte in literal)
    return Base64Part if foreign > len(literal) * _BASE64_ABOVE else QuotedPart


def resolved(pieces: Pieces, values: Values) -> Flat:
    """The pieces with every choice made; `values` hold the selectors' answers."""
    chosen: list[str | Slot] = []
    for piece in pieces:
        if isinstance(piece, Choice):
            chosen += resolved(piece.cases[values[piece.key]], values)
        elif chosen and isinstance(piece, str) and isinstance(last := chosen[-1], str):
            chosen[-1] = last + piece
        elif piece != "":
            chosen.append(piece)
    return tuple(chosen)


def _keys(pieces: Pieces) -> list[str]:
    """Every selector asked anywhere in these pieces, each once."""
    keys: dict[str, None] = {}
    for piece in pieces:
        if isinstance(piece, Choice):
            keys[piece.key] = None
            for case in piece.cases.values():
                keys.update(dict.fromkeys(_keys(case)))
    return list(keys)


class ChosenPart:
    """A part with plurals or genders: an encoded part for each combination that occurs."""

    _MOST = 1_000

    def __init__(self, pieces: Pieces, rtl: bool) -> None:
        self._pieces = pieces
        self._rtl = rtl
        self._keys = _keys(pieces)
        self._encoding = _smaller(resolved(pieces, dict.fromkeys(self._keys, OTHER)))
        self._made: dict[tuple[str, ...], EncodedPart] = {}
        self.name = self._encoding.name

    def fill(self, values: Values) -> bytes:
        """See EncodedPart."""
        answers = tuple([values[key] for key in self._keys])
        part = self._made.get(answers)
        if part is None:
            if len(self._made) >= self._MOST:
                self._made.clear()
            part = self._encoding(resolved(self._pieces, values), self._rtl)
            self._made[answers] = part
        return part.fill(values)


class Base64Part:
    """Long literals are encoded already, in lines of their own (RFC 2045 6.8: 76 at most).

    Three octets make four characters, so a literal is cut in three ways: by how many octets
    of the group that a value began it has to complete. What is left over begins the next one.
    """

    name = b"base64"

    def __init__(self, pieces: Flat, rtl: bool) -> None:
        self._rtl = rtl
        self._stretches: list[tuple[Flat, tuple[_Cut, ...]]] = []
        loose: list[str | Slot] = []
        for piece in pieces:
            text = piece.replace("\n", "\r\n") if isinstance(piece, str) else piece
            if isinstance(text, str) and len(literal := text.encode()) >= _LINE_BYTES:
                self._stretches.append((tuple(loose), _cuts(literal)))
                loose.clear()
            else:
                loose.append(text)
        if loose:
            self._stretches.append((tuple(loose), ((b"", b"", b""),) * _GROUP))

    def fill(self, values: Values) -> bytes:
        """See EncodedPart."""
        rtl = self._rtl
        body: list[bytes] = []
        rest = b""
        for loose, cuts in self._stretches:
            said = [
                piece if isinstance(piece, str) else landed(values[piece.name], piece.landing, rtl)
                for piece in loose
            ]
            text = rest + "".join(said).encode()
            completing, lines, rest = cuts[len(text) % _GROUP]
            body += _base64_lines(text + completing), lines
        body.append(_base64_lines(rest))
        return b"".join(body)


_Cut = tuple[bytes, bytes, bytes]
"""What completes the group before, whole lines already encoded, and what is left over."""


def _cuts(literal: bytes) -> tuple[_Cut, ...]:
    """By how many octets of an unfinished group stand before it: 0, 1, 2."""
    cuts: list[_Cut] = []
    for before in range(_GROUP):
        start = -before % _GROUP
        end = len(literal) - (len(literal) - start) % _GROUP
        cuts.append((literal[:start], _base64_lines(literal[start:end]), literal[end:]))
    return tuple(cuts)


def _base64_lines(text: bytes) -> bytes:
    encode = binascii.b2a_base64
    lines = [encode(text[i : i + _LINE_BYTES]) for i in range(0, len(text), _LINE_BYTES)]
    return b"".join(lines).replace(b"\n", b"\r\n")


class QuotedPart:
    """Literals are encoded already; each value stands between soft line breaks."""

    name = b"quoted-printable"

    def __init__(self, pieces: Flat, rtl: bool) -> None:
        self._rtl = rtl
        self._slots: list[tuple[int, Slot]] = []
        self._frame: list[bytes] = []
        for index, piece in enumerate(pieces):
            if isinstance(piece, Slot):
                if index and isinstance(pieces[index - 1], Slot):
                    self._frame.append(b"=\r\n")
                self._slots.append((len(self._frame), piece))
                self._frame.append(b"")
                continue
            last = index == len(pieces) - 1
            self._frame.append(_quoted_literal(piece, first=index == 0, last=last))
        if not self._frame[-1].endswith(b"\r\n"):
            self._frame.append(b"\r\n")

    def fill(self, values: Values) -> bytes:
        """See EncodedPart."""
        frame = self._frame.copy()
        encode: Callable[..., bytes] = binascii.b2a_qp
        for index, slot in self._slots:
            value = landed(values[slot.name], slot.landing, self._rtl)
            said = encode(value.encode(), istext=False).replace(b"\n", b"\r\n")
            frame[index] = said if len(said) < _QUOTED_LINE else _with_room(said)
        return b"".join(frame)


def _quoted_literal(text: str, first: bool, last: bool) -> bytes:
    """Quoted-printable, so joined that the value next to it has lines of its own."""
    encoded = binascii.b2a_qp(text.encode(), istext=True).replace(b"\n", b"\r\n")
    if not first:
        encoded = b"=\r\n" + encoded
    if not last and not encoded.endswith(b"\r\n"):
        encoded = _with_room(encoded) + b"=\r\n"
    return encoded


def _with_room(encoded: bytes) -> bytes:
    """A full last line is broken, so that a soft break may follow (RFC 2045 6.7: 76 with it)."""
    before, end, last = encoded.rpartition(b"\r\n")
    if len(last) < _QUOTED_LINE:
        return encoded
    cut = last.find(b"=", _QUOTED_LINE - 3, _QUOTED_LINE - 1)  # never within `=C3`
    cut = _QUOTED_LINE - 1 if cut < 0 else cut
    return before + end + last[:cut] + b"=\r\n" + last[cut:]
