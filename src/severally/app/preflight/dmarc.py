"""DMARC (RFC 9989): the record in force, the organizational domain by tree walk, alignment."""

from __future__ import annotations

import msgspec

from severally.app.preflight.asking import Asks, tags_of, texts

_MOST_QUERIES = 8
"""RFC 9989 4.10: a tree walk asks eight names at most."""
POLICIES = ("none", "quarantine", "reject")


class Dmarc(msgspec.Struct, frozen=True):
    """A record where it was found. `several` where a name has more than one, which is none."""

    domain: str
    tags: dict[str, str]
    several: bool = False

    @property
    def policy(self) -> str:
        """As it holds for the domain itself; an unreadable one counts as none (RFC 9989 4.7)."""
        found = self.tags.get("p", "none").lower()
        return found if found in POLICIES else "none"


async def record_at(asks: Asks, domain: str) -> Dmarc | None:
    """The record published for this very domain. Raises NoAnswer."""
    said = await texts(asks, f"_dmarc.{domain}")
    found = [text for text in said if text.replace(" ", "").lower().startswith("v=dmarc1")]
    if not found:
        return None
    return Dmarc(domain, tags_of(found[0]), len(found) > 1)


def _walk(domain: str) -> list[str]:
    """The names a tree walk asks: the domain, then at most its last seven labels on."""
    labels = domain.split(".")
    names = [domain]
    rest = labels[1:] if len(labels) <= _MOST_QUERIES else labels[-(_MOST_QUERIES - 1) :]
    while rest:
        names.append(".".join(rest))
        rest = rest[1:]
    return names[:_MOST_QUERIES]


async def organizational(asks: Asks, domain: str) -> str:
    """RFC 9989 4.10.2: where `psd=n` stands, or below `psd=y`, or the highest name with a record.
    Raises NoAnswer."""
    found = ""
    for name in _walk(domain):
        record = await record_at(asks, name)
        if record is None or record.several:
            continue
        psd = record.tags.get("psd", "u").lower()
        if psd == "n":
            return name
        if psd == "y":
            return name if name == domain else _below(domain, name)
        found = name
    return found or domain


def _below(domain: str, public: str) -> str:
    labels = domain.removesuffix(f".{public}").split(".")
    return f"{labels[-1]}.{public}"


async def in_force(asks: Asks, domain: str) -> Dmarc | None:
    """The record that receivers apply: the domain's own, or its organization's (RFC 9989 4.10.1).
    Raises NoAnswer."""
    own = await record_at(asks, domain)
    if own is not None:
        return own
    return await record_at(asks, await organizational(asks, domain))


async def aligned(asks: Asks, domain: str, other: str, strict: bool) -> bool:
    """Whether `other` speaks for `domain` (RFC 9989 4.4). Raises NoAnswer."""
    if domain == other or strict:
        return domain == other
    return await organizational(asks, domain) == await organizational(asks, other)
