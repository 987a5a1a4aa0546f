"""Where a domain's mail goes, asked while sending: hosts in order, addresses, what TLS must prove.

Responsible for DNS and policies, each answer kept for minutes. Not for connecting.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

from severally.adapters.dns import Dns, NoAnswer, NoMail, NoSuchName
from severally.adapters.mta_sts import StsReader
from severally.adapters.providers import site_of
from severally.adapters.survey import NO_DOMAIN, NULL_MX
from severally.model.destination import Destination, MailHost
from severally.model.outcome import Reply
from severally.ports import ConnectFailed

KEEP_S = 300.0
"""How long an answer is used again: the TTL that large providers give their MX records."""

_T = TypeVar("_T")


class DnsExchanges:
    """`ports.Exchanges`. `rng` shuffles hosts of one preference for each connection."""

    def __init__(
        self,
        dns: Dns,
        sts: StsReader,
        port: int,
        rng: random.Random,
        monotonic: Callable[[], float],
    ) -> None:
        self._dns = dns
        self._sts = sts
        self._port = port
        self._rng = rng
        self._destinations = _Kept(self._look_up, monotonic)
        self._hosts = _Kept(self._look_up_host, monotonic)

    async def destination(self, domain: str) -> Destination:
        """Raises ConnectFailed: 556 where the domain takes no mail, 451 to try later."""
        found = await self._destinations.get(domain)
        records = list(found.records)
        if len(records) > 1:
            self._rng.shuffle(records)
            records.sort(key=lambda record: record[0])
        hosts = tuple(name for _, name in records)
        return Destination(found.site, hosts, found.secure, found.patterns)

    async def host(self, name: str, secure: bool) -> MailHost:
        """`secure`: its name came authenticated. Raises ConnectFailed (451)."""
        host = await self._hosts.get(name)
        return host if secure else MailHost(host.name, host.addresses)

    async def _look_up(self, domain: str) -> _Found:
        try:
            exchangers = await self._dns.exchangers(domain)
        except NoMail:
            raise _failed(556, "5.1.10", NULL_MX) from None
        except NoSuchName:
            raise _failed(556, "5.1.2", NO_DOMAIN) from None
        except NoAnswer:
            raise _failed(451, "4.4.3", "the domain name system gave no answer") from None
        policy = await self._sts.policy(domain)
        records = tuple(sorted(exchangers.records))  # answers come in any order
        site = site_of([name for _, name in records])
        if policy is None or policy.mode != "enforce":
            return _Found(records, site, exchangers.secure, None)
        return _Found(records, f"{site} as {domain} asks", exchangers.secure, policy.patterns)

    async def _look_up_host(self, name: str) -> MailHost:
        try:
            addresses, secure = await self._dns.addresses(name)
            dane, tlsa = await self._dns.tlsa(name, self._port) if secure else (False, ())
        except NoAnswer:
            text = f"the domain name system gave no answer about {name}"
            raise _failed(451, "4.4.3", text) from None
        return MailHost(name, addresses, dane, tlsa)


class _Found(NamedTuple):
    """What is the same for every connection to a domain."""

    records: tuple[tuple[int, str], ...]
    site: str
    secure: bool
    patterns: tuple[str, ...] | None


class _Kept(Generic[_T]):
    """Answers by name for `KEEP_S`; one question at a time for each name. Failures are not kept."""

    def __init__(self, ask: Callable[[str], Awaitable[_T]], monotonic: Callable[[], float]) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._answers: dict[str, tuple[float, _T]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(self, name: str) -> _T:
        kept = self._answers.get(name)
        if kept is not None and kept[0] > self._monotonic():
            return kept[1]
        lock = self._asking.setdefault(name, asyncio.Lock())
        async with lock:
            kept = self._answers.get(name)
            if kept is None or kept[0] <= self._monotonic():
                kept = self._answers[name] = (self._monotonic() + KEEP_S, await self._ask(name))
        self._asking.pop(name, None)
        return kept[1]


def _failed(code: int, enhanced: str, text: str) -> ConnectFailed:
    return ConnectFailed(Reply(code, enhanced, f"{enhanced} {text}"), lane_wide=False)
