"""A sender: whom the mail is from, where answers and bounces go, and who signs it."""

from __future__ import annotations

from typing import Literal

import msgspec


class DkimKey(msgspec.Struct, frozen=True):
    """One signature to make. The private key is not here: `fingerprint` (SHA-256 of the
    public key, hex) ties the frozen mailing to the key file it was approved with."""

    domain: str
    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    fingerprint: str


class Sender(msgspec.Struct, frozen=True):
    """`[senders.NAME]` of the workspace, checked.

    All addresses are canonical. `return_path` gets `+token` appended to its local part, one
    token per delivery; so does `unsubscribe` (a mailto), and `unsubscribe_url` gets the token
    as its last path segment.
    """

    name: str
    address: str
    display_name: str
    return_path: str
    reply_to: str = ""
    unsubscribe: str = ""
    unsubscribe_url: str = ""
    dkim: tuple[DkimKey, ...] = ()

    @property
    def domain(self) -> str:
        """The domain that Message-IDs are made under."""
        return self.address.rpartition("@")[2]


def tagged(address: str, token: str) -> str:
    """`bounces@x.example` and `tok` to `bounces+tok@x.example`: the token's way back (VERP)."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}"
