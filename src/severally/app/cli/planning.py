"""The verbs that look ahead: plan, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from severally.app.cli import options
from severally.app.cli.session import Session
from severally.app.cli.texts import after
from severally.model.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command(epilog=_PLAN)(plan)
    app.command(epilog=_SIMULATE)(simulate)


_PLAN = after(
    "severally plan index-change --audience customers.csv",
    "severally plan index-change --audience customers.csv --by +2h --chart curve.svg",
    "severally plan index-change --audience customers.csv --start +12h --route main --json",
    codes=(0, 1, 2, 3),
)


def plan(
    ctx: typer.Context,
    notice: options.NoticeName,
    audience: options.AudienceFile,
    route: options.RouteName = None,
    accept_rejects: options.AcceptRejects = None,
    start: options.Start = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Would everybody be told by then? 2026-12-01T18:00:00Z, 18:00 or +2h.",
        ),
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw the curve of completion: .svg or .png."),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Say how a mailing would go, and when it would end.

    Lanes, their limits and where they come from, the end of each and of the whole, the
    bottleneck, and what would make it quicker: each row is the same question with one thing
    changed. Runs the very scheduler that sends, on a clock that jumps. Nothing is kept or sent.
    Windows and start times of notice.toml and [windows] hold as they will. With --by, or a deadline
    in notice.toml, it says whether everybody is told in time, and what would do it.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_plan
    from severally.app.operations import charts, plans
    from severally.app.operations.moments import moment

    ends, begins = moment(by, option="--by"), moment(start, option="--start")
    with session.office() as office:
        if chart is not None:
            charts.check(office, chart)
        result = plans.plan(office, notice, audience, route, accept_rejects, ends, begins)
        if chart is not None:
            charts.write(office, chart, f"{notice} on route {result.route}", result.curve)
    session.show(result, paint_plan.plan)


_SIMULATE = after(
    "severally simulate",
    "severally simulate index-change --recipients 2000000 --domains 3000",
    "severally simulate --recipients 1000000 --route main --workers 2 --json",
    "severally simulate --mix domains.csv --speed 1500",
    codes=(0, 1, 2, 3),
)


def simulate(
    ctx: typer.Context,
    notice: Annotated[
        str | None,
        typer.Argument(
            metavar="NOTICE",
            help="Measure this machine with it; without it, or --speed, 2,000 messages/s.",
            show_default=False,
        ),
    ] = None,
    recipients: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=10_000_000_000, help="How many are told."),
    ] = 1_000_000,
    domains: Annotated[
        int, typer.Option(metavar="N", min=1, max=100_000, help="At how many domains.")
    ] = 5_000,
    mix: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A CSV with domain,recipients instead of a made-up audience."
        ),
    ] = None,
    route: options.RouteName = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=4096, help="With so many machines like this one."),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(metavar="N", min=1, help="Messages/s that one machine makes."),
    ] = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Say what a mailing of any size would take: makespan, machine-hours, workers.

    Runs the very scheduler that sends, over counts only, on a clock that jumps: a hundred
    million recipients take a minute. Without --workers it finds the fewest machines that make
    it as fast as the receiving providers and the route allow. Each has [sending] max_in_doubt
    messages on the way. Nothing is looked up, kept or sent.
    """
    session: Session = ctx.obj.called(workspace, json)
    from severally.app.cli import paint_plan
    from severally.app.operations import mix as mixes
    from severally.app.operations import simulating

    if notice is not None and speed is not None:
        raise UsageError("say either NOTICE or --speed: with a notice the speed is measured")
    told = mixes.read(mix) if mix is not None else mixes.made_up(recipients, domains)
    with session.office() as office:
        result = simulating.simulate(office, told, notice, route, workers, speed)
    session.show(result, paint_plan.simulate)
