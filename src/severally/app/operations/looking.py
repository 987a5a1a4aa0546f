"""`status` and `report`: what the ledger says, in a form that adds up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from severally.app.office import Office
from severally.app.operations import hours
from severally.app.operations.figure_results import Figures
from severally.app.operations.replanning import left_s
from severally.app.operations.results import (
    Deed,
    GuardReport,
    LaneReport,
    MailingLine,
    Report,
    StatusResult,
)
from severally.app.operations.stage_results import CanaryReport
from severally.model.delivery import DeliveryState
from severally.model.entries import LaneStat
from severally.model.errors import UsageError
from severally.model.mailing import SENTINELS, Mailing, MailingState
from severally.model.staging import waits_for
from severally.model.suppression import Why

_MOST_IDS = 10_000
SENDING = frozenset({MailingState.CANARY, MailingState.RAMPING, MailingState.SENDING})
_STEPPING = frozenset({MailingState.REHEARSED, MailingState.CANARY, MailingState.RAMPING})
Tally = Mapping[int, Mapping[DeliveryState, int]]


def choose(office: Office, mailing_id: str | None) -> Mailing:
    """The mailing with this id, or the newest. Raises UsageError where there is none."""
    if mailing_id is not None:
        return office.ledger.mailing(mailing_id)
    mailings = [m for m in office.ledger.mailings() if not m.id.endswith(SENTINELS)]
    if not mailings:
        raise UsageError("this workspace has no mailing yet; make one with: severally send")
    return mailings[-1]


def status(office: Office, mailing_id: str | None = None) -> StatusResult:
    """One mailing, or all, the newest first."""
    ledger = office.ledger
    mailings = [ledger.mailing(mailing_id)] if mailing_id else reversed(ledger.mailings())
    lines = tuple(_line(office, mailing, ledger.tally(mailing.id)) for mailing in mailings)
    return StatusResult(office.workspace.purpose, office.lock.held_by_anyone(), lines)


def report(office: Office, mailing_id: str, figures: Figures | None = None) -> Report:
    """Every recipient of a mailing, accounted for."""
    ledger = office.ledger
    mailing = ledger.mailing(mailing_id)
    tally = ledger.tally(mailing_id)
    ended = mailing.ended_at or office.wiring.clock.wall()
    return Report(
        mailing=mailing.id,
        notice=mailing.notice,
        state=mailing.state.value,
        reason=mailing.reason,
        route=mailing.route,
        digest=mailing.digest,
        audience=mailing.count,
        counts=in_words(total(tally)),
        lanes=_lanes(office, mailing_id, tally),
        estimate_s=round(mailing.estimate_s, 3),
        elapsed_s=round(max(0.0, ended - mailing.started_at), 3) if mailing.started_at else 0.0,
        guard=GuardReport(*ledger.guard_counts(mailing_id)),
        in_doubt=_ids(office, mailing_id, DeliveryState.IN_DOUBT),
        blocked=_ids(office, mailing_id, DeliveryState.BLOCKED),
        history=tuple(Deed(act.at, act.what, act.detail) for act in ledger.acts(mailing_id)),
        excluded=by_reason(ledger.exclusions(mailing_id)),
        figures=figures,
        canary=_canary(office, mailing_id, tally),
    )


def _canary(office: Office, mailing_id: str, tally: Tally) -> CanaryReport | None:
    """Its customers and our own people: `[staging] staff` names the receivers of those."""
    plan = office.ledger.frozen(mailing_id).staging
    if plan is None:
        return None
    steps = {index for index, step in enumerate(plan.steps) if step.name == "canary"}
    ours: dict[int, Mapping[DeliveryState, int]] = {}
    others: dict[int, Mapping[DeliveryState, int]] = {}
    for cohort in office.ledger.cohorts(mailing_id):
        if cohort.step in steps:
            staff = cohort.receiver in office.workspace.staging.staff
            (ours if staff else others)[cohort.id] = tally.get(cohort.id, {})
    return CanaryReport(_present(total(others)), _present(total(ours)))


def _present(counts: Mapping[DeliveryState, int]) -> dict[str, int]:
    return {state.word: count for state, count in sorted(counts.items()) if count}


def by_reason(excluded: Mapping[Why, int]) -> dict[str, int]:
    """Excluded recipients by the word of their reason."""
    return {why.value: count for why, count in sorted(excluded.items())}


def total(tally: Tally) -> dict[DeliveryState, int]:
    """Deliveries by state over all cohorts, zeros left out."""
    counts: dict[DeliveryState, int] = {}
    for states in tally.values():
        for state, count in states.items():
            counts[state] = counts.get(state, 0) + count
    return counts


def in_words(counts: Mapping[DeliveryState, int]) -> dict[str, int]:
    """Every state by its word, zeros included."""
    return {state.word: counts.get(state, 0) for state in DeliveryState}


def by_lane(office: Office, mailing_id: str, tally: Tally) -> dict[str, dict[DeliveryState, int]]:
    """Deliveries by lane and state."""
    lane_of = office.ledger.lanes(mailing_id)
    lanes: dict[str, dict[DeliveryState, int]] = {}
    for cohort in office.ledger.cohorts(mailing_id):
        counts = lanes.setdefault(lane_of[cohort.receiver], {})
        for state, count in tally.get(cohort.id, {}).items():
            counts[state] = counts.get(state, 0) + count
    return lanes


def _lanes(office: Office, mailing_id: str, tally: Tally) -> tuple[LaneReport, ...]:
    stats = {stat.lane: stat for stat in office.ledger.lane_stats(mailing_id)}
    lanes = by_lane(office, mailing_id, tally)
    return tuple(
        _lane(lane, counts, stats.get(lane, LaneStat(lane)))
        for lane, counts in sorted(lanes.items(), key=_largest_first)
    )


def _largest_first(item: tuple[str, Mapping[DeliveryState, int]]) -> tuple[int, str]:
    return -sum(item[1].values()), item[0]


def _lane(lane: str, counts: Mapping[DeliveryState, int], stat: LaneStat) -> LaneReport:
    return LaneReport(
        lane,
        sum(counts.values()),
        in_words(counts),
        stat.first_at,
        stat.last_at,
        stat.peak_rate,
        stat.peak_connections,
    )


def _ids(office: Office, mailing_id: str, state: DeliveryState) -> tuple[str, ...]:
    found = office.ledger.recipients_in(mailing_id, state, _MOST_IDS)
    return tuple(recipient for recipient, _ in found)


def _line(office: Office, mailing: Mailing, tally: Tally) -> MailingLine:
    return MailingLine(
        mailing.id,
        mailing.notice,
        mailing.state.value,
        mailing.reason,
        mailing.route,
        mailing.count,
        in_words(total(tally)),
        mailing.created_at,
        mailing.started_at,
        mailing.ended_at,
        mailing.estimate_s,
        "; ".join(_waits(office, mailing)),
        round(left_s(office, mailing), 3) if mailing.state in SENDING else 0.0,
    )


def _waits(office: Office, mailing: Mailing) -> Iterator[str]:
    """For a gate or a person, and for the hours of those who may be written to."""
    if mailing.state in _STEPPING and (words := waits_for(office.ledger.acts(mailing.id))):
        yield words
    if mailing.state in SENDING and (words := hours.summed(hours.asleep_now(office, mailing.id))):
        yield words
