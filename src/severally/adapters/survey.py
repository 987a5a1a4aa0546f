"""Every domain of an audience looked up before the send: whose it is, and which take no mail.

Responsible for doing that in parallel, within bounds, and for not asking again what is known
(`dns_cache`). A domain that nobody answers about is `unresolved`, never guessed at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from severally.adapters.dns import Dns, NoAnswer, NoMail, NoSuchName
from severally.adapters.providers import Grouping
from severally.model.destination import NO_MAIL, UNRESOLVED, Located

AT_ONCE = 100
"""Questions under way at once: a resolver on the same machine answers several thousand a
second; more would only wait in its queue."""
KEEP_S = 86_400.0
"""Answers are kept for a day: mail hosts change rarely, and sending asks anew anyway."""
KEEP_NONE_S = 3_600.0
"""What was found dead is asked again after an hour: somebody may have mended it."""

NULL_MX = "the domain takes no mail (null MX, RFC 7505)"
NO_DOMAIN = "the domain does not exist"
NO_HOST = "the domain has no mail host"
NO_REPLY = "the domain name system gave no answer"


class Known(msgspec.Struct, frozen=True):
    """What was found out about a domain, and when (Unix seconds)."""

    hosts: tuple[str, ...]
    problem: str
    at: float

    def stale(self, now: float) -> bool:
        """Whether to ask again."""
        return not 0 <= now - self.at < (KEEP_NONE_S if self.problem else KEEP_S)


class Memory(Protocol):
    """What is known of domains: `dns_cache.DnsCache`, on disk."""

    def get(self, domains: Sequence[str]) -> Mapping[str, Known]: ...
    def put(self, found: Mapping[str, Known]) -> None: ...


class Survey:
    """`ports.Resolver` for direct routes."""

    def __init__(
        self, dns: Dns, grouping: Grouping, memory: Memory, now: Callable[[], float]
    ) -> None:
        self._dns = dns
        self._grouping = grouping
        self._memory = memory
        self._now = now

    def locate(self, domains: Sequence[str]) -> Mapping[str, Located]:
        """Every domain's receiver; `no_mail` or `unresolved` with the reason where it has none."""
        now = self._now()
        known = {
            domain: each
            for domain, each in self._memory.get(domains).items()
            if not each.stale(now)
        }
        missing = [domain for domain in domains if domain not in known]
        if missing:
            found = asyncio.run(self._look_up_all(missing, now))
            self._memory.put({d: each for d, each in found.items() if each.problem != NO_REPLY})
            known |= found
        return {domain: self._located(domain, each) for domain, each in known.items()}

    def _located(self, domain: str, known: Known) -> Located:
        if known.problem:
            receiver = UNRESOLVED if known.problem == NO_REPLY else NO_MAIL
            return Located(receiver, known.problem)
        return Located(self._grouping.receiver(domain, known.hosts))

    async def _look_up_all(self, domains: Sequence[str], now: float) -> dict[str, Known]:
        """Twice for those without an answer: a lost packet is no reason to give up."""
        found = await self._round(domains, now)
        silent = [domain for domain in domains if found[domain].problem == NO_REPLY]
        if silent and len(silent) < len(domains):
            found |= await self._round(silent, now)
        return found

    async def _round(self, domains: Iterable[str], now: float) -> dict[str, Known]:
        queue = list(domains)
        found: dict[str, Known] = {}
        hosts: dict[str, bool] = {}

        async def work() -> None:
            while queue:
                domain = queue.pop()
                found[domain] = await self._look_up(domain, hosts, now)

        await asyncio.gather(*(work() for _ in range(min(AT_ONCE, len(queue)))))
        return found

    async def _look_up(self, domain: str, hosts: dict[str, bool], now: float) -> Known:
        try:
            exchangers = await self._dns.exchangers(domain)
            names = tuple(sorted({name for _, name in exchangers.records}))
            if not await self._any_there(names, hosts):
                return Known((), NO_HOST, now)
        except NoMail:
            return Known((), NULL_MX, now)
        except NoSuchName:
            return Known((), NO_DOMAIN, now)
        except NoAnswer:
            return Known((), NO_REPLY, now)
        return Known(names, "", now)

    async def _any_there(self, names: Sequence[str], hosts: dict[str, bool]) -> bool:
        """Whether one of these hosts has an address. Raises NoAnswer where none could say."""
        silent = False
        for name in names:
            if name not in hosts:
                try:
                    hosts[name] = await self._dns.exists(name)
                except NoAnswer:
                    silent = True
                    continue
            if hosts[name]:
                return True
        if silent:
            raise NoAnswer
        return False
