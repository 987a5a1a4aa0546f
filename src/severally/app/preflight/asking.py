"""DNS as preflight asks it, and what a check answers with."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from severally.adapters.dns import NoSuchName


class Result(StrEnum):
    """How a check ended. Only `fail` is something that receivers reject for."""

    PASS = "pass"  # noqa: S105  (not a password)
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: why it stands so, and the record to publish or what to do."""

    name: str
    result: Result
    why: str
    cure: str = ""


class Asks(Protocol):
    """Questions to DNS. Raises NoSuchName for a name that is not there, NoAnswer."""

    async def plain(self, name: str, kind: str) -> tuple[str, ...]:
        """Records as text: TXT joined, MX `10 host`, PTR and A as they are; lower-case names."""
        ...


async def texts(asks: Asks, name: str) -> tuple[str, ...]:
    """TXT records; none for a name that is not there. Raises NoAnswer."""
    try:
        return await asks.plain(name, "TXT")
    except NoSuchName:
        return ()


def passed(name: str, why: str) -> Check:
    """Nothing to be mended."""
    return Check(name, Result.PASS, why)


def failed(name: str, why: str, cure: str) -> Check:
    """Receivers reject for it."""
    return Check(name, Result.FAIL, why, cure)


def warned(name: str, why: str, cure: str = "") -> Check:
    """Better mended, rejected by nobody."""
    return Check(name, Result.WARN, why, cure)


def unknown(name: str, why: str, cure: str = "") -> Check:
    """It could not be found out."""
    return Check(name, Result.UNKNOWN, why, cure)


def tags_of(record: str) -> dict[str, str]:
    """`v=X; a=b` as a dictionary; the first of two tags with one name (RFC 6376 3.2)."""
    tags: dict[str, str] = {}
    for part in record.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    return tags
