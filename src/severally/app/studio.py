"""The seams of `preview` alone: who takes the pictures, and what the fonts can draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from severally.model.view import Picture, View


class Camera(Protocol):
    """Takes pictures of pages."""

    def pictures(self, page: Path, views: Sequence[View]) -> Iterator[Picture]:
        """One for each view, in order, as the file stands and without network or scripts."""
        ...


class Fonts(Protocol):
    """What the fonts of this machine can draw."""

    def missing(self, text: str) -> str:
        """The characters of `text` that none has, each once."""
        ...

    def package(self, char: str) -> str:
        """The Debian package that would bring one for it."""
        ...
