"""An audience being read into memory, and what it becomes when it is frozen."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from severally.ledger.rules import Content, StepOf, Steps, check_freezable
from severally.model.delivery import Claim
from severally.model.errors import LedgerError
from severally.model.mailing import Audience
from severally.model.staged import Duplicate, StagedRow


class FrozenRows:
    """A frozen audience's rows in their final order."""

    def __init__(
        self, audience: Audience, rows: Sequence[StagedRow], receivers: Mapping[str, str]
    ) -> None:
        self.audience = audience
        self.ids = [row.id for row in rows]
        self.by_id = {rid: place for place, rid in enumerate(self.ids)}
        self.blinds = [row.blind for row in rows]
        self.groups = dict(Counter(receivers[row.domain] for row in rows))
        self.strata = [(receivers[row.domain], row.locale, row.zone) for row in rows]
        self._rows = [(row.seq, row.salt, row.box) for row in rows]

    def looked_at(self, place: int) -> Claim:
        """The row without any delivery."""
        return Claim(0, *self._rows[place], 0, 0)

    def claimed(self, place: int, delivery: int, date: int, attempts: int) -> Claim:
        """The row as a delivery's claim."""
        seq, salt, box = self._rows[place]
        return Claim(delivery, seq, salt, box, date, attempts)


class MemoryStaging:
    """One import; `keep` is called with what it froze."""

    def __init__(self, audience_id: str, keep: Callable[[FrozenRows], None]) -> None:
        self._id = audience_id
        self._keep = keep
        self._rows: dict[int, StagedRow] = {}
        self._receivers: dict[str, str] = {}

    def add(self, rows: Sequence[StagedRow]) -> None:
        """Take rows in, in order of reading."""
        for row in rows:
            if row.seq in self._rows:
                raise LedgerError(f"two rows are number {row.seq} of the audience {self._id}")
            self._rows[row.seq] = row
            self._receivers.setdefault(row.domain, row.domain)

    def domains(self) -> Iterator[Sequence[str]]:
        """Every domain once, in batches."""
        if self._receivers:
            yield sorted(self._receivers)

    def assign(self, receivers: Mapping[str, str]) -> None:
        """These domains belong to these receivers."""
        self._receivers.update({d: r for d, r in receivers.items() if d in self._receivers})

    def receivers(self) -> Mapping[str, int]:
        """Rows that are left, by receiver."""
        return Counter(map(self._receiver, self._rows.values()))

    def zones(self) -> Mapping[tuple[str, str], int]:
        """Rows that are left, by receiver and time zone."""
        return Counter((self._receiver(row), row.zone) for row in self._rows.values())

    def ids_at(self, receiver: str, most: int) -> Sequence[str]:
        """Up to `most` ids of this receiver's rows, in order of reading."""
        rows = (row for row in self._in_reading_order() if self._receiver(row) == receiver)
        return [row.id for row in itertools.islice(rows, most)]

    def repeated_ids(self) -> Sequence[tuple[str, tuple[int, ...]]]:
        """Ids that stand in more than one row, with the rows in order of reading."""
        lines: dict[str, list[int]] = {}
        for row in self._in_reading_order():
            lines.setdefault(row.id, []).append(row.row)
        return [(rid, tuple(rows)) for rid, rows in sorted(lines.items()) if len(rows) > 1]

    def set_aside_repeats(self) -> Sequence[Duplicate]:
        """Take later rows with the same `blind` out and name them."""
        first: dict[bytes, StagedRow] = {}
        repeats = [
            (row, kept)
            for row in self._in_reading_order()
            if (kept := first.setdefault(row.blind, row)) is not row
        ]
        for row, _ in repeats:
            del self._rows[row.seq]
        return [Duplicate(row.row, kept.row, row.id, True) for row, kept in repeats]

    def loose_repeats(self, most: int) -> Sequence[Duplicate]:
        """Up to `most` rows whose address differs only by a provider's own rules."""
        first: dict[bytes, StagedRow] = {}
        return [
            Duplicate(row.row, kept.row, row.id, False)
            for row in self._in_reading_order()
            if (kept := first.setdefault(row.loose, row)).blind != row.blind
        ][:most]

    def content(self) -> str:
        """Order-free keyed hash (hex) of the rows that are left; see `rules.Content`."""
        content = Content()
        content.add(row.print for row in self._rows.values())
        return content.hexdigest()

    def freeze(self, name: str, now: float) -> Audience:
        """Number the rows by (receiver, order) and make the audience."""
        check_freezable(name, len(self._rows), self.repeated_ids())
        rows = sorted(
            self._rows.values(), key=lambda row: (self._receiver(row), row.order, row.seq)
        )
        root = hashlib.sha256(b"".join(row.leaf for row in rows)).hexdigest()
        locales = dict(Counter(row.locale for row in rows))
        audience = Audience(self._id, name, len(rows), root, self.content(), locales)
        self._keep(FrozenRows(audience, rows, self._receivers))
        self.discard()
        return audience

    def discard(self) -> None:
        """Forget all of it. Harmless after `freeze` or twice."""
        self._rows = {}

    def _receiver(self, row: StagedRow) -> str:
        return self._receivers[row.domain]

    def _in_reading_order(self) -> list[StagedRow]:
        return [self._rows[seq] for seq in sorted(self._rows)]


def places_by_step(
    mailing: str, rows: FrozenRows, steps: Steps | None
) -> dict[tuple[str, int, str], list[int]]:
    """(receiver, step, time zone) -> places in the audience, in its order."""
    step_of = StepOf(mailing, steps) if steps is not None else None
    places: dict[tuple[str, int, str], list[int]] = {}
    for place, stratum in enumerate(rows.strata):
        receiver, _, zone = stratum
        part = (receiver, step_of(stratum), zone) if step_of else (receiver, 0, "")
        places.setdefault(part, []).append(place)
    return places
