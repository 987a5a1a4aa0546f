"""What receivers said no to while it was being sent, heard as a bounce would be.

Responsible for the event that goes with such a record, in the same turn: no refusal is recorded
whose recipient is not judged. Not for what it means (`feedback.dialogue`), nor for whom it bars
(the ledger).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from severally.deliver.parcel import Parcel
from severally.deliver.parties import CipherOf, party_of
from severally.feedback.dialogue import given_up, refused
from severally.model.delivery import DeliveryState
from severally.model.entries import Record
from severally.model.event import NOBODY, Event
from severally.model.notice import Kind
from severally.model.outcome import Action, Outcome, Verdict
from severally.ports import Keys

Heard = tuple[Record, Event | None]
Hear = Callable[[Parcel, Outcome, Verdict, Record, float, Kind], Heard]
"""The record of an outcome and the event that goes with it, at a time (Unix seconds), about a
notice of this kind."""
_JUDGES = {DeliveryState.REFUSED: refused, DeliveryState.EXPIRED: given_up}


def unheard(
    parcel: Parcel, outcome: Outcome, verdict: Verdict, record: Record, now: float, notice: Kind
) -> Heard:
    """Where nobody keeps who may be written to: a simulation has no addresses."""
    return record, None


def refusals(keys: Keys, cipher_of: CipherOf) -> Hear:
    """Hears what ends a delivery in the dialogue. Where only the class says that there is nobody,
    the record's rule says so too: gates count by it."""

    def hear(
        parcel: Parcel, outcome: Outcome, verdict: Verdict, record: Record, now: float, notice: Kind
    ) -> Heard:
        judge = _JUDGES.get(record.state)
        if judge is None or not outcome.reply.code:
            return record, None
        kind, rule = judge(outcome.reply, verdict)
        party = party_of(keys, cipher_of, parcel.sealed.payload.rcpt_to[0])
        said = (record.code, record.enhanced, record.text, rule)
        event = Event(parcel.delivery, kind, now, "smtp", party, notice, *said)
        if kind in NOBODY and verdict.action is not Action.SUPPRESS:
            record = msgspec.structs.replace(record, rule=event.words[3])
        return record, event

    return hear
