"""How what became of a mailing by lane and locale looks to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from severally.app.operations.figure_results import Earlier, Figures
from severally.app.words import duration, moment, number

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 24
_HEADINGS = ("lane", "locale", "recipients", "accepted", "deferred", "bounced", "spam", "out",
             "half by", "95 % by")  # fmt: skip


def figures(found: Figures, console: Console) -> None:
    """A line for each lane and locale, the largest first, and the earlier mailings. `spam`: who
    called it that; `out`: who unsubscribed."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in _HEADINGS:
        named = heading in _HEADINGS[:2]
        grid.add_column(heading, justify="left" if named else "right", no_wrap=named)
    for each in sorted(found.groups, key=lambda each: -each.recipients)[:_SHOWN]:
        classes = ", ".join(f"{kind} {number(n)}" for kind, n in each.bounced.items())
        grid.add_row(
            each.lane,
            each.locale,
            *map(number, (each.recipients, each.accepted, each.deferred)),
            classes or "0",
            *map(number, (each.complaints, each.unsubscribes)),
            duration(each.half_s) if each.half_s else "-",
            duration(each.most_s) if each.most_s else "-",
        )
    console.print(grid)
    if len(found.groups) > _SHOWN:
        console.print(f"… and {number(len(found.groups) - _SHOWN)} more; all: --csv FILE")
    for before in found.earlier:
        console.print(f"before: {_earlier(before)}")


def _earlier(before: Earlier) -> str:
    shares = ", ".join(
        f"{count / max(1, before.recipients):.2%} {word}"
        for word, count in (
            ("accepted", before.accepted),
            ("bounced", before.bounced),
            ("complaints", before.complaints),
            ("unsubscribed", before.unsubscribes),
        )
    )
    took = f", in {duration(before.elapsed_s)}" if before.elapsed_s else ""
    return (
        f"{before.mailing} {moment(before.at)}, {number(before.recipients)} recipients: "
        f"{shares}{took}"
    )
