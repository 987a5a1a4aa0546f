"""How the register and the record look to people."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.operations import register_results as results
from severally.app.operations.stage_results import AuditResult, Story, StoryLine
from severally.app.words import counted, duration, moment, number

if TYPE_CHECKING:
    from rich.console import Console


def added(result: results.OperatorAdded, console: Console) -> None:
    """`operator add`: the one time the secret is seen."""
    console.print(f"entered [bold]{result.name}[/bold]: {', '.join(result.roles)}")
    console.print("for their authenticator, shown this once:")
    console.print(f"  {result.enrolment}", markup=False, soft_wrap=True)
    console.print(f"  or by hand: {result.secret}")


def listed(result: results.OperatorList, console: Console) -> None:
    """`operator list`."""
    if not result.operators:
        console.print("no operator yet; the first is an approver: severally operator add NAME")
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("name", "roles", "entered", "disabled"):
        grid.add_column(heading)
    for one in result.operators:
        grid.add_row(one.name, ", ".join(one.roles), moment(one.added_at), moment(one.disabled_at))
    console.print(grid)


def disabled(result: results.OperatorDisabled, console: Console) -> None:
    """`operator disable`."""
    console.print(f"disabled {result.name}, with every session and token")


def token(result: results.TokenMade, console: Console) -> None:
    """`operator token`: the one time it is seen."""
    scopes = ", ".join(result.scopes)
    console.print(f"{escape(result.label)}: {scopes} for {result.operator} until", end=" ")
    console.print(moment(result.expires_at))
    console.print("shown this once; the program shows it in SEVERALLY_TOKEN:")
    console.print(f"  {result.token}", markup=False, soft_wrap=True)


def signed_in(result: results.SignedIn, console: Console) -> None:
    """`sign-in`."""
    console.print(f"{result.name} ({', '.join(result.roles)}) until {moment(result.expires_at)}")


def signed_out(result: results.SignedOut, console: Console) -> None:
    """`sign-out`."""
    console.print(f"signed out {result.name}" if result.name else "nobody was signed in")


def verified(result: AuditResult, console: Console) -> None:
    """`audit verify`."""
    for flaw in result.flaws:
        console.print(f"[red]wrong[/red]  {escape(flaw)}")
    rows = f"{counted(result.rows, 'row')}, {counted(result.checkpoints, 'checkpoint')}"
    console.print(f"{rows} in {', '.join(map(escape, result.places))}")
    tail = "every row is held by a checkpoint"
    if result.unanchored:
        since = duration(result.unanchored_s)
        tail = f"the last {counted(result.unanchored, 'row')} no checkpoint holds yet ({since})"
    console.print(tail)
    if result.sound:
        console.print("[green]the record is whole[/green]")
    else:
        console.print(f"[red]{counted(len(result.flaws), 'thing')} wrong[/red] with the record")


def story(result: Story, console: Console) -> None:
    """`audit show`: a line for each act; outcomes that follow one another are one line."""
    for line in _told(result.lines):
        console.print(line, markup=False, soft_wrap=True)
    if not result.lines:
        console.print("nothing was done yet")


def _told(lines: tuple[StoryLine, ...]) -> Iterator[str]:
    for outcomes, group in itertools.groupby(lines, lambda line: line.what == "outcomes"):
        if not outcomes:
            yield from map(_sentence, group)
            continue
        batches = list(group)
        count = sum(int(line.detail.split()[0]) for line in batches)
        said = f"{number(count)} outcomes in {counted(len(batches), 'batch', 'batches')}"
        yield f"{moment(batches[0].at)}  {said}"


def _sentence(line: StoryLine) -> str:
    who = f"{line.who} " if line.who else ""
    mailing = f"{line.mailing} " if line.mailing else ""
    detail = f": {line.detail}" if line.detail else ""
    return f"{moment(line.at)}  {mailing}{who}{line.what}{detail}"
