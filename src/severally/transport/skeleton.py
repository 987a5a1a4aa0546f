"""What a batch of messages says alike is said once; the rest is one value for each message.

For providers that take one text for a whole call and put values into it. Works on finished
texts alone: cut at tags and line ends, piece by piece, what is the same for all stands as it
is, and what differs becomes a slot. Putting the values back gives each text again, to the byte.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import msgspec

_PIECES = re.compile(r"<[^<>]*>|[^<>\n]+|[<>\n]")


class Skeleton(msgspec.Struct, frozen=True):
    """Pieces of text and, for a slot, its number."""

    pieces: tuple[str | int, ...]

    def text(self, tag: Callable[[int], str]) -> str:
        """The text that all share, with `tag(slot)` where the values go."""
        return "".join(each if isinstance(each, str) else tag(each) for each in self.pieces)


class Slots:
    """The slots of one batch. `values[slot]` has one value for each message, in order; equal
    columns are one slot."""

    def __init__(self) -> None:
        self.values: list[tuple[str, ...]] = []
        self._known: dict[tuple[str, ...], int] = {}

    def share(self, texts: Sequence[str]) -> Skeleton:
        """What these texts, one for each message, have in common."""
        cut = [_PIECES.findall(text) for text in texts]
        alike = len({len(pieces) for pieces in cut}) == 1
        columns = zip(*cut, strict=True) if alike else [tuple(texts)]
        found: list[str | int] = []
        for column in columns:
            found += self._piece(column)
        return Skeleton(tuple(found))

    def _piece(self, column: tuple[str, ...]) -> list[str | int]:
        if column.count(column[0]) == len(column):
            return [column[0]]
        start = _alike(column)
        start = start[: start.rfind(" ") + 1]  # whole words: half an address could be another's
        end = _alike([piece[len(start) :][::-1] for piece in column])[::-1]
        end = end[end.find(" ") :] if " " in end else ""
        values = tuple(piece[len(start) : len(piece) - len(end)] for piece in column)
        return [each for each in (start, self._slot(values), end) if each != ""]

    def _slot(self, values: tuple[str, ...]) -> int:
        slot = self._known.get(values)
        if slot is None:
            slot = self._known[values] = len(self.values)
            self.values.append(values)
        return slot


def _alike(texts: Sequence[str]) -> str:
    """What they all begin with: as much as the first and the last in order have in common."""
    low, high = min(texts), max(texts)
    for at, character in enumerate(low):
        if high[at : at + 1] != character:
            return low[:at]
    return low


def shape(text: str) -> tuple[int, int]:
    """Texts of one shape have much in common, most likely: as many tags and lines."""
    return text.count("<"), text.count("\n")


def stem(texts: Sequence[str]) -> str:
    """Eight characters that stand in none of these texts: tags are made of them."""
    digest = hashlib.sha256("\0".join(texts).encode())
    while any(digest.hexdigest()[:8] in text for text in texts):
        digest.update(b"again")
    return digest.hexdigest()[:8]
