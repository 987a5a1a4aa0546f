"""Where a domain's mail goes: the receiver that a domain belongs to, and its mail hosts."""

from __future__ import annotations

import ipaddress

import msgspec

NO_MAIL = "no_mail"
"""The receiver of domains that take no mail: nothing is ever connected to."""
UNRESOLVED = "unresolved"
"""The receiver of domains that DNS gave no answer about: whose they are is not known."""


class Located(msgspec.Struct, frozen=True, gc=False):
    """A domain's receiver. `problem` says why there is none (`the domain does not exist`)."""

    receiver: str
    problem: str = ""


class Tlsa(msgspec.Struct, frozen=True):
    """A usable TLSA record (RFC 7672 3.1): usage 2 or 3, selector 0 or 1, matching 0 to 2."""

    usage: int
    selector: int
    matching: int
    data: bytes


class MailHost(msgspec.Struct, frozen=True):
    """A mail host's addresses, best first. `tlsa` are its usable TLSA records.

    `dane` is true where it publishes any TLSA record at all: then TLS is a must, even where
    none of them can be used (RFC 7672 2.2).
    """

    name: str
    addresses: tuple[str, ...]
    dane: bool = False
    tlsa: tuple[Tlsa, ...] = ()


class Destination(msgspec.Struct, frozen=True):
    """A domain's mail hosts in the order to be tried, and what TLS has to prove there.

    `site` is the same for domains whose mail may share a connection. `secure`: the list of
    hosts came authenticated (DNSSEC). `patterns`: the names that the domain's enforced
    MTA-STS policy allows (RFC 8461), None without one.
    """

    site: str
    hosts: tuple[str, ...]
    secure: bool = False
    patterns: tuple[str, ...] | None = None


def parse_nameserver(text: str) -> tuple[str, int]:
    """Read `127.0.0.1:5353` or `[::1]:5353`. Raises ValueError."""
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    if not 1 <= int(port) <= 65535:
        raise ValueError(text)
    return str(address), int(port)
