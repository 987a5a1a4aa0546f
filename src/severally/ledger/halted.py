"""What every ledger must agree on about halts: that they stand, and what may be withdrawn. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from severally.model.delivery import DeliveryState
from severally.model.errors import Refused
from severally.model.mailing import Mailing, MailingState


def halted_since(mailing: Mailing, halt_epoch: int | None) -> bool:
    """Whether it was halted after somebody read this epoch of it."""
    return halt_epoch is not None and mailing.halt_epoch != halt_epoch


def check_withdrawal(mailing: Mailing, counts: Mapping[DeliveryState, int]) -> None:
    """Raises Refused where its deliveries cannot be withdrawn now; `counts` by state."""
    if mailing.state is not MailingState.HALTED:
        raise Refused(
            f"the mailing {mailing.id} is {mailing.state}; halt it first: severally halt"
            f" {mailing.id}"
        )
    held = counts.get(DeliveryState.CLAIMED, 0) + counts.get(DeliveryState.ATTEMPTING, 0)
    if held:
        raise Refused(
            f"{held:,} messages of {mailing.id} are in the hands of a process; it gives them back "
            "within seconds if it is alive, and the next one that delivers if it is not: try again"
        )


WITHDRAWABLE = (DeliveryState.READY, DeliveryState.DEFERRED, DeliveryState.HELD)
"""What of a halted mailing was not sent and has not ended."""
