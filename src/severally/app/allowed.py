"""Whom and what a trial workspace may send to. Pure.

Responsible for answering yes or no about a recipient's domain or a host. A live
workspace allows everything here; what holds it back is staging.
"""

from __future__ import annotations

import ipaddress
import re

DEFAULT_DOMAINS = ("*.example", "*.test", "*.invalid", "localhost")
"""Names that can never reach anybody (RFC 2606, RFC 6761)."""
DEFAULT_HOSTS = ("127.0.0.0/8", "::1", "localhost")
"""This machine."""

_PATTERN = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Allowed:
    """`domains`: `*.example` (anything below) or `example` (exactly). `hosts`: names,
    addresses or networks (`10.0.0.0/8`). Raises ValueError for anything else."""

    def __init__(
        self, domains: tuple[str, ...], hosts: tuple[str, ...], everything: bool = False
    ) -> None:
        self.everything = everything
        self._exact: set[str] = set()
        self._below: list[str] = []
        for pattern in domains:
            self._add_domain(pattern.lower())
        self._names = {host.lower() for host in hosts if _network(host) is None}
        self._networks = [network for host in hosts if (network := _network(host)) is not None]
        for name in self._names:
            if not _PATTERN.fullmatch(name) or name.startswith("*"):
                raise ValueError(f"allow_hosts: {name!r} is no host name, address or network")

    @property
    def only_here(self) -> bool:
        """Whether no host but this machine can be connected to."""
        if self.everything or self._names - {"localhost"}:
            return False
        return all(network.is_loopback for network in self._networks)

    def domain(self, domain: str) -> bool:
        """Whether mail may go to this lower-case A-label domain."""
        return self.everything or domain in self._exact or domain.endswith(tuple(self._below))

    def host(self, host: str) -> bool:
        """Whether a connection may be made to this host name or address."""
        if self.everything or host.lower() in self._names:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def _add_domain(self, pattern: str) -> None:
        if not _PATTERN.fullmatch(pattern):
            raise ValueError(
                f"allow_domains: {pattern!r} is neither a domain nor *.domain; "
                "write international names in their xn-- form"
            )
        if pattern.startswith("*."):
            self._below.append(pattern[1:])
        else:
            self._exact.add(pattern)


def _network(text: str) -> _Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
