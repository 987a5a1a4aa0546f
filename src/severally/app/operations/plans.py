"""`plan`: the scheduler that sends, run on a clock that jumps, over this audience."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from severally.adapters.providers import shipped_providers
from severally.app.config import Workspace
from severally.app.lanes import OTHER, lane_of, source_of
from severally.app.office import Office
from severally.app.operations import audiences, capacity, drafts, whatif
from severally.app.operations.forecast import Forecast
from severally.app.operations.languages import languages, undeclared
from severally.app.operations.results import PlanLane, PlanResult, view_of
from severally.app.sections import ApiRoute, MxRoute, SmtpRoute
from severally.app.words import moment
from severally.model.mailing import Frozen
from severally.pace.plan import LanePlan, Plan


def plan(
    office: Office,
    name: str,
    file: Path,
    route_name: str | None,
    accept_rejects: int | None,
    by: float | None = None,
    start: float | None = None,
) -> PlanResult:
    """How it would go. `by` and `start` are Unix seconds. Raises Refused for what would stop it."""
    route = office.workspace.choose_route(route_name)
    draft = drafts.compiled(office, name)
    frozen = drafts.freeze(office, draft, route, start)
    window = frozen.times.window
    with audiences.reading(office, file, draft.notice, route, window=window) as read:
        audiences.refuse_unsound(read.result, accept_rejects)
        asked = forecast(office, frozen, read)
    by = frozen.times.by if by is None else by
    read_in = languages(draft.notice, draft.stencils, read.result.locales)
    findings = (*draft.warnings, *undeclared(draft.notice, read_in))
    planned, longest = asked.run(), asked.longest().run()
    changes = whatif.rows(asked, planned, relays(office.workspace, asked))
    times = any(row.kind == whatif.TIMES for row in changes)
    return PlanResult(
        draft.notice.name,
        route,
        planned.count,
        round(planned.makespan_s, 3),
        round(max(planned.makespan_s, longest.makespan_s), 3),
        planned.bottleneck,
        whatif.TIMES if times else planned.limit,
        "" if times else planned.limit_of,
        _lanes(asked, planned, longest),
        tuple(changes),
        round(by - asked.began, 3) if by else 0.0,
        isinstance(office.workspace.routes[route], MxRoute),
        tuple((round(at, 3), done) for at, done in planned.curve),
        read.result,
        tuple(view_of(finding) for finding in findings),
        read_in,
        round(asked.began, 3),
        frozen.times.start,
        str(frozen.times.window or ""),
    )


def forecast(office: Office, frozen: Frozen, read: audiences.Reading) -> Forecast:
    """What is asked: those who were read, with this machine as it is now."""
    workspace = office.workspace
    zones: dict[str, dict[str, int]] = {}
    for (receiver, zone), count in read.zones.items():
        zones.setdefault(receiver, {})[zone] = count
    return Forecast(
        workspace,
        frozen.route,
        read.receivers,
        capacity.per_second(office, frozen),
        workspace.max_in_doubt,
        near=workspace.allowed.only_here,
        times=frozen.times,
        zones=zones,
        began=office.wiring.clock.wall(),
        learned=office.wiring.lane_memory(workspace).recall(),
    )


def estimate(office: Office, frozen: Frozen, read: audiences.Reading) -> Plan:
    """The plan for those who were read. Times in seconds from now."""
    return forecast(office, frozen, read).run()


def relays(workspace: Workspace, asked: Forecast) -> list[Forecast]:
    """By the other routes through a relay or an API, recipients counted as those would count them.
    (What another direct route would do, a plan of its own says: DNS is asked for it.)"""
    known = {provider.id for provider in shipped_providers()} | set(workspace.limits)
    counts: dict[str, int] = {}
    zones: dict[str, dict[str, int]] = {}
    for receiver, zone, count in asked.parts():
        name = receiver if receiver in known else OTHER
        counts[name] = counts.get(name, 0) + count
        here = zones.setdefault(name, {})
        here[zone] = here.get(zone, 0) + count
    return [
        replace(asked, route=name, receivers=counts, zones=zones)
        for name, route in workspace.routes.items()
        if name != asked.route and isinstance(route, SmtpRoute | ApiRoute)
    ]


def _lanes(asked: Forecast, planned: Plan, longest: Plan) -> tuple[PlanLane, ...]:
    keys = {each: lane_of(asked.workspace, asked.route, each).key for each in asked.receivers}
    receivers = {key: receiver for receiver, key in keys.items()}
    most = {lane.lane: lane.finish_s for lane in longest.lanes}
    return tuple(
        _lane(asked, receivers[each.lane], each, most[each.lane]) for each in planned.lanes
    )


def _lane(asked: Forecast, receiver: str, planned: LanePlan, longest_s: float) -> PlanLane:
    limits = lane_of(asked.workspace, asked.route, receiver).limits
    rate = asked.rate_of(receiver)
    source = source_of(asked.workspace, asked.route, receiver)
    if rate != limits.rate:
        when = moment(asked.learned[planned.lane].at)
        source = f"learned {when}; configured {limits.rate or 'no limit'}, {source}".rstrip(", ")
    return PlanLane(
        planned.lane,
        planned.count,
        str(rate or ""),
        limits.connections,
        limits.messages_per_connection,
        source,
        round(planned.finish_s, 3),
        round(max(planned.finish_s, longest_s), 3),
        planned.bound,
    )
