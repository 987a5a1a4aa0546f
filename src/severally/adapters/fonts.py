"""Which characters the installed fonts can draw, as fontconfig knows it.

Responsible for saying so before a picture shows boxes instead of letters, and for naming the
Debian package that would help.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable

from severally.model.errors import SeverallyError

_UNDRAWN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp", "Mn", "Me")
"""Categories without a shape of their own: nothing, or a mark that joins its letter."""
_PACKAGES = (
    (re.compile("CJK|HIRAGANA|KATAKANA|HANGUL|BOPOMOFO|IDEOGRAPHIC|FULLWIDTH"), "fonts-noto-cjk"),
    (re.compile("EMOJI|FACE|HEART|SYMBOL FOR|REGIONAL INDICATOR"), "fonts-noto-color-emoji"),
)
_OTHERWISE = "fonts-noto-core"


class FontsUnknown(SeverallyError):
    """fontconfig cannot be asked."""


class Fonts:
    """`app.studio.Fonts`, from ranges of code points (both ends included)."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(ranges):
            if self._ends and start <= self._ends[-1] + 1:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def missing(self, text: str) -> str:
        """The characters of `text` that no font draws, each once, in order."""
        wanted = dict.fromkeys(text)
        return "".join(c for c in wanted if _drawn(c) and not self._has(ord(c)))

    def package(self, char: str) -> str:
        """The Debian package that most likely brings a font for it."""
        name = unicodedata.name(char, "")
        return next((package for words, package in _PACKAGES if words.search(name)), _OTHERWISE)

    def _has(self, code: int) -> bool:
        at = bisect_right(self._starts, code) - 1
        return at >= 0 and code <= self._ends[at]


def installed_fonts() -> Fonts:
    """Asks `fc-list`. Raises FontsUnknown where it is not there."""
    program = shutil.which("fc-list")
    if program is None:
        raise FontsUnknown("fc-list is not installed (Debian: apt install fontconfig)")
    said = subprocess.run(
        [program, "--format=%{charset}\n"], capture_output=True, text=True, timeout=60, check=False
    )
    if said.returncode:
        raise FontsUnknown(f"fc-list ended with {said.returncode}")
    return Fonts(ranges_of(said.stdout))


def ranges_of(charsets: str) -> set[tuple[int, int]]:
    """`20-7e a0-17f 2d8` in lines, as ranges."""
    found: set[tuple[int, int]] = set()
    for word in set(charsets.split()):
        start, _, end = word.partition("-")
        found.add((int(start, 16), int(end or start, 16)))
    return found


def _drawn(char: str) -> bool:
    return unicodedata.category(char) not in _UNDRAWN
