"""How plans and simulations look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.cli.chart import area
from severally.app.cli.words import counted, duration, number

if TYPE_CHECKING:
    from rich.console import Console

    from severally.app.operations import results

_LIMITS = {
    "rate": "its rate",
    "connections": "its connections",
    "route rate": "the route's rate",
    "route connections": "the route's connections",
    "machine": "the machine",
    "in flight": "[sending] max_in_doubt",
}


def limit(name: str, whose: str) -> str:
    """`main/yahoo (its rate)`, `the machine`."""
    said = _LIMITS.get(name, name)
    return f"{whose} ({said})" if said.startswith("its ") else said


def simulate(result: results.SimulateResult, console: Console) -> None:
    """`simulate`: what it takes, the slowest lanes, the curve."""
    head = f"{counted(result.recipients, 'recipient')} at {counted(result.domains, 'domain')}"
    head += f", {counted(result.lanes, 'lane')} on route {escape(result.route)}"
    console.print(head)
    grid = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(style="dim")
    grid.add_column()
    with_all = f"with {counted(result.workers, 'worker')}"
    grid.add_row("makespan", f"[bold]{duration(result.estimate_s)}[/bold] {with_all}")
    longest = "where receivers take half of their limits and put 5 % off once"
    grid.add_row("at the longest", f"{duration(result.longest_s)} {longest}")
    grid.add_row("with one worker", duration(result.alone_s))
    grid.add_row("with any number", duration(result.unbounded_s))
    hours = f"{result.machine_hours:,.2f} at {result.speed:,.0f} messages/s each"
    grid.add_row("machine-hours", hours)
    grid.add_row("bottleneck", escape(limit(result.limit, result.limit_of)))
    console.print(grid)
    console.print()
    for line in area(result.curve):
        console.print(line, markup=False)
    console.print()
    console.print(_slowest(result))
    console.print(f"computed in {duration(result.computed_s)}; nothing was sent")


def _slowest(result: results.SimulateResult) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("slowest lanes", "recipients", "ends", "bound by"):
        grid.add_column(heading, justify="right" if heading in ("recipients", "ends") else "left")
    for lane in result.slowest:
        bound = _LIMITS.get(lane.bound, lane.bound)
        grid.add_row(lane.lane, number(lane.recipients), duration(lane.ends_s), bound)
    return grid
