"""`audit verify` and `audit show`: the record checked against its checkpoints, and told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from severally.app.office import Office
from severally.app.operations.stage_results import AuditResult, Story, StoryLine
from severally.model.audit import GENESIS, ChainRow, flaws
from severally.model.mailing import is_to_sentinels_of
from severally.ports import Ledger

_BATCH = 1_000


def verify(office: Office) -> AuditResult:
    """The whole chain against its hashes and every place's checkpoints. Changes nothing."""
    places = office.wiring.open_checkpoints(office.workspace, office.keys)
    points = places.all()
    last = _Last()
    found = [*places.flaws(), *flaws(last.of(rows(office.ledger)), points)]
    anchored = max((point.seq for point in points), default=0)
    latest = max((point.at for point in points), default=0.0)
    now = office.wiring.clock.wall()
    named = (".severally/checkpoints.jsonl", *office.workspace.staging.checkpoints)
    return AuditResult(
        last.seq,
        last.hash.hex(),
        len(points),
        named,
        max(0, last.seq - anchored),
        round(max(0.0, now - latest), 3) if latest else 0.0,
        tuple(found),
    )


class _Last:
    """The last row of those that passed."""

    def __init__(self) -> None:
        self.seq, self.hash = 0, GENESIS

    def of(self, passing: Iterable[ChainRow]) -> Iterator[ChainRow]:
        for row in passing:
            self.seq, self.hash = row.seq, row.hash
            yield row


def rows(ledger: Ledger) -> Iterator[ChainRow]:
    """The whole chain, in batches."""
    after = 0
    while batch := ledger.chain(after, _BATCH):
        yield from batch
        after = batch[-1].seq


def _of(mailing_id: str, named: str) -> bool:
    return named == mailing_id or is_to_sentinels_of(named, mailing_id)


def story(office: Office, mailing_id: str | None) -> Story:
    """What was done, in order. Raises UsageError for a mailing nobody knows."""
    if mailing_id is not None:
        office.ledger.mailing(mailing_id)
    lines = (
        StoryLine(row.seq, row.act.at, row.act.mailing, row.act.who, row.act.what, row.act.detail)
        for row in rows(office.ledger)
        if mailing_id is None or _of(mailing_id, row.act.mailing)
    )
    return Story(mailing_id or "", tuple(lines))
