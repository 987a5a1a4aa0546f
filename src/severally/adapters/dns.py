"""Questions to the domain name system, with answers that say whether they can be trusted.

Responsible for mail hosts, their addresses, TLSA and TXT records. Not for what follows from
them (`survey` before a send, `exchanges` during it).
"""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec

from severally.model.destination import Tlsa, parse_nameserver
from severally.model.errors import UsageError

_EDNS_PAYLOAD = 1232
"""What passes without fragments (DNS flag day 2020)."""
_USABLE = {(usage, selector, how) for usage in (2, 3) for selector in (0, 1) for how in (0, 1, 2)}


class NoSuchName(Exception):
    """The name does not exist."""


class NoMail(Exception):
    """The domain says that it takes no mail (null MX, RFC 7505)."""


class NoAnswer(Exception):
    """The domain name system gave no answer; asking later may help."""


class Exchangers(msgspec.Struct, frozen=True):
    """A domain's mail hosts as (preference, name). `implicit`: it has no MX record, so that
    itself is the host (RFC 5321 5.1). `secure`: authenticated by DNSSEC."""

    records: tuple[tuple[int, str], ...]
    secure: bool = False
    implicit: bool = False


class Dns:
    """A resolver. `nameserver` is `host:port`, or empty for the system's; `lifetime_s` is how
    long one question may take.

    An answer counts as authenticated (AD, RFC 4035) only from a resolver on this machine: from
    any other the bit could have been set on the way. dnspython is loaded by the first of them:
    most verbs ask nobody, and would wait for it longer than for all else.
    """

    def __init__(self, nameserver: str = "", lifetime_s: float = 10.0) -> None:
        import dns.asyncresolver
        import dns.flags
        import dns.nameserver
        import dns.resolver

        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not nameserver)
        except dns.resolver.NoResolverConfiguration:
            raise UsageError(
                "this machine names no resolver; write one into the route: "
                'resolver = "127.0.0.1:53"'
            ) from None
        if nameserver:
            host, port = parse_nameserver(nameserver)
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port)]
        self._resolver.lifetime = lifetime_s
        self._resolver.timeout = min(2.0, lifetime_s)
        self._resolver.flags = dns.flags.RD | dns.flags.AD
        self._resolver.use_edns(0, dns.flags.DO, _EDNS_PAYLOAD)
        self.trusted = all(_is_local(each) for each in self._resolver.nameservers)
        self.name = nameserver or "the system's resolver"

    async def exchangers(self, domain: str) -> Exchangers:
        """Raises NoSuchName, NoMail, NoAnswer."""
        records, secure = await self._ask(domain, "MX")
        if not records:
            return Exchangers(((0, domain),), secure, True)
        found = tuple(
            (record.preference, record.exchange.to_text(omit_final_dot=True).lower())
            for record in records
        )
        if any(name in (".", "") for _, name in found):
            if len(found) == 1:
                raise NoMail
            found = tuple(pair for pair in found if pair[1] not in (".", ""))
        return Exchangers(found, secure)

    async def addresses(self, name: str) -> tuple[tuple[str, ...], bool]:
        """IPv4 before IPv6, and whether all of it is authenticated; empty where there is none.
        Raises NoAnswer."""
        found: list[str] = []
        all_secure = True
        for kind in ("A", "AAAA"):
            try:
                records, secure = await self._ask(name, kind)
            except NoSuchName:
                return (), all_secure
            found += [record.address for record in records]
            all_secure = all_secure and secure
        return tuple(found), all_secure

    async def exists(self, name: str) -> bool:
        """Whether the host has an address. Raises NoAnswer."""
        try:
            return bool((await self._ask(name, "A"))[0] or (await self._ask(name, "AAAA"))[0])
        except NoSuchName:
            return False

    async def tlsa(self, name: str, port: int) -> tuple[bool, tuple[Tlsa, ...]]:
        """Whether the host has authenticated TLSA records, and those that can be used.

        Raises NoAnswer, which means that nothing may be sent there (RFC 7672 2.1.2).
        """
        try:
            records, secure = await self._ask(f"_{port}._tcp.{name}", "TLSA")
        except NoSuchName:
            return False, ()
        if not secure:
            return False, ()
        usable = tuple(
            Tlsa(record.usage, record.selector, record.mtype, record.cert)
            for record in records
            if (record.usage, record.selector, record.mtype) in _USABLE
        )
        return bool(records), usable

    async def texts(self, name: str) -> tuple[str, ...]:
        """TXT records, strings of one joined. Raises NoAnswer."""
        try:
            records, _ = await self._ask(name, "TXT")
        except NoSuchName:
            return ()
        return _joined(records)

    async def plain(self, name: str, kind: str) -> tuple[str, ...]:
        """Records as text: TXT joined, MX `10 host`, names in lower case without the last dot.
        Raises NoSuchName, NoAnswer."""
        records, _ = await self._ask(name, kind)
        if kind == "TXT":
            return _joined(records)
        return tuple(each.to_text().lower().rstrip(".") for each in records)

    async def _ask(self, name: str, kind: str) -> tuple[list[Any], bool]:
        import dns.exception
        import dns.flags
        import dns.resolver

        try:
            answer = await self._resolver.resolve(f"{name}.", kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            raise NoSuchName from None
        except (dns.exception.DNSException, OSError):
            raise NoAnswer from None
        secure = self.trusted and bool(answer.response.flags & dns.flags.AD)
        return list(answer.rrset or ()), secure


def _is_local(nameserver: object) -> bool:
    address = getattr(nameserver, "address", nameserver)
    try:
        return ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return False


def _joined(records: list[Any]) -> tuple[str, ...]:
    """TXT records, the strings of each put together (RFC 7208 3.3)."""
    return tuple(b"".join(each.strings).decode("utf-8", "replace") for each in records)
