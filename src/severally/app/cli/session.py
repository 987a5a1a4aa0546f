"""One run of the program: how it was called, where its output goes.

Responsible for the difference between people and `--json`. Imports nothing heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import msgspec
    from rich.console import Console

    from severally.app.office import Office
    from severally.app.wiring import Wiring


class Session:
    """`wiring` None means the real one, imported when it is needed."""

    def __init__(self, wiring: Wiring | None = None) -> None:
        self._wiring = wiring
        self.json = False
        self.root: Path | None = None

    def called(self, workspace: Path | None, json: bool) -> Session:
        """With the options every verb has."""
        self.root = workspace or self.root
        self.json = self.json or json
        return self

    @property
    def wiring(self) -> Wiring:
        """The adapters of this run."""
        if self._wiring is None:
            from severally.app.wiring import Wiring

            self._wiring = Wiring()
        return self._wiring

    @property
    def live(self) -> bool:
        """Whether a person watches a terminal."""
        return not self.json and sys.stdout.isatty()

    @contextmanager
    def office(self, as_it_is: bool = False) -> Iterator[Office]:
        """The workspace this run is about, opened; `as_it_is`: only to be looked at."""
        from severally.app.config import find_root, load
        from severally.app.office import open_office

        workspace = load(find_root(Path.cwd(), self.root))
        with open_office(workspace, self.wiring, as_it_is) as office:
            yield office

    def console(self) -> Console:
        """Where results for people go."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    def ask(self, what: str, hidden: bool = False) -> str:
        """A person's answer at the terminal; empty where nobody sits there."""
        if self.json or not sys.stdin.isatty():
            return ""
        if hidden:
            from getpass import getpass

            return getpass(f"{what}: ")
        return input(f"{what}: ")

    def say(self, text: str) -> None:
        """A line for people on the way: standard error under `--json`, else standard output."""
        stream = sys.stderr if self.json else sys.stdout
        print(text, file=stream, flush=True)

    def show(self, result: msgspec.Struct, paint: Callable[[Any, Console], None]) -> None:
        """The result: one JSON object, or painted for people."""
        if self.json:
            from msgspec.json import encode

            sys.stdout.write(encode(result).decode() + "\n")
            sys.stdout.flush()
        else:
            paint(result, self.console())
