"""An address as the ledger may know it: by its blind index, and encrypted."""

from __future__ import annotations

from collections.abc import Callable

from severally.model.event import Party
from severally.ports import Keys, RowCipher

CipherOf = Callable[[bytes, str], RowCipher]
"""From a key and the name that binds what it encrypts."""
_PURPOSE = "suppression"


def party_of(keys: Keys, cipher_of: CipherOf, address: str) -> Party:
    """`address` is canonical (`model.address`); case does not matter to the index."""
    blind = keys.blind(address.casefold())
    cipher = cipher_of(keys.audience_key(_PURPOSE), blind.hex())
    return Party(blind, *cipher.seal(0, address.encode()))


def address_in(keys: Keys, cipher_of: CipherOf, party: Party) -> str:
    """The address itself; empty where only its index is known. Raises LedgerError."""
    if not party.box:
        return ""
    cipher = cipher_of(keys.audience_key(_PURPOSE), party.blind.hex())
    return cipher.open(0, party.salt, party.box).decode()
