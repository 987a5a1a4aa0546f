"""Marked text and back: nothing is lost, whatever is chosen inside whatever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from severally.model.stencil import Choice, Landing, Pieces, Slot
from severally.notice.marking import Marked

WORDS = st.text(st.characters(exclude_categories=["Co", "Cs"]), min_size=1, max_size=9)
SLOTS = st.builds(Slot, st.sampled_from("abc"), st.sampled_from(Landing))


def _alternating(inner: st.SearchStrategy[object]) -> st.SearchStrategy[Pieces]:
    return st.lists(inner, max_size=4).map(_merged)


def _merged(pieces: list[object]) -> Pieces:
    merged: list[object] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return tuple(merged)  # type: ignore[arg-type]


PIECES = st.recursive(
    _alternating(WORDS | SLOTS),
    lambda inner: _alternating(
        WORDS
        | SLOTS
        | st.builds(Choice, st.sampled_from("kl"), st.dictionaries(WORDS, inner, min_size=1))
    ),
    max_leaves=12,
)


@given(PIECES)
def test_what_was_marked_is_read_back(pieces: Pieces) -> None:
    marked = Marked(pieces)
    assert marked.pieces(marked.text) == pieces
