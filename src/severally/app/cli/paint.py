"""How results look to people. One function for each verb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from severally.app.cli import paint_staged
from severally.app.cli.paint_figures import figures
from severally.app.operations import results
from severally.app.words import counted, duration, moment, number

if TYPE_CHECKING:
    from rich.console import Console

_WORDS = {
    "accepted": "taken by the receiver",
    "refused": "the receiver said no for good",
    "deferred": "waiting for another try",
    "in_doubt": "handed over, no answer came; not sent again",
    "blocked": "cannot be composed for",
    "ready": "not sent yet",
    "expired": "tried until the retries' end",
    "excluded": "suppressed: not written to",
    "delivered": "the receiver says it lies in the mailbox",
    "bounced": "came back",
    "complained": "called it spam",
}


def init(result: results.InitResult, console: Console) -> None:
    """`init`."""
    made = "Made a trial workspace in" if result.new else "Made the keys of the workspace"
    console.print(f"{made} [bold]{escape(result.workspace)}[/bold]:")
    for file in result.files:
        console.print(f"  {escape(file)}")
    if not result.new:
        return
    console.print("\nTry it; everything it sends ends in its folder outbox/:")
    if result.workspace != ".":
        console.print(f"  cd {escape(result.workspace)}")
    console.print("  severally check index-change --audience customers.csv")
    console.print("  severally send index-change --audience customers.csv")


def check(result: results.CheckResult, console: Console) -> None:
    """`check`."""
    findings(result.findings, console)
    if result.measures:
        measures(result.measures, console)
    if result.audience is not None:
        audience(result.audience, console)
    if result.languages:
        languages(result.languages, console)
    locales = f"{counted(len(result.locales), 'locale')}: {', '.join(result.locales)}"
    if result.sound:
        console.print(f"[green]{escape(result.notice)} is sound[/green] ({locales})")
    else:
        wrong = sum(not finding.warning for finding in result.findings)
        said = counted(wrong, "thing") if wrong else "the audience"
        console.print(f"[red]{escape(result.notice)} cannot be sent[/red]: {said} to be mended")


def languages(lines: Iterable[results.LanguageLine], console: Console) -> None:
    """Who reads what, and why it is not what they asked for."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("reads", "recipients", "asked for", "found by"):
        grid.add_column(heading, justify="right" if heading == "recipients" else "left")
    for line in lines:
        grid.add_row(line.read, number(line.recipients), line.wanted, _STEPS[line.step])
    console.print(grid)


_STEPS = {
    "exact": "",
    "broader": "the broader language",
    "related": "another region of it",
    "declared": "declared in notice.toml",
    "source": "the source: nobody declared another",
}


def measures(lines: Iterable[results.Measure], console: Console) -> None:
    """Sizes and links of each locale's message, and what a filter made of it."""
    lines = list(lines)
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    judged = next((line.filter for line in lines if line.filter), "")
    for heading in ("locale", "message", "HTML", "links", *([judged] if judged else [])):
        grid.add_column(heading, justify="left" if heading == "locale" else "right")
    for line in lines:
        sizes = (f"{line.message_bytes / 1024:.1f} KB", f"{line.html_bytes / 1024:.1f} KB")
        score = [f"{line.score:.1f}" if line.score is not None else "-"] if judged else []
        grid.add_row(line.locale, *sizes, number(line.links), *score)
    console.print(grid)


def findings(found: Iterable[results.FoundView], console: Console) -> None:
    """One line each, what is wrong first."""
    for finding in sorted(found, key=lambda each: each.warning):
        mark = "[yellow]warning[/yellow]" if finding.warning else "[red]wrong[/red]"
        where = f"{finding.where}: " if finding.where else ""
        cure = f"; {finding.cure}" if finding.cure else ""
        ids = finding.recipients
        named = f" (recipients {', '.join(ids[:5])}{_more(len(ids) - 5)})" if ids else ""
        console.print(f"{mark}  {escape(where + finding.problem + named + cure)}")


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def audience(result: results.AudienceResult, console: Console) -> None:
    """`audience check`."""
    findings(result.findings, console)
    for row in result.rejects[:20]:
        console.print(f"[red]row {row.row}[/red]: {escape('; '.join(row.reasons))}")
    if result.rejected > 20:
        console.print(f"… and {number(result.rejected - 20)} more rejected rows")
    said = f"{counted(result.accepted, 'recipient')} accepted"
    if result.rejected:
        said += f", {counted(result.rejected, 'row')} rejected (see {result.rejects_file})"
    if result.set_aside:
        said += f", {number(result.set_aside)} set aside (an address that stood there before)"
    console.print(f"{escape(result.file)}: {escape(said)}")
    if result.suppressed:
        console.print(f"suppressed, and left out: {reasons(result.suppressed)}")
    if result.missing:
        console.print(
            "without " + ", ".join(f"{n}: {number(c)}" for n, c in result.missing.items())
        )
    if result.ignored_columns:
        console.print(f"columns not read: {escape(', '.join(result.ignored_columns))}")
    if result.locales:
        spread = sorted(result.locales.items(), key=lambda item: (-item[1], item[0]))
        console.print("locales: " + ", ".join(f"{name} {number(n)}" for name, n in spread))


def reasons(counts: Mapping[str, int]) -> str:
    """`3 (hard 2, complaint 1)`."""
    each = ", ".join(f"{why} {number(count)}" for why, count in counts.items())
    return f"{number(sum(counts.values()))} ({each})"


def translation(result: results.TranslateResult, console: Console) -> None:
    """`translate status` and `translate update`."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    headings = ("locale", "translated", "missing", "stale", "words left", "offered", "")
    for heading in headings:
        grid.add_column(heading, justify="left" if heading in ("locale", "") else "right")
    for line in result.catalogues:
        instead = f"not sent yet: they read {line.fallback}" if line.fallback else ""
        counts = (line.translated, line.missing, line.stale, line.words, line.offered)
        grid.add_row(line.locale, *map(number, counts), instead)
    console.print(grid)
    left = [line for line in result.catalogues if line.missing or line.stale]
    for line in left:
        open_ = " and ".join(
            f"{number(count)} {word}"
            for count, word in ((line.missing, "missing"), (line.stale, "stale"))
            if count
        )
        said = f"{line.locale}: {open_}, {counted(line.words, 'word')} left"
        offered = f"; {counted(line.offered, 'offer')} from memory to confirm"
        console.print(escape(said + (offered if line.offered else "")))
    if not left:
        console.print("everything is translated")
    if result.named:
        console.print(f"{counted(result.named, 'block')} of body.md got an id")
    for file in result.written:
        console.print(f"wrote {escape(file)}")


def exported(result: results.ExportResult, console: Console) -> None:
    """`translate export`."""
    for file in result.files:
        console.print(f"wrote {escape(file)}")


def imported(result: results.ImportResult, console: Console) -> None:
    """`translate import`."""
    for file in result.files:
        left = f", {number(file.open)} still open" if file.open else ""
        said = f"{file.file}: {counted(file.changed, 'text')} taken into {file.locale}"
        console.print(escape(f"{said}, {number(file.same)} as before{left}"))
    translation(results.TranslateResult(result.notice, result.catalogues), console)


def preview(result: results.PreviewResult, console: Console) -> None:
    """`preview`: what was written, why these, and where to look."""
    findings(result.findings, console)
    pictures = sum(file.endswith(".png") for file in result.files)
    for case in result.cases:
        if case.recipient:
            console.print(f"{escape(case.stem)}: recipient {escape(case.recipient)}, {case.why}")
    said = f"wrote {counted(len(result.cases), 'message')} (.html, .txt, .eml)"
    if pictures:
        said += f" and {counted(pictures - 1, 'picture')}"
    console.print(f"{said} into {escape(result.folder)}")
    if pictures:
        console.print(f"look at {escape(result.folder)}/contact-sheet.html")


def status(result: results.StatusResult, console: Console) -> None:
    """`status`."""
    if not result.mailings:
        console.print("no mailing yet; make one with: severally send NOTICE --audience FILE")
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("mailing", "notice", "state", "audience", "accepted", "open", "made"):
        grid.add_column(heading, justify="right" if heading in _RIGHT else "left")
    for line in result.mailings:
        waiting = sum(line.counts[word] for word in _WAITING)
        grid.add_row(
            line.mailing,
            line.notice,
            f"{line.state} ({line.reason})" if line.reason else line.state,
            number(line.audience),
            number(line.counts["accepted"]),
            number(waiting),
            moment(line.created_at),
        )
    console.print(grid)
    for line in result.mailings:
        if line.waits:
            console.print(f"{line.mailing} waits: {escape(line.waits)}")
        if line.left_s:
            console.print(f"{line.mailing} takes about {duration(line.left_s)} more as it goes now")
    at_work = "a process is delivering" if result.delivering else "no process is delivering"
    console.print(f"{result.purpose} workspace; {at_work}")


_RIGHT = frozenset({"audience", "accepted", "open"})
_WAITING = ("ready", "claimed", "attempting", "deferred", "held")


def report(result: results.Report, console: Console) -> None:
    """`report`, `send`, `resume`: a table that adds up."""
    state = f"{result.state}: {result.reason}" if result.reason else result.state
    console.print(f"[bold]{result.mailing}[/bold]  {escape(result.notice)}  {escape(state)}")
    grid = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(justify="right")
    grid.add_column()
    grid.add_column(style="dim")
    for word, count in result.counts.items():
        if count:
            grid.add_row(number(count), word.replace("_", " "), _WORDS.get(word, ""))
    grid.add_row("─" * len(number(result.audience)), "", "")
    grid.add_row(number(result.audience), "in the audience", "")
    console.print(grid)
    if result.excluded:
        console.print(f"excluded because suppressed: {reasons(result.excluded)}")
    if result.canary:
        paint_staged.canary(result.canary, console)
    console.print(_lanes(result))
    if result.figures is not None:
        figures(result.figures, console)
    for deed in result.history:
        if deed.what == "waits" or deed.what.startswith("step "):
            console.print(f"{moment(deed.at)}  {deed.what}: {escape(deed.detail)}")
    took = f"took {duration(result.elapsed_s)}" if result.elapsed_s else "not begun"
    console.print(
        f"{took}, estimated {duration(result.estimate_s)}; "
        f"the guard sealed {number(result.guard.sealed)} and refused {result.guard.refused}"
    )
    _ids("in doubt", result.in_doubt, console)
    _ids("blocked", result.blocked, console)
    if result.exit_code and result.state != "done":
        console.print(f"go on with: severally resume {result.mailing}")


def _lanes(result: results.Report) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    columns = ("lane", "recipients", "accepted", "first", "last", "busiest second", "connections")
    for heading in columns:
        grid.add_column(heading, justify="left" if heading == "lane" else "right")
    for lane in result.lanes:
        grid.add_row(
            lane.lane,
            number(lane.recipients),
            number(lane.counts["accepted"]),
            moment(lane.first_at),
            moment(lane.last_at),
            number(lane.peak_rate),
            number(lane.peak_connections),
        )
    return grid


def _ids(word: str, ids: tuple[str, ...], console: Console) -> None:
    if ids:
        console.print(f"{word}: {escape(', '.join(ids[:20]))}{_more(len(ids) - 20)}")


def halt(result: results.HaltResult, console: Console) -> None:
    """`halt`."""
    if not result.halted and not result.guard:
        console.print("nothing is under way")
    if result.guard:
        console.print("halted the drop-in guard; go on with: severally resume --guard")
    for mailing in result.halted:
        console.print(f"halted {mailing}; go on with: severally resume {mailing}")
