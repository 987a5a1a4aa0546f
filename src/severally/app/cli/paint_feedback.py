"""How what came back looks to people. One function for each verb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.operations import feedback_results as results
from severally.app.words import counted, moment, number

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 50


def suppressions(result: results.SuppressionList, console: Console) -> None:
    """`suppression list`."""
    if not result.total:
        console.print("nobody is suppressed")
        return
    for what, count in result.counts.items():
        console.print(f"{number(count):>9}  {escape(what)}")
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("key", "scope", "why", "since", "until", "source"):
        grid.add_column(heading)
    for line in result.lines[:_SHOWN]:
        until = moment(line.expires) if line.expires else "for ever"
        since = moment(line.at)
        grid.add_row(line.key, line.scope, line.why, since, until, escape(line.source))
    console.print(grid)
    if result.total > _SHOWN:
        console.print(
            f"… and {number(result.total - _SHOWN)} more; all: severally suppression export"
        )


def added(result: results.SuppressionChange, console: Console) -> None:
    """`suppression add`."""
    said = "is suppressed" if result.changed else "was suppressed already"
    console.print(f"{result.key} {said} ({result.scope})")


def removed(result: results.SuppressionChange, console: Console) -> None:
    """`suppression remove`."""
    console.print(f"lifted {counted(result.changed, 'entry', 'entries')} of {result.key}")


def imported(result: results.SuppressionFile, console: Console) -> None:
    """`suppression import`."""
    same = result.rows - result.changed
    console.print(
        f"{escape(result.file)}: {counted(result.changed, 'suppression')} taken in, "
        f"{number(same)} stood there already"
    )


def exported(result: results.SuppressionFile, console: Console) -> None:
    """`suppression export`."""
    left = f"; {number(result.left_out)} are known by their key alone" if result.left_out else ""
    console.print(f"wrote {counted(result.rows, 'suppression')} into {escape(result.file)}{left}")


def intake(result: results.IntakeResult, console: Console) -> None:
    """`intake`."""
    if not result.messages:
        console.print("nothing came back")
    for word, count in result.messages.items():
        console.print(f"{number(count):>9}  {escape(word)}")
    if result.kept:
        messages = counted(result.kept, "message")
        console.print(f"{messages} nobody understood, flagged in .severally/incoming/cur")


_RESULT = {
    "pass": "[green]pass[/green]   ",
    "warn": "[yellow]warn[/yellow]   ",
    "fail": "[red]fail[/red]   ",
    "unknown": "[dim]unknown[/dim]",
}


def sender(result: results.SenderCheck, console: Console) -> None:
    """`check --sender`: one line each, the cure below it."""
    for line in result.checks:
        console.print(f"{_RESULT[line.result]}  {escape(line.name)}: {escape(line.why)}")
        if line.cure and line.result != "pass":
            console.print(f"         {escape(line.cure)}", style="dim")
    said = "receivers find nothing to reject" if result.sound else "would be rejected somewhere"
    console.print(f"{escape(result.sender)}: {said}")
