"""How plans and simulations look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.cli.chart import area, share_at
from severally.app.cli.paint import audience, findings, languages
from severally.app.words import counted, duration, moment, number

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
    "times": "when it may leave",
}


_SHOWN = 30
"""Lanes in the table of a plan; the rest is summed up in one line."""


def limit(name: str, whose: str) -> str:
    """`main/yahoo (its rate)`, `the machine`."""
    said = _LIMITS.get(name, name)
    return f"{whose} ({said})" if said.startswith("its ") else said


def plan(result: results.PlanResult, console: Console) -> None:
    """`plan`."""
    findings(result.findings, console)
    audience(result.audience, console)
    languages(result.languages, console)
    console.print()
    console.print(_lanes(result))
    console.print()
    for line in area(result.curve):
        console.print(line, markup=False)
    span = f"about [bold]{duration(result.estimate_s)}[/bold]"
    if duration(result.longest_s) != duration(result.estimate_s):
        span += f", up to {duration(result.longest_s)} where receivers take half and put 5 % off"
    head = f"{counted(result.recipients, 'recipient')} on route {escape(result.route)}: {span}"
    console.print(f"\n{head}")
    console.print(f"the bottleneck is {escape(limit(result.limit, result.limit_of))}")
    if result.window or result.start > result.began:
        console.print(_times(result))
    if result.direct:
        console.print(
            "straight to the receiving providers: each takes so much from one address, however "
            "fast this machine is"
        )
    _what_if(result, console)


def _times(result: results.PlanResult) -> str:
    """When the first and the last leave, by the clock."""
    said = f"it ends at {moment(result.began + result.estimate_s)}"
    if result.start > result.began:
        said = f"it starts at {moment(result.start)}; {said}"
    if result.window:
        said += f"; mail leaves {result.window} where each recipient is"
    return said


def _lanes(result: results.PlanResult) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("lane", "recipients", "rate", "connections", "ends", "at the longest"):
        grid.add_column(heading, justify="left" if heading == "lane" else "right", no_wrap=True)
    grid.add_column("by")
    for lane in result.lanes[:_SHOWN]:
        grid.add_row(
            lane.lane,
            number(lane.recipients),
            lane.rate or "-",
            _connections(lane),
            duration(lane.ends_s),
            duration(lane.longest_s),
            lane.source,
        )
    rest = result.lanes[_SHOWN:]
    if rest:
        recipients = number(sum(each.recipients for each in rest))
        most = max(each.longest_s for each in rest)
        ends = (duration(rest[0].ends_s), duration(most))
        grid.add_row(f"{len(rest):,} more lanes", recipients, "-", "-", *ends, "")
    return grid


def _connections(lane: results.PlanLane) -> str:
    """`5 of 20`: five connections, of twenty messages each."""
    each = f" of {lane.messages_per_connection}" if lane.messages_per_connection else ""
    return f"{lane.connections or '-'}{each}"


def _what_if(result: results.PlanResult, console: Console) -> None:
    """One row for each change, the quickest first; with a deadline, whether it would be met."""
    if result.within_s:
        console.print(_deadline(result))
    if not result.what_if:
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column("what if")
    grid.add_column("ends", justify="right")
    if result.within_s:
        grid.add_column("in time")
    now = duration(result.estimate_s)
    for row in result.what_if:
        cells = [escape(row.text), f"{now} → {duration(row.estimate_s)}"]
        if result.within_s:
            cells.append("yes" if row.estimate_s <= result.within_s else "no")
        grid.add_row(*cells)
    console.print()
    console.print(grid)
    quickest = result.what_if[0]
    if quickest.estimate_s < result.estimate_s:
        console.print(
            f"the quickest way of these: {escape(quickest.text)}, {duration(quickest.estimate_s)}"
        )


def _deadline(result: results.PlanResult) -> str:
    """Whether it is met: surely, as estimated, or only by a change."""
    left = duration(result.within_s)
    if result.longest_s <= result.within_s:
        return f"[green]in time[/green]: the deadline is in {left}, also at the longest"
    if result.estimate_s <= result.within_s:
        return (
            f"[yellow]in time as estimated[/yellow], not at the longest: the deadline is in {left}"
        )
    told = share_at(result.curve, result.within_s, result.recipients)
    ways = [row.text for row in result.what_if if row.estimate_s <= result.within_s]
    cure = f"; in time with: {'; '.join(ways)}" if ways else "; no single change below would do"
    late = f"[red]too late[/red]: in {left} {100 * told:.0f} % would be told"
    return late + escape(cure)


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
