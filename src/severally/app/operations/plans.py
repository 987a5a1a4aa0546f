"""`plan`: the scheduler that sends, run on a clock that jumps, over this audience."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from severally.adapters.providers import shipped_providers
from severally.app.config import Workspace
from severally.app.lanes import OTHER, lane_of, source_of
from severally.app.office import Office
from severally.app.operations import audiences, capacity, drafts, whatif
from severally.app.operations.forecast import Forecast
from severally.app.operations.languages import languages, undeclared
from severally.app.operations.results import PlanLane, PlanResult, view_of
from severally.app.sections import MxRoute, SmtpRoute
from severally.model.mailing import Frozen
from severally.pace.plan import LanePlan, Plan


def plan(
    office: Office,
    name: str,
    file: Path,
    route_name: str | None,
    accept_rejects: int | None,
    by: float | None = None,
) -> PlanResult:
    """How it would go. `by` is Unix seconds. Raises Refused for what would stop the send."""
    route = office.workspace.choose_route(route_name)
    draft = drafts.compiled(office, name)
    frozen = drafts.freeze(office, draft, route)
    with audiences.reading(office, file, draft.notice, route) as read:
        audiences.refuse_unsound(read.result, accept_rejects)
        asked = forecast(office, frozen, read.receivers)
    read_in = languages(draft.notice, draft.stencils, read.result.locales)
    findings = (*draft.warnings, *undeclared(draft.notice, read_in))
    planned, longest = asked.run(), asked.longest().run()
    return PlanResult(
        draft.notice.name,
        route,
        planned.count,
        round(planned.makespan_s, 3),
        round(max(planned.makespan_s, longest.makespan_s), 3),
        planned.bottleneck,
        planned.limit,
        planned.limit_of,
        _lanes(office.workspace, asked, planned, longest),
        tuple(whatif.rows(asked, planned, relays(office.workspace, asked))),
        0.0 if by is None else round(by - office.wiring.clock.wall(), 3),
        isinstance(office.workspace.routes[route], MxRoute),
        tuple((round(at, 3), done) for at, done in planned.curve),
        read.result,
        tuple(view_of(finding) for finding in findings),
        read_in,
    )


def forecast(office: Office, frozen: Frozen, receivers: Mapping[str, int]) -> Forecast:
    """What is asked: so many recipients per receiver, with this machine as it is now."""
    workspace = office.workspace
    speed = capacity.per_second(office, frozen)
    near = workspace.allowed.only_here
    return Forecast(workspace, frozen.route, receivers, speed, workspace.max_in_doubt, near=near)


def estimate(office: Office, frozen: Frozen, receivers: Mapping[str, int]) -> Plan:
    """The plan for so many recipients per receiver. Times in seconds from the start."""
    return forecast(office, frozen, receivers).run()


def relays(workspace: Workspace, asked: Forecast) -> dict[str, dict[str, int]]:
    """The other routes through a relay, and the recipients by receiver as those would count them.
    (What another direct route would do, a plan of its own says: DNS is asked for it.)"""
    known = {provider.id for provider in shipped_providers()} | set(workspace.limits)
    counts: dict[str, int] = {}
    for receiver, count in asked.receivers.items():
        name = receiver if receiver in known else OTHER
        counts[name] = counts.get(name, 0) + count
    return {
        name: counts
        for name, route in workspace.routes.items()
        if name != asked.route and isinstance(route, SmtpRoute)
    }


def _lanes(
    workspace: Workspace, asked: Forecast, planned: Plan, longest: Plan
) -> tuple[PlanLane, ...]:
    receivers = {lane_of(workspace, asked.route, each).key: each for each in asked.receivers}
    most = {lane.lane: lane.finish_s for lane in longest.lanes}
    return tuple(
        _lane(workspace, asked.route, receivers[each.lane], each, most[each.lane])
        for each in planned.lanes
    )


def _lane(
    workspace: Workspace, route: str, receiver: str, planned: LanePlan, longest_s: float
) -> PlanLane:
    limits = lane_of(workspace, route, receiver).limits
    return PlanLane(
        planned.lane,
        planned.count,
        str(limits.rate) if limits.rate else "",
        limits.connections,
        limits.messages_per_connection,
        source_of(workspace, route, receiver),
        round(planned.finish_s, 3),
        round(max(planned.finish_s, longest_s), 3),
        planned.bound,
    )
