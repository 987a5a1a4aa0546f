"""Pictures of previewed messages, and the contact sheet; or why there are none.

Responsible for never showing boxes where letters should be: a message with a character that
no installed font draws gets no picture, but a finding that says which and what would help.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from severally.adapters.fonts import FontsUnknown
from severally.app.operations.contactsheet import Line, contact_sheet, sheet_width
from severally.app.studio import Camera, Fonts
from severally.app.wiring import Wiring
from severally.model.errors import Finding, SeverallyError
from severally.model.view import VIEWS, Picture, View

SHEET = "contact-sheet"
_HOW = "install Chromium (Debian: apt install chromium fonts-noto-core fonts-noto-cjk)"
_TAGS = re.compile(r"<(style|title)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL)


class Shot(Protocol):
    """A message whose picture is taken."""

    @property
    def stem(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def private(self) -> bool: ...


class Album(Protocol):
    """Where files are kept."""

    def keep(self, name: str, content: bytes, private: bool) -> Path: ...


def photograph(
    wiring: Wiring,
    notice: str,
    out: Path,
    messages: Sequence[Shot],
    album: Album,
    say: Callable[[str], None],
) -> list[Finding]:
    """Pictures below `out/pictures` and the contact sheet; everything that is not as it should
    be. A missing Chromium is a warning: all else is written."""
    opened = wiring.find_camera()
    if opened is None:
        return [Finding("pictures", "there is no Chromium to take them", _HOW, (), True)]
    try:
        fonts = wiring.fonts()
    except FontsUnknown as unknown:
        return [Finding("pictures", str(unknown), "", (), True)]
    findings: list[Finding] = []
    try:
        with opened as camera:
            work = _Work(camera, fonts, out, album, findings)
            lines = [work.line(message, say) for message in messages]
            private = any(message.private for message in messages)
            work.sheet(notice, lines, private)
    except SeverallyError as broken:
        findings.append(Finding("pictures", str(broken), "all else was written", (), True))
    return findings


class _Work:
    def __init__(
        self, camera: Camera, fonts: Fonts, out: Path, album: Album, findings: list[Finding]
    ) -> None:
        self._camera = camera
        self._fonts = fonts
        self._out = out
        self._album = album
        self._findings = findings

    def line(self, message: Shot, say: Callable[[str], None]) -> Line:
        """All views of one message, if its letters can be drawn."""
        pictures: dict[str, Picture] = {}
        files: dict[str, str] = {}
        if not self._boxes(message):
            page = self._out / f"{message.stem}.html"
            for picture in self._camera.pictures(page, VIEWS):
                view = picture.view.name
                files[view] = f"pictures/{message.stem}-{view}.png"
                pictures[view] = picture
                self._album.keep(files[view], picture.png, message.private)
                self._overflow(message, picture)
            say(f"pictures of {message.stem}: {len(pictures)}")
        return Line(message.stem, message.title, message.note, pictures, files)

    def sheet(self, notice: str, lines: Sequence[Line], private: bool) -> None:
        """The contact sheet as a page and as a picture."""
        count = sum(len(line.pictures) for line in lines)
        page = contact_sheet(notice, f"{len(lines)} messages, {count} pictures", lines)
        path = self._album.keep(f"{SHEET}.html", page.encode(), private)
        for picture in self._camera.pictures(path, (View(SHEET, sheet_width()),)):
            self._album.keep(f"{SHEET}.png", picture.png, private)

    def _boxes(self, message: Shot) -> bool:
        missing = self._fonts.missing(visible(message.html))
        if not missing:
            return False
        scripts = Counter(_script(char) for char in missing)
        named = ", ".join(f"{script} ({count})" for script, count in scripts.most_common(3))
        packages = sorted({self._fonts.package(char) for char in missing})
        self._findings.append(
            Finding(
                f"{message.stem}.html",
                f"no picture: no installed font draws these characters: {named}",
                f"install one (Debian: apt install {' '.join(packages)})",
            )
        )
        return True

    def _overflow(self, message: Shot, picture: Picture) -> None:
        if picture.overflow:
            self._findings.append(
                Finding(
                    f"pictures/{message.stem}-{picture.view.name}.png",
                    f"the message is {picture.overflow} pixels wider than the screen",
                    "look for a long word, a table, or a fixed width in the layout",
                    (),
                    True,
                )
            )


def visible(page: str) -> str:
    """The words of a page, roughly: what its fonts must draw."""
    return html.unescape(_TAGS.sub(" ", page))


def _script(char: str) -> str:
    """`Arabic`, `Hangul`, `CJK`: the first word of the character's name."""
    word = unicodedata.name(char, "unnamed").split()[0]
    return word if word == "CJK" else word.capitalize()
