"""Pieces as one marked text and back, so that a tool for HTML can work on all of it at once.

The marks are private-use characters, which no source text may hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from severally.model.stencil import Choice, Piece, Pieces, Slot

_SLOT, _OPEN, _NEXT, _CLOSE, _END = "\ue000", "\ue002", "\ue003", "\ue004", "\ue001"
_TOKEN = re.compile(f"([{_SLOT}{_OPEN}])([0-9]+){_END}|{_NEXT}|{_CLOSE}")


class Marked:
    """The marked text of some pieces, with what the marks stand for."""

    def __init__(self, pieces: Pieces) -> None:
        self._slots: list[Slot] = []
        self._choices: list[Choice] = []
        self.text = self._marked(pieces)

    def _marked(self, pieces: Pieces) -> str:
        return "".join(map(self._mark, pieces))

    def _mark(self, piece: Piece) -> str:
        if isinstance(piece, str):
            return piece
        if isinstance(piece, Slot):
            self._slots.append(piece)
            return f"{_SLOT}{len(self._slots) - 1}{_END}"
        self._choices.append(piece)
        head = f"{_OPEN}{len(self._choices) - 1}{_END}"
        return head + _NEXT.join(map(self._marked, piece.cases.values())) + _CLOSE

    def pieces(self, text: str) -> Pieces:
        """What `text` says, which was made from `self.text` and kept every mark in its order."""
        return self._read(_tokens(text))

    def _read(self, tokens: Iterator[str | re.Match[str]]) -> Pieces:
        pieces: list[Piece] = []
        for token in tokens:
            if isinstance(token, str):
                if token:
                    pieces.append(token)
            elif token[1] == _SLOT:
                pieces.append(self._slots[int(token[2])])
            elif token[1] == _OPEN:
                pieces.append(self._choice(self._choices[int(token[2])], tokens))
            else:
                break
        return tuple(pieces)

    def _choice(self, was: Choice, tokens: Iterator[str | re.Match[str]]) -> Choice:
        cases = {case: self._read(tokens) for case in was.cases}
        return Choice(was.key, cases)


def _tokens(text: str) -> Iterator[str | re.Match[str]]:
    """The text between marks, and the marks."""
    at = 0
    for match in _TOKEN.finditer(text):
        yield text[at : match.start()]
        yield match
        at = match.end()
    yield text[at:]
