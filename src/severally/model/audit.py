"""The hash chain over everything that was done: each row holds all rows before it.

A changed, missing or moved row breaks every later hash. A tail that was cut off, or a chain
rewritten from some row on, is found only against a checkpoint kept elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from severally.model.entries import Act

GENESIS = bytes(32)
"""What stands before the first row."""


class ChainRow(msgspec.Struct, frozen=True):
    """One act as it is chained. `seq` counts from 1 without gaps."""

    seq: int
    act: Act
    hash: bytes


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said of the ledger outside of it, at one moment (Unix seconds).

    `seq` and `head` (hex) are the chain's last row then. `marks` says of cohorts up to which
    delivery they may have been sent, `begun` which mailings (digest by id) were started. Both
    hold only what changed; what counts is the greatest mark and every mailing of all lines.
    """

    at: float
    seq: int
    head: str
    marks: dict[str, int] = {}
    begun: dict[str, str] = {}


_encode = msgspec.json.Encoder(order="deterministic").encode


def chained(before: bytes, seq: int, act: Act) -> bytes:
    """The hash of a row: SHA-256 over the hash before it and the row's canonical form."""
    row = _encode([seq, act.at, act.mailing, act.what, act.detail, act.who])
    return hashlib.sha256(before + row).digest()


def chain(acts: Iterable[Act], seq: int = 0, head: bytes = GENESIS) -> Iterator[ChainRow]:
    """Go on with a chain whose last row was `seq` with the hash `head`."""
    for act in acts:
        seq += 1
        head = chained(head, seq, act)
        yield ChainRow(seq, act, head)


def flaws(rows: Iterable[ChainRow], checkpoints: Iterable[Checkpoint]) -> Iterator[str]:
    """Everything wrong with a whole chain, in words that name rows.

    `checkpoints` are those whose signatures hold, in any order.
    """
    marked: dict[int, set[str]] = {}
    for point in checkpoints:
        if point.seq:
            marked.setdefault(point.seq, set()).add(point.head)
    expected, before = 1, GENESIS
    for row in rows:
        if row.seq != expected:
            yield f"row {expected} is missing: row {row.seq} follows row {expected - 1}"
            expected = row.seq
        elif row.hash != chained(before, row.seq, row.act):
            yield f"row {row.seq} is not what was written: it was changed, moved or put in"
        for head in marked.pop(row.seq, ()):
            if head != row.hash.hex():
                yield (
                    f"row {row.seq} is not the one that a checkpoint names: it was rewritten, "
                    "here or before"
                )
        expected, before = row.seq + 1, row.hash
    if marked:
        yield (
            f"the chain ends at row {expected - 1}, and a checkpoint names row {max(marked)}: "
            "its end was cut off"
        )
