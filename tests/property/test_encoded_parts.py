"""Whatever the literals and values: a part decodes to what it says, in lines of 76 at most."""

from __future__ import annotations

import base64
import quopri

from hypothesis import given
from hypothesis import strategies as st

from severally.compose.encoding import Base64Part, Flat, QuotedPart, landed
from severally.model.stencil import Landing, Slot

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=120)
LITERALS = st.builds(str.__add__, WORDS.filter(bool), st.sampled_from(["", "\n", " " * 80]))
SLOTS = st.builds(Slot, st.sampled_from("ab"), st.sampled_from([Landing.TEXT, Landing.HTML]))
PIECES = st.lists(st.one_of(LITERALS, SLOTS), min_size=1, max_size=8).map(tuple)
VALUES = st.fixed_dictionaries({"a": WORDS, "b": WORDS})


def said(pieces: Flat, values: dict[str, str], rtl: bool) -> bytes:
    return "".join(
        piece.replace("\n", "\r\n")
        if isinstance(piece, str)
        else landed(values[piece.name], piece.landing, rtl)
        for piece in pieces
    ).encode()


@given(PIECES, VALUES, st.booleans())
def test_base64_whatever_stands_before_a_literal(
    pieces: Flat, values: dict[str, str], rtl: bool
) -> None:
    body = Base64Part(pieces, rtl).fill(values)
    lines = body.split(b"\r\n")
    assert lines.pop() == b""
    assert all(0 < len(line) <= 76 and len(line) % 4 == 0 for line in lines)
    assert b"=" not in b"".join(lines[:-1])
    assert base64.b64decode(b"".join(lines), validate=True) == said(pieces, values, rtl)


@given(PIECES, VALUES, st.booleans())
def test_quoted_printable_reads_the_same(pieces: Flat, values: dict[str, str], rtl: bool) -> None:
    body = QuotedPart(pieces, rtl).fill(values)
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    expected = said(pieces, values, rtl)
    last = pieces[-1]
    if isinstance(last, Slot) or not last.endswith("\n"):
        expected += b"\r\n"  # what does not end with a line of the notice's own gets a line end
    assert quopri.decodestring(body) == expected
