"""A recipient: one frozen record from the row it was read in to the bytes on the wire.

Address and data travel as one: there is no parallel list to get out of step.
"""

from __future__ import annotations

import msgspec


class Recipient(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One person to be told.

    `id` matches `[A-Za-z0-9._-]{1,64}`. `address` is canonical (`model.address`).
    `locale` is BCP 47, `timezone` an IANA name. `values` maps a variable's name to its
    canonical text (`model.values`); variables with a value for everybody are not repeated here,
    and an optional one that this person does not have is left out.
    """

    id: str
    address: str
    locale: str
    timezone: str
    values: dict[str, str]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Recipient)


def row_of(recipient: Recipient) -> bytes:
    """The canonical bytes of a recipient: what is hashed into the leaf and encrypted at rest."""
    return _encoder.encode(recipient)


def recipient_of(row: bytes) -> Recipient:
    """The inverse of `row_of`."""
    return _decoder.decode(row)
