"""SPF (RFC 7208): may this address send for this domain, and in how many look-ups?"""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum

import msgspec

from severally.adapters.dns import NoAnswer, NoSuchName
from severally.app.preflight.asking import Asks, texts

MOST_LOOKUPS = 10
MOST_VOID = 2
_MOST_NAMES = 10
"""RFC 7208 4.6.4."""
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d*)(r?)([.\-+,/_=]*)\}|([%_\-]))", re.IGNORECASE)
_QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class Result(StrEnum):
    """RFC 7208 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105  (not a password)
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Spf(msgspec.Struct, frozen=True):
    """What came of it: `lookups` is how many terms asked DNS; `why` names what went wrong."""

    result: Result
    lookups: int
    why: str = ""


class _Stop(Exception):
    def __init__(self, result: Result, why: str) -> None:
        super().__init__(why)
        self.result, self.why = result, why


async def check_host(asks: Asks, address: str, domain: str, sender: str) -> Spf:
    """Of mail with the return path `sender` from this address; RFC 7208 4."""
    one = _Evaluation(asks, ipaddress.ip_address(address), sender)
    try:
        result = await one.record(domain.lower())
    except _Stop as stop:
        return Spf(stop.result, one.lookups, stop.why)
    return Spf(result, one.lookups)


class _Evaluation:
    def __init__(self, asks: Asks, ip: Ip, sender: str) -> None:
        self._asks = asks
        self._ip = ip
        self._sender = sender
        self.lookups = 0
        self._void = 0

    async def record(self, domain: str) -> Result:
        text = await self._published(domain)
        if text is None:
            return Result.NONE
        terms = text.split()[1:]
        for term in terms:
            _well_formed(term, domain)
        for term in terms:
            if "=" in term.partition(":")[0].partition("/")[0]:
                continue
            qualifier = _QUALIFIERS.get(term[0])
            bare = term[1:] if qualifier else term
            if await self._matches(bare, domain):
                return Result(qualifier or "pass")
        for term in terms:
            if term.lower().startswith("redirect="):
                self._count()
                found = await self.record(self._expanded(term[9:], domain))
                if found is Result.NONE:
                    raise _Stop(Result.PERMERROR, f"redirect={term[9:]} leads to no record")
                return found
        return Result.NEUTRAL

    async def _published(self, domain: str) -> str | None:
        try:
            said = await texts(self._asks, domain)
        except NoAnswer:
            raise _Stop(Result.TEMPERROR, f"DNS gave no answer about {domain}") from None
        records = [t for t in said if t.lower() == "v=spf1" or t.lower().startswith("v=spf1 ")]
        if len(records) > 1:
            raise _Stop(Result.PERMERROR, f"{domain} has {len(records)} SPF records, not one")
        return records[0] if records else None

    async def _matches(self, term: str, domain: str) -> bool:
        head, colon, rest = term.partition(":")
        if not colon:
            head, slash, prefix = term.partition("/")
            rest = slash + prefix
        name = head.lower()
        if name == "all":
            return True
        if name in ("ip4", "ip6"):
            return self._in_network(rest)
        self._count()
        target, v4, v6 = _prefixes(rest)
        target = self._expanded(target, domain) if target else domain
        if name == "include":
            return await self._included(target)
        if name == "exists":
            return bool(await self._ask(target, "A"))
        if name == "a":
            return await self._at(target, v4, v6)
        if name == "mx":
            hosts = [each.partition(" ")[2] for each in await self._ask(target, "MX")]
            if len(hosts) > _MOST_NAMES:
                raise _Stop(Result.PERMERROR, f"{target} has more than {_MOST_NAMES} mail hosts")
            return any([await self._at(host, v4, v6, counts=False) for host in hosts])
        return await self._named(target)

    async def _included(self, target: str) -> bool:
        found = await self.record(target)
        if found is Result.NONE:
            raise _Stop(Result.PERMERROR, f"include:{target} leads to no record")
        return found is Result.PASS

    def _in_network(self, text: str) -> bool:
        network = ipaddress.ip_network(text, strict=False)
        return self._ip in network

    async def _at(self, name: str, v4: int, v6: int, counts: bool = True) -> bool:
        kind, prefix = ("A", v4) if self._ip.version == 4 else ("AAAA", v6)
        found = await self._ask(name, kind, counts)
        return any(self._ip in ipaddress.ip_network(f"{a}/{prefix}", False) for a in found)

    async def _named(self, target: str) -> bool:
        """`ptr`, which RFC 7208 5.5 asks nobody to use."""
        for name in (await self._ask(self._ip.reverse_pointer, "PTR"))[:_MOST_NAMES]:
            if (name == target or name.endswith(f".{target}")) and await self._at(name, 32, 128):
                return True
        return False

    async def _ask(self, name: str, kind: str, counts: bool = True) -> tuple[str, ...]:
        try:
            found = await self._asks.plain(name, kind)
        except NoSuchName:
            found = ()
        except NoAnswer:
            raise _Stop(Result.TEMPERROR, f"DNS gave no answer about {name}") from None
        if not found and counts:
            self._void += 1
            if self._void > MOST_VOID:
                raise _Stop(
                    Result.PERMERROR, f"more than {MOST_VOID} look-ups find nothing (last: {name})"
                )
        return found

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _Stop(Result.PERMERROR, f"it takes more than {MOST_LOOKUPS} DNS look-ups")

    def _expanded(self, text: str, domain: str) -> str:
        """RFC 7208 7."""
        local, _, sent_by = self._sender.rpartition("@")
        ip = self._ip
        dotted = str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", ""))
        letters = {
            "s": self._sender, "l": local or "postmaster", "o": sent_by, "d": domain,
            "i": dotted, "h": sent_by, "v": "in-addr" if ip.version == 4 else "ip6",
        }  # fmt: skip

        def one(found: re.Match[str]) -> str:
            letter, digits, backwards, delimiters, plain = found.groups()
            if plain:
                return {"%": "%", "_": " ", "-": "%20"}[plain]
            parts = re.split(f"[{re.escape(delimiters or '.')}]", letters.get(letter.lower(), "-"))
            parts = parts[::-1] if backwards else parts
            return ".".join(parts[-int(digits) :] if digits and int(digits) else parts)

        return _MACRO.sub(one, text).rstrip(".").lower()


def _prefixes(text: str) -> tuple[str, int, int]:
    """`host/24//64` apart."""
    target, _, v6 = text.partition("//")
    name, slash, v4 = target.partition("/")
    return name, int(v4) if slash else 32, int(v6) if v6 else 128


_MECHANISM = re.compile(
    r"[+?~-]?(all|(include|exists):\S+|(a|mx)(:[^/\s]+)?(/\d{1,2})?(//\d{1,3})?|ptr(:\S+)?|"
    r"ip4:[\d.]+(/\d{1,2})?|ip6:[0-9a-f:.]+(/\d{1,3})?)|[a-z][a-z0-9_.-]*=\S*",
    re.IGNORECASE,
)


def _well_formed(term: str, domain: str) -> None:
    problem = not _MECHANISM.fullmatch(term)
    kind, colon, value = term.lstrip("+-~?").partition(":")
    if not problem and colon and kind.lower() in ("ip4", "ip6"):
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError:
            problem = True
    if problem:
        raise _Stop(Result.PERMERROR, f"{domain}: there is no term {term!r} in SPF")
