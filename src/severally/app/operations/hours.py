"""Who waits for the hours in which they may be written to, seen through the ledger."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from severally.app.office import Office
from severally.app.words import moment, number
from severally.model.delivery import OPEN, DeliveryState
from severally.model.mailing import Cohort
from severally.model.schedule import Schedule
from severally.pace.calendar import Hours


class Asleep(msgspec.Struct, frozen=True):
    """So many are outside their hours; the first of them may leave at `opens_at` (Unix)."""

    count: int
    opens_at: float

    def __str__(self) -> str:
        return f"{number(self.count)} outside their hours, the next from {moment(self.opens_at)}"


def asleep(
    times: Schedule,
    cohorts: Mapping[Cohort, Mapping[DeliveryState, int]],
    lane_of: Mapping[str, str],
    now: float,
) -> dict[str, Asleep]:
    """By lane; lanes where everybody may leave are left out."""
    found: dict[str, Asleep] = {}
    for cohort, counts in cohorts.items():
        left = sum(counts.get(state, 0) for state in OPEN)
        hours = Hours(times, cohort.zone)
        if left and not hours.open(now):
            lane = lane_of[cohort.receiver]
            before = found.get(lane, Asleep(0, hours.until(now)))
            opens_at = min(before.opens_at, hours.until(now))
            found[lane] = Asleep(before.count + left, opens_at)
    return found


def asleep_now(office: Office, mailing_id: str, times: Schedule | None = None) -> dict[str, Asleep]:
    """By lane, of a mailing as it stands in the ledger. `times`: its own, where they are known."""
    ledger = office.ledger
    times = ledger.frozen(mailing_id).times if times is None else times
    if times == Schedule():
        return {}
    tally = ledger.tally(mailing_id)
    cohorts = {cohort: tally.get(cohort.id, {}) for cohort in ledger.cohorts(mailing_id)}
    return asleep(times, cohorts, ledger.lanes(mailing_id), office.wiring.clock.wall())


def summed(lanes: Mapping[str, Asleep]) -> str:
    """Over all lanes, in words; empty where nobody waits."""
    if not lanes:
        return ""
    count = sum(each.count for each in lanes.values())
    return str(Asleep(count, min(each.opens_at for each in lanes.values())))
