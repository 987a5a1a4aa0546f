"""A row of an audience on its way into the ledger, and what is found out about it there."""

from __future__ import annotations

import msgspec


class StagedRow(msgspec.Struct, frozen=True, gc=False):
    """A checked row on its way into the ledger, encrypted already.

    `row` is the line in the source. `blind` and `loose` are blind indexes of the address
    folded by case and by its provider's own rules; `print` a keyed hash of the whole row;
    `order` (0 to 2^64 - 1) decides the place within its receiver group (a keyed hash: a
    seeded shuffle).
    `domain` is the address's, whose receiver is settled when all domains are known (a receiver
    of its own until then).
    `seq` was bound into the box: the row's number in the audience, in order of reading.
    `zone` is the time zone whose windows hold for it; empty where the notice has none.
    """

    row: int
    seq: int
    id: str
    domain: str
    locale: str
    blind: bytes
    loose: bytes
    print: bytes
    order: int
    salt: bytes
    box: bytes
    leaf: bytes
    zone: str = ""


class Duplicate(msgspec.Struct, frozen=True):
    """A row that repeats another's address. `exact` is false where only a provider's own
    rules make the two the same (a warning: both are kept)."""

    row: int
    first_row: int
    id: str
    exact: bool
