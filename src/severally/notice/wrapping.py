"""Lines of plain text, broken where a reader of that script expects it.

Responsible for columns, not characters: an ideograph is two wide, a combining mark none.
Western words break at spaces; Chinese and Japanese break between characters, but never before
a closing mark or after an opening one (JIS X 4051, GB/T 15834); Korean breaks at spaces.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator

WIDTH = 72
"""Columns of a line, so that a quoted reply still fits into 80 (RFC 3676 4.2)."""
SLOT = re.compile("\ue000(\\d+):(\\d+)\ue001")
"""A value's place: its number, and the columns it is taken to need (it is not known yet)."""

_NOT_FIRST = frozenset(
    "、。，．：；！？）］｝〕〉》」』】〙〗〟’”…‥・ー々ゝゞヽヾぁぃぅぇぉっゃゅょゎ"
)
_NOT_FIRST_EITHER = frozenset("ァィゥェォッャュョヮヵヶ%)]},.:;!?»%％")
_NOT_LAST = frozenset("（［｛〔〈《「『【〘〖〝‘“([{«")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")


def columns(text: str) -> int:
    """How wide it stands in a window whose letters all have the same width."""
    values = sum(int(match[2]) for match in SLOT.finditer(text))
    return values + sum(_columns_of(char) for char in SLOT.sub("", text))


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrapped(text: str, first: str = "", rest: str = "", width: int = WIDTH) -> str:
    """`text` in lines of at most `width` columns where it can be broken; `first` and `rest`
    stand before the first line and the further ones. A line end in it stays one."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += _lines(line, rest if lines else first, rest, width)
    return "\n".join(lines)


def _lines(text: str, first: str, rest: str, width: int) -> Iterator[str]:
    line, used = first, columns(first)
    empty = True
    for space, atom in _atoms(text):
        wide = columns(atom)
        if not empty and used + len(space) + wide > width:
            yield line.rstrip(" ")
            line, used, empty, space = rest, columns(rest), True, ""
        if empty:
            space = ""
        line += space + atom
        used += len(space) + wide
        empty = False
    yield line.rstrip(" ")


def _atoms(text: str) -> Iterator[tuple[str, str]]:
    """What is never broken, each with the space before it."""
    for match in re.finditer(r"([ \t]*)([^ \t]+)", text):
        space = " " if match[1] else ""
        for part in _parts(match[2]):
            yield space, part
            space = ""


def _parts(word: str) -> Iterator[str]:
    units = re.findall("\ue000[^\ue001]*\ue001|.", word, re.DOTALL)
    part = units[0]
    for before, unit in itertools.pairwise(units):
        if _breaks(before, unit):
            yield part
            part = ""
        part += unit
    yield part


def _breaks(before: str, after: str) -> bool:
    if before in _NOT_LAST or after in _NOT_FIRST or after in _NOT_FIRST_EITHER:
        return False
    if _columns_of(after[0]) == 0:
        return False
    return _ideographic(before) or _ideographic(after)


def _ideographic(unit: str) -> bool:
    return len(unit) == 1 and unicodedata.east_asian_width(unit) in "WF" and not _HANGUL.match(unit)
