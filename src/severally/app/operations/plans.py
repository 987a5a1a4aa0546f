"""`plan`: the scheduler that sends, run on a clock that jumps, over this audience."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from severally.app.config import Workspace
from severally.app.lanes import lane_of, source_of
from severally.app.office import Office
from severally.app.operations import audiences, capacity, drafts
from severally.app.operations.forecast import Forecast
from severally.app.operations.languages import languages, undeclared
from severally.app.operations.results import PlanLane, PlanResult, view_of
from severally.model.lane import Lane
from severally.model.mailing import Frozen
from severally.pace.plan import Plan


def plan(
    office: Office,
    name: str,
    file: Path,
    route_name: str | None,
    accept_rejects: int | None,
) -> PlanResult:
    """How it would go. Raises Refused for what would stop the send."""
    route = office.workspace.choose_route(route_name)
    draft = drafts.compiled(office, name)
    frozen = drafts.freeze(office, draft, route)
    with audiences.reading(office, file, draft.notice, route) as read:
        audiences.refuse_unsound(read.result, accept_rejects)
        planned = estimate(office, frozen, read.receivers)
    read_in = languages(draft.notice, draft.stencils, read.result.locales)
    findings = (*draft.warnings, *undeclared(draft.notice, read_in))
    return PlanResult(
        draft.notice.name,
        route,
        planned.count,
        round(planned.makespan_s, 3),
        planned.bottleneck,
        _lanes(office.workspace, route, read.receivers, planned),
        read.result,
        tuple(view_of(finding) for finding in findings),
        read_in,
    )


def estimate(office: Office, frozen: Frozen, receivers: Mapping[str, int]) -> Plan:
    """The plan for so many recipients per receiver. Times in seconds from the start."""
    workspace = office.workspace
    speed = capacity.per_second(office, frozen)
    return Forecast(workspace, frozen.route, receivers, speed, workspace.max_in_doubt).run()


def _lanes(
    workspace: Workspace, route: str, receivers: Mapping[str, int], planned: Plan
) -> tuple[PlanLane, ...]:
    by_key = {
        lane.key: (receiver, lane)
        for receiver, lane in ((each, lane_of(workspace, route, each)) for each in receivers)
    }
    return tuple(
        _lane(workspace, *by_key[each.lane], each.count, each.finish_s) for each in planned.lanes
    )


def _lane(workspace: Workspace, receiver: str, lane: Lane, count: int, finish_s: float) -> PlanLane:
    limits = lane.limits
    return PlanLane(
        lane.key,
        count,
        str(limits.rate) if limits.rate else "",
        limits.connections,
        limits.messages_per_connection,
        source_of(workspace, lane.route, receiver),
        round(finish_s, 3),
    )
