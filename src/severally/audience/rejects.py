"""The rejects file: every rejected row with its reason, to be mended and read again.

It holds what the source held, so it is readable to its owner alone; and it will be opened in
a spreadsheet, so no cell can be a formula.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet runs: formulas get an apostrophe."""
    return "'" + text if text.startswith(_FORMULA) else text


class RejectsFile:
    """Written as rows come; made at the first, so no rejects means no file. Mode 0600."""

    def __init__(self, path: Path, heading: Sequence[str]) -> None:
        self.path = path
        self.count = 0
        self._heading = heading
        self._draft = path.with_name(path.name + ".part")
        self._file: TextIO | None = None
        path.unlink(missing_ok=True)  # what an earlier file had rejected is not this one's

    def __enter__(self) -> Self:
        return self

    def write(self, row: int, reasons: Sequence[str], fields: Sequence[str]) -> None:
        """One rejected row."""
        if self._file is None:
            self._open()
        self.count += 1
        cells = [str(row), "; ".join(reasons), *fields]
        self._writer.writerow([safe_cell(cell) for cell in cells])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        self._file.close()
        if kind is None:
            self._draft.replace(self.path)
        else:
            self._draft.unlink()

    def _open(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._draft.unlink(missing_ok=True)
        handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["row", "reason", *map(safe_cell, self._heading)])
