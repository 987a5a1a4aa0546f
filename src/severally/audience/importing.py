"""From checked rows to a staged audience: encrypted, numbered, deduplicated, counted.

Responsible for what the whole file must be. The rows go to the ledger's staging encrypted
from the first byte; freezing them is the caller's decision, when the findings are known.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from severally.audience.reading import BadRow, GoodRow, Reader
from severally.audience.rejects import RejectsFile
from severally.model.errors import Finding, Refused
from severally.model.notice import SameAddress
from severally.model.recipient import row_of
from severally.model.staged import Duplicate, StagedRow
from severally.ports import Keys, RowCipher, Staging

_BATCH = 1_000
_NAMED = 5


@dataclass(slots=True)
class Imported:
    """What was found in a file. Rows are numbers, people are ids; no addresses.

    `reasons`: why rows were rejected -> how many, and the first few. `set_aside`: rows that
    repeat an address (left out). `loose`: rows whose address is another's but for a
    provider's own rules (kept; a warning).
    """

    accepted: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_rows: dict[str, list[int]] = field(default_factory=dict)
    set_aside: Sequence[Duplicate] = ()
    loose: Sequence[Duplicate] = ()
    ignored: tuple[str, ...] = ()


class Importer:
    """Stages one file. `seed` decides the order within a receiver group, reproducibly; `zone_of`
    says which time zone stands for a recipient's own, empty where windows do not matter."""

    def __init__(
        self,
        staging: Staging,
        cipher: RowCipher,
        keys: Keys,
        seed: bytes,
        zone_of: Callable[[str], str] = lambda zone: "",
    ) -> None:
        self._staging = staging
        self._cipher = cipher
        self._keys = keys
        self._print_key = keys.print_key()
        self._seed = seed
        self._zone_of = zone_of

    def read(
        self,
        reader: Reader,
        rejects: RejectsFile,
        same_address: SameAddress,
        progress: Callable[[int], None] = lambda rows: None,
    ) -> Imported:
        """Everything into the staging. Raises Refused for ids that stand twice."""
        result = Imported(ignored=reader.heading.ignored)
        batch: list[StagedRow] = []
        for row in reader:
            if isinstance(row, BadRow):
                self._reject(row, rejects, result)
                continue
            batch.append(self._staged(row, result.accepted))
            result.accepted += 1
            if len(batch) == _BATCH:
                self._staging.add(batch)
                batch = []
                progress(result.accepted + result.rejected)
        if batch:
            self._staging.add(batch)
        progress(result.accepted + result.rejected)
        self._refuse_repeated_ids()
        self._look_for_repeats(result, same_address)
        return result

    def _reject(self, row: BadRow, rejects: RejectsFile, result: Imported) -> None:
        result.rejected += 1
        rejects.write(row.row, row.reasons, row.fields)
        for reason in row.reasons:
            result.reasons[reason] += 1
            rows = result.first_rows.setdefault(reason, [])
            if len(rows) < _NAMED:
                rows.append(row.row)

    def _staged(self, good: GoodRow, seq: int) -> StagedRow:
        recipient, address = good.recipient, good.address
        row = row_of(recipient)
        salt, box = self._cipher.seal(seq, row)
        leaf = hashlib.sha256(salt + recipient.id.encode() + b"\0" + row).digest()
        order = hmac.digest(self._seed, recipient.id.encode(), hashlib.sha256)
        folded = address.folded
        loose = address.loose
        blind = self._keys.blind(folded)
        return StagedRow(
            good.row,
            seq,
            recipient.id,
            address.domain,
            recipient.locale,
            blind,
            blind if loose == folded else self._keys.blind(loose),
            hmac.digest(self._print_key, row, hashlib.sha256),
            int.from_bytes(order[:8], "big") >> 1,
            salt,
            box,
            leaf,
            self._zone_of(recipient.timezone),
        )

    def _refuse_repeated_ids(self) -> None:
        repeated = self._staging.repeated_ids()
        if repeated:
            raise Refused(
                f"{len(repeated):,} ids stand in more than one row",
                [
                    Finding(
                        f"rows {', '.join(map(str, rows[:_NAMED]))}",
                        f"the id {id_} is used {len(rows)} times",
                        "each recipient needs an id of their own",
                    )
                    for id_, rows in repeated[:_NAMED]
                ],
            )

    def _look_for_repeats(self, result: Imported, same_address: SameAddress) -> None:
        if same_address is SameAddress.ONCE:
            result.set_aside = self._staging.set_aside_repeats()
            result.accepted -= len(result.set_aside)
        result.loose = self._staging.loose_repeats(_NAMED)


def warnings(result: Imported) -> Iterable[Finding]:
    """What a person should know of, and what does not stop a send."""
    if result.ignored:
        yield Finding(
            "heading", f"ignored and not stored: {', '.join(result.ignored)}", "", (), True
        )
    if result.set_aside:
        rows = ", ".join(str(d.row) for d in result.set_aside[:_NAMED])
        yield Finding(
            "",
            f"{len(result.set_aside):,} rows repeat an address and are set aside",
            f'rows {rows}; same_address = "each" in notice.toml keeps them',
            (),
            True,
        )
    for pair in result.loose:
        yield Finding(
            f"row {pair.row}",
            f"its provider holds the address to be the same as row {pair.first_row}'s",
            "both are kept",
            (),
            True,
        )
