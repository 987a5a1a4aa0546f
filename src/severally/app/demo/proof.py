"""The demo's proof: the world's records, counted. Nothing here asks the sender."""

from __future__ import annotations

from collections.abc import Sequence

from severally.app.demo.results import Proof, ProviderProof, SlowLane
from severally.app.operations.results import LaneReport
from severally.sim.record import ProviderRecord, Record

SHOWN_SLOWEST = 3


def proof_of(record: Record, customers: Sequence[str]) -> Proof:
    """What the mailboxes got and saw; `customers` are the addresses that were to be told."""
    per_mailbox = record.per_mailbox()
    told = set(customers) & per_mailbox.keys()
    return Proof(
        len(customers),
        record.messages,
        len(told),
        sum(count > 1 for count in per_mailbox.values()),
        max((len(addresses) for addresses in record.seen().values()), default=0),
        record.strangers(),
        record.exceeded,
        tuple(_provider(provider) for provider in record.providers),
    )


def _provider(record: ProviderRecord) -> ProviderProof:
    return ProviderProof(
        record.id,
        len(record.arrivals),
        record.most_in_window,
        record.most_connections,
        record.most_on_connection,
        dict(sorted(record.replies.items())),
    )


def slowest(lanes: Sequence[LaneReport]) -> tuple[SlowLane, ...]:
    """The lanes that ended last."""
    began = min((lane.first_at for lane in lanes if lane.first_at), default=0.0)
    ended = sorted(lanes, key=lambda lane: -lane.last_at)[:SHOWN_SLOWEST]
    return tuple(
        SlowLane(lane.lane, lane.recipients, round(lane.last_at - began, 3)) for lane in ended
    )
