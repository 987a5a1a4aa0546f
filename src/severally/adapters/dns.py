"""Which provider a domain belongs to, and where its mail hosts are."""

from __future__ import annotations

import asyncio
import random
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from severally.model.outcome import Reply
from severally.ports import ConnectFailed

OTHER = "other"


class DomainTable:
    """`ports.Resolver` over a table of domains. `extra` (domain -> receiver) goes first.

    A domain that is in no table is `other` on a relay route, where the relay knows its way,
    and a receiver of its own (`own_lanes`) where we deliver directly.
    """

    def __init__(self, extra: Mapping[str, str] | None = None, own_lanes: bool = False) -> None:
        self._exact: dict[str, str] = {}
        self._any_tld: dict[str, str] = {}
        self._own_lanes = own_lanes
        for receiver, domains in shipped_domains().items():
            for domain in domains:
                self._add(domain, receiver)
        for domain, receiver in (extra or {}).items():
            self._add(domain, receiver)

    def _add(self, domain: str, receiver: str) -> None:
        if domain.endswith(".*"):
            self._any_tld[domain[:-2]] = receiver
        else:
            self._exact[domain] = receiver

    def receiver(self, domain: str) -> str:
        """The receiver's id."""
        found = self._exact.get(domain) or self._any_tld.get(domain.split(".", 1)[0])
        return found or (domain if self._own_lanes else OTHER)


def shipped_domains() -> dict[str, list[str]]:
    """Receiver id -> its domains."""
    text = (resources.files("severally.adapters") / "receivers.toml").read_text("utf-8")
    domains: dict[str, list[str]] = tomllib.loads(text)["domains"]
    return domains


class MailHosts:
    """Addresses of a domain's mail hosts, best first (RFC 5321 5.1), cached for `keep_s`.

    `nameserver` is `host:port`, or empty for the system's.
    """

    def __init__(
        self,
        nameserver: str,
        rng: random.Random,
        monotonic: Callable[[], float] = time.monotonic,
        keep_s: float = 300.0,
    ) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=not nameserver)
        if nameserver:
            host, _, port = nameserver.rpartition(":")
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, int(port))]
        self._resolver.lifetime = 10.0
        self._rng = rng
        self._monotonic = monotonic
        self._keep_s = keep_s
        self._cache: dict[str, tuple[float, list[str]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def of(self, domain: str) -> Sequence[str]:
        """Raises ConnectFailed: 556 for a null MX or no such domain, 451 to try later."""
        async with self._locks.setdefault(domain, asyncio.Lock()):
            kept = self._cache.get(domain)
            if kept is None or kept[0] < self._monotonic():
                hosts = await self._look_up(domain)
                kept = self._cache[domain] = (self._monotonic() + self._keep_s, hosts)
            return kept[1]

    async def _look_up(self, domain: str) -> list[str]:
        try:
            names = await self._exchangers(domain)
            found = [address for name in names for address in await self._addresses(name)]
        except dns.resolver.NXDOMAIN:
            raise _failed(556, "5.1.2", "the domain does not exist") from None
        except dns.exception.DNSException:
            raise _failed(451, "4.4.3", "the domain name system does not answer") from None
        if not found:
            raise _failed(451, "4.4.4", "no address of a mail host is known")
        return found

    async def _exchangers(self, domain: str) -> list[str]:
        """MX names by preference, ties shuffled; the domain itself where it has none."""
        try:
            answer = await self._resolver.resolve(domain, "MX")
        except dns.resolver.NoAnswer:
            return [domain]
        records = [(record.preference, record.exchange.to_text()) for record in answer]
        if [name for _, name in records] == ["."]:  # RFC 7505
            raise _failed(556, "5.1.10", "5.1.10 the domain takes no mail (null MX)")
        self._rng.shuffle(records)
        return [name for _, name in sorted(records, key=lambda record: record[0])]

    async def _addresses(self, name: str) -> list[str]:
        found: list[str] = []
        for kind in ("A", "AAAA"):
            try:
                answer = await self._resolver.resolve(name, kind)
            except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
                continue
            found += [record.address for record in answer]
        return found


def _failed(code: int, enhanced: str, text: str) -> ConnectFailed:
    return ConnectFailed(Reply(code, enhanced, text))
