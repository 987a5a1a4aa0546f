"""The desk: keeps what was checked, in groups, and hands it to whoever sends.

A caller is told "accepted" when it is on disk, and not before. Whoever is suppressed is said so at
once. Not responsible for what is asked for (`asking`) nor for sending (`deliver.urgent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from severally.app.urgent.asking import Checked
from severally.app.urgent.settings import UrgentSettings
from severally.deliver.journal import OffLoop
from severally.deliver.urgent.courier import Courier
from severally.deliver.urgent.grouped import Grouped
from severally.model.delivery import DeliveryState
from severally.model.errors import Refused
from severally.model.urgent import Answer, Caps, Standing, Tracked
from severally.ports import Ledger

SUPPRESSED = "suppressed: "


class Suppressed(Refused):
    """This person gets no messages of this kind."""


class Capped(Refused):
    """More than somebody thought of; nothing was accepted."""


class Desk:
    """`courier` None: another process sends, and finds in the record what is accepted here."""

    courier: Courier | None = None

    def __init__(
        self,
        ledger: Ledger,
        settings: UrgentSettings,
        off_loop: OffLoop[Any],
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._group: Grouped[Checked, Answer] = Grouped(self._keep, off_loop)
        self.run = self._group.run

    async def accept(self, checked: Checked) -> Answer:
        """Done when it is on disk. Raises Suppressed, Capped, and LedgerError where the record
        could not be written."""
        answer = await self._group.add(checked)
        if answer.capped:
            raise _refusal(answer.capped)
        if self.courier and answer.state is DeliveryState.CLAIMED and not answer.repeated:
            self.courier.take(Tracked(checked.urgent, Standing(answer.state)))
        return answer

    async def settle(self) -> None:
        """What is in hand is sent or given back."""
        if self.courier is not None:
            await self.courier.settle()

    def _keep(self, batch: Sequence[Checked]) -> Sequence[Answer]:
        ours = self.courier is not None and self.courier.room
        return keep(self._ledger, self._settings, batch, ours)


def keep(
    ledger: Ledger, settings: UrgentSettings, batch: Sequence[Checked], claimed: bool
) -> Sequence[Answer]:
    """One durable transaction, after a look at who is suppressed."""
    caps = [_caps(ledger, settings, each) for each in batch]
    pairs = list(zip((each.urgent for each in batch), caps, strict=True))
    return ledger.accept_urgent(pairs, claimed)


def accepted(ledger: Ledger, settings: UrgentSettings, checked: Checked) -> Answer:
    """One message kept without a desk. Raises Suppressed and Capped."""
    (answer,) = keep(ledger, settings, [checked], claimed=False)
    if answer.capped:
        raise _refusal(answer.capped)
    return answer


def _caps(ledger: Ledger, settings: UrgentSettings, checked: Checked) -> Caps:
    urgent = checked.urgent
    caps = settings.caps_of(urgent.event)
    found = ledger.suppressed(urgent.person, checked.kind, urgent.accepted_at)
    if found is None:
        return caps
    return msgspec.structs.replace(caps, barred=f"{SUPPRESSED}{found.why.value}")


def _refusal(why: str) -> Refused:
    if why.startswith(SUPPRESSED):
        return Suppressed(
            f"this person gets no messages of this kind ({why.removeprefix(SUPPRESSED)})"
        )
    return Capped(f"{why}; nothing was accepted")
