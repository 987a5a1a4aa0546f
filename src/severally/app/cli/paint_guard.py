"""How what the guard holds looks to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.operations import guarding
from severally.app.words import counted, moment, number

if TYPE_CHECKING:
    from rich.console import Console


def held(result: guarding.HeldList, console: Console) -> None:
    """`held list`."""
    if result.halted:
        console.print(f"[bold]halted:[/bold] {escape(result.halted)}; severally resume --guard")
    if result.held:
        grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("id", "came by", "at", "letters", "content"):
            grid.add_column(heading)
        for one in result.held:
            grid.add_row(one.id, one.way, moment(one.at), number(one.letters), one.content)
        console.print(grid)
    else:
        console.print("nothing is held")
    if result.letters:
        counts = ", ".join(f"{word} {number(n)}" for word, n in result.letters.items())
        console.print(f"letters: {counts}")


def decided(result: guarding.Decided, console: Console) -> None:
    """`held release`, `held discard`."""
    letters = counted(result.letters, "letter")
    console.print(f"{result.what} {result.submission}: {letters}")
