"""How the staged way looks to people: a proposal, its approvals, words that were said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.operations.stage_results import CanaryReport, Proposed, Said, Withdrawn
from severally.app.words import counted, duration, number

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 6


def proposed(result: Proposed, console: Console) -> None:
    """`propose`, and what an approver sees first."""
    title = f"[bold]{result.mailing}[/bold]  {escape(result.notice)}  {result.state}"
    console.print(f"{title}  digest [bold]{result.short}[/bold]")
    left = [
        f"{number(count)} {words}"
        for count, words in ((result.left_out, "rejected"), (result.set_aside, "set aside"))
        if count
    ]
    out = f" (left out: {', '.join(left)})" if left else ""
    console.print(f"goes to [bold]{counted(result.audience, 'recipient')}[/bold]{out}")
    if result.instead_of:
        words = f"{counted(result.told_before, 'person', 'people')} whom that one left for"
        console.print(f"goes instead of [bold]{result.instead_of}[/bold]; not to {words}")
    console.print(f"{counted(len(result.locales), 'language')}: {', '.join(result.locales)}")
    _plan(result, console)
    _diff(result, console)
    for file in result.worst:
        console.print(f"look at {escape(file)}")
    author = f"proposed by {result.author}; " if result.author else ""
    names = f" ({', '.join(filter(None, result.approvals))})" if any(result.approvals) else ""
    given = f"{len(result.approvals)} of {counted(result.needed, 'approval')}{names}"
    console.print(f"{author}{given}")
    if result.state == "proposed":
        console.print(f"somebody else approves it with: severally approve {result.mailing}")


def _plan(result: Proposed, console: Console) -> None:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("step", "messages", "before it"):
        grid.add_column(heading, justify="right" if heading == "messages" else "left")
    grid.add_row("sentinels", number(result.sentinels), "the canary rehearsed")
    for step in result.steps:
        before = "a gate passes" if step.gate else _BEFORE.get(step.name, "")
        parts = f" in {step.parts} parts" if step.parts > 1 else ""
        grid.add_row(step.name, number(step.messages), before + parts)
    console.print(grid)
    console.print(f"about {duration(result.estimate_s)} of sending, without waiting at gates")


_BEFORE = {
    "canary": "the sentinels saw it right",
    "trickle": "only while the gate is undecided",
}


def _diff(result: Proposed, console: Console) -> None:
    if not result.previous:
        console.print("no mailing of this notice before")
        return
    if not result.diff:
        console.print(f"the text is the same as in {result.previous}")
    for each in result.diff:
        console.print(
            f"{each.locale}: {counted(each.added, 'line')} new, "
            f"{number(each.removed)} gone since {result.previous}"
        )
        for line in each.lines[:_SHOWN]:
            console.print(f"  {line}", markup=False)


def approved(result: Proposed, console: Console) -> None:
    """`approve`, after it."""
    count = f"{len(result.approvals)} of {result.needed}"
    console.print(f"[green]approved[/green] {result.short}: {count}, now {result.state}")
    if result.state == "approved":
        console.print(f"send it with: severally send {result.mailing}")
    elif result.state == "halted" and len(result.approvals) >= result.needed:
        console.print(f"let it go on with: severally resume {result.mailing}")


def withdrawn(result: Withdrawn, console: Console) -> None:
    """`withdraw`."""
    console.print(f"{number(result.withdrawn)} withdrawn from {result.mailing}, which has ended")
    doubt = f", {number(result.in_doubt)} of them in doubt" if result.in_doubt else ""
    console.print(f"it had left for {number(result.left)}{doubt}")
    again = f"severally propose NOTICE --audience FILE --instead-of {result.mailing}"
    console.print(f"to tell the others something else: {again}")


def canary(result: CanaryReport, console: Console) -> None:
    """A part of `report`."""
    sides = [counted(sum(result.customers.values()), "customer") + _parts(result.customers)]
    if result.staff:
        sides.append(f"{number(sum(result.staff.values()))} of staff{_parts(result.staff)}")
    console.print(f"the canary: {'; '.join(sides)}")


def _parts(counts: dict[str, int]) -> str:
    words = ", ".join(f"{number(n)} {word.replace('_', ' ')}" for word, n in counts.items())
    return f" ({words})"


def said(result: Said, console: Console) -> None:
    """`decide`, `acknowledge`, `review`."""
    who = f" ({result.who})" if result.who else ""
    console.print(f"{result.mailing}: {escape(result.said)}{who}")
