"""Progress while a mailing is sent: a live table at a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from severally.app.words import duration, number, rate
from severally.deliver.progress import LaneProgress, Progress
from severally.model.delivery import DeliveryState
from severally.model.mailing import Mailing

if TYPE_CHECKING:
    from severally.app.cli.session import Session

Listen = Callable[[Progress], None]
LINE_EVERY_S = 5.0
_SHOWN = 14
"""Lanes in the live table; the rest is summed up in one line."""
_S = DeliveryState


@contextmanager
def viewing(session: Session, mailing: Mailing) -> Iterator[Listen]:
    """What is to be told of each step: a live table, or a line now and then."""
    if not session.live:
        yield Lines(mailing)
        return
    console = session.console()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda progress: live.update(table(progress, mailing), refresh=True)


class Lines:
    """Plain lines on standard error, every few seconds, when a mailing ends, and at once when
    a lane cannot be connected to."""

    def __init__(self, mailing: Mailing) -> None:
        self._mailing = mailing
        self._next = 0.0
        self._last = ""
        self._trouble = ""

    def __call__(self, progress: Progress) -> None:
        """Say it, unless it was said a moment ago."""
        now = time.monotonic()
        trouble = _trouble(progress)
        if now < self._next and _left(progress) and trouble in ("", self._trouble):
            return
        self._next, self._trouble = now + LINE_EVERY_S, trouble
        line = f"{progress.mailing}: {in_words(progress)}"
        if line != self._last:
            self._last = line
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def in_words(progress: Progress) -> str:
    """One line: `9,120 of 23,000 accepted, 1,210/s, 64 deferred, 0:12 to go`."""
    counts = progress.counts
    total = sum(counts.values())
    words = [f"{number(counts.get(_S.ACCEPTED, 0))} of {number(total)} accepted"]
    words.append(rate(sum(lane.rate for lane in progress.lanes)))
    for state in (_S.DEFERRED, _S.REFUSED, _S.IN_DOUBT, _S.BLOCKED, _S.EXPIRED):
        if counts.get(state):
            words.append(f"{number(counts[state])} {state.word.replace('_', ' ')}")
    held = [lane.lane for lane in progress.lanes if lane.held_s > 0 and lane.left]
    if held:
        words.append(f"held: {', '.join(held[:3])}{' …' if len(held) > 3 else ''}")
    if asleep := sum(lane.asleep for lane in progress.lanes):
        soonest = min(lane.opens_s for lane in progress.lanes if lane.asleep)
        words.append(f"{number(asleep)} outside their hours, the next in {duration(soonest)}")
    if progress.left_s:
        words.append(f"about {duration(progress.left_s)} to go")
    if trouble := _trouble(progress):
        words.append(trouble)
    return ", ".join(words)


def _trouble(progress: Progress) -> str:
    """The first lane that no connection can be had for, and why."""
    stuck = [lane for lane in progress.lanes if lane.left and lane.note.startswith("cannot")]
    return f"{stuck[0].lane}: {stuck[0].note}" if stuck else ""


def table(progress: Progress, mailing: Mailing) -> RenderableType:
    """The live picture: one row per lane, the busiest first, and the sum."""
    lanes = sorted(progress.lanes, key=lambda lane: (-lane.total, lane.lane))
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("lane", "", "accepted", "now", "limit", "deferred", "", "to go"):
        grid.add_column(
            heading, justify="left" if heading in ("lane", "") else "right", no_wrap=True
        )
    for lane in lanes[:_SHOWN]:
        grid.add_row(*_row(lane))
    if len(lanes) > _SHOWN:
        grid.add_row(*_row(_sum(lanes[_SHOWN:])))
    return Group(grid, Text(), _footer(progress, mailing))


def _row(lane: LaneProgress) -> list[RenderableType]:
    counts = lane.counts
    done = lane.total - lane.left
    return [
        lane.lane,
        ProgressBar(total=max(1, lane.total), completed=done, width=24),
        f"{number(counts.get(_S.ACCEPTED, 0))}/{number(lane.total)}",
        rate(lane.rate) if lane.left else "",
        lane.limit or "-",
        number(counts[_S.DEFERRED]) if counts.get(_S.DEFERRED) else "",
        _state(lane),
        _to_go(lane),
    ]


def _state(lane: LaneProgress) -> Text:
    if lane.held_s > 0 and lane.left:
        return Text(f"held {duration(lane.held_s)}", style="yellow")
    if not lane.left:
        return Text("done", style="green")
    if lane.asleep == lane.left:
        return Text(f"opens in {duration(lane.opens_s)}", style="dim")
    return Text(lane.note[:40], style="dim")


def _to_go(lane: LaneProgress) -> str:
    if not lane.left:
        return ""
    return duration(lane.left / lane.rate + lane.held_s) if lane.rate > 0 else "…"


def _sum(lanes: list[LaneProgress]) -> LaneProgress:
    counts: dict[DeliveryState, int] = {}
    for lane in lanes:
        for state, count in lane.counts.items():
            counts[state] = counts.get(state, 0) + count
    speed = sum(lane.rate for lane in lanes)
    return LaneProgress(f"{len(lanes)} more lanes", counts, speed, "", 0)


def _footer(progress: Progress, mailing: Mailing) -> Text:
    text = Text.assemble((progress.mailing, "bold"), "  ", in_words(progress))
    text.append(f"  {duration(progress.elapsed_s)}", "dim")
    if mailing.estimate_s:
        text.append(f" of about {duration(mailing.estimate_s)}", "dim")
    return text


def _left(progress: Progress) -> int:
    return sum(lane.left for lane in progress.lanes)


def snapshot(progress: Progress, mailing: Mailing, width: int = 110) -> str:
    """The live picture as text, for documents and tests."""
    console = Console(width=width, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(table(progress, mailing))
    return capture.get()
