"""How long a mailing that is under way will take still: planned anew from what was observed.

The very scheduler over who is left, with the rates that receivers were found to take, the silences
they asked for, and the hours of those who sleep. Not for what was promised before it began.
"""

from __future__ import annotations

from severally.app.office import Office
from severally.app.operations import capacity
from severally.app.operations.forecast import Forecast
from severally.model.delivery import DeliveryState
from severally.model.errors import SeverallyError
from severally.model.mailing import Mailing
from severally.pace.plan import Plan

UNITS = 3_000
_LEFT = (
    DeliveryState.READY,
    DeliveryState.CLAIMED,
    DeliveryState.ATTEMPTING,
    DeliveryState.DEFERRED,
)


class Replanning:
    """For one mailing. The machine's speed is measured once."""

    def __init__(self, office: Office, mailing: Mailing) -> None:
        self._office = office
        self._mailing = mailing
        self._frozen = office.ledger.frozen(mailing.id)
        self._speed = capacity.per_second(office, self._frozen)

    def left_s(self) -> float:
        """Seconds until the last of them is answered; those put off as if they were due now."""
        return self.left().makespan_s

    def left(self) -> Plan:
        """Those who are left, from now on; steps that a gate holds back as if it passed now."""
        workspace, wiring = self._office.workspace, self._office.wiring
        receivers, zones = self._who()
        asked = Forecast(
            workspace,
            self._frozen.route,
            receivers,
            self._speed,
            workspace.max_in_doubt,
            UNITS,
            near=workspace.allowed.only_here,
            times=self._frozen.times,
            zones=zones,
            began=wiring.clock.wall(),
            learned=wiring.lane_memory(workspace).recall(),
        )
        return asked.run()

    def _who(self) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        ledger = self._office.ledger
        tally = ledger.tally(self._mailing.id)
        receivers: dict[str, int] = {}
        zones: dict[str, dict[str, int]] = {}
        for cohort in ledger.cohorts(self._mailing.id):
            counts = tally.get(cohort.id, {})
            if left := sum(counts.get(state, 0) for state in _LEFT):
                receivers[cohort.receiver] = receivers.get(cohort.receiver, 0) + left
                here = zones.setdefault(cohort.receiver, {})
                here[cohort.zone] = here.get(cohort.zone, 0) + left
        return receivers, zones


def left_s(office: Office, mailing: Mailing) -> float:
    """Seconds still; 0.0 where that cannot be said, for want of its route or a key."""
    if mailing.route not in office.workspace.routes:
        return 0.0
    try:
        return Replanning(office, mailing).left_s()
    except SeverallyError:
        return 0.0
