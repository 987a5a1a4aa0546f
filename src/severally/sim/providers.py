"""Who receives, and how: limits, words, moods. Data only; `site` acts on it.

The ten providers that come with the program stand in `providers.toml`, with the words of
real ones and their sources. Every provider can be given other limits and moods:

    [google, *rest] = shipped_providers()
    google = google.having(limits=Limits(Rate(5, 1), connections=2), moods=Moods(unknown=0.1))
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Literal

import msgspec

from severally.model.lane import Limits, Rate, parse_rate

Oddity = Literal["unknown", "greylisted", "busy", "dropped_before_data", "dropped_after_dot"]
"""What can be wrong with one mailbox; see Moods."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replies as a receiver says them: `421 4.7.0 text`, more lines after a line feed.

    `{mailbox}` and `{wait}` (whole seconds) are filled in. A reply with 421 closes the
    connection (RFC 5321 3.8).
    """

    slow_down: str
    unknown_user: str
    too_many_connections: str = "421 4.7.0 Too many connections"
    too_many_messages: str = "421 4.7.0 Too many messages for this session"
    greylisted: str = "450 4.2.0 Greylisted, try again in {wait} seconds"
    busy: str = "451 4.3.0 Temporary failure, please try again later"


class Spell(msgspec.Struct, frozen=True):
    """A time in which everybody is told to slow down: it begins with attempt number `after`
    and lasts `for_s` seconds."""

    after: int
    for_s: float


class Moods(msgspec.Struct, frozen=True):
    """What goes wrong, as shares of mailboxes from 0 to 1, drawn from the world's seed.

    `unknown`: no such user. `greylisted`: a mailbox's first attempt, and any that comes less
    than `greylist_s` after it, is put off. `busy`: the first attempt gets a temporary
    failure. `dropped_before_data`, `dropped_after_dot`: at a mailbox's first attempt the
    connection breaks off instead of the reply to DATA, or after the final dot, when the
    message is kept and nobody is told (RFC 1047).
    `wait_s`: named whenever somebody is told to slow down (a sentence of ours: real receivers
    leave it out, and a world whose time is scaled has to name a scaled wait).
    `latency_s`: from a command to its reply (a round trip), plus up to `spread_s` more, and
    after the final dot `dot_s` more. `oddities` names mailboxes (lower case) for tests.
    """

    unknown: float = 0.0
    greylisted: float = 0.0
    greylist_s: float = 300.0
    busy: float = 0.0
    dropped_before_data: float = 0.0
    dropped_after_dot: float = 0.0
    spells: tuple[Spell, ...] = ()
    wait_s: float = 0.0
    latency_s: float = 0.0
    spread_s: float = 0.0
    dot_s: float = 0.0
    oddities: Mapping[str, Oddity] = {}


class Provider(msgspec.Struct, frozen=True):
    """One receiving provider. Limits hold over all its connections together.

    A rate is exceeded by more than `count + 1` attempts (MAIL commands, refused ones
    included) in any closed window of its unit. `domains` are lower case; `*` takes mail for
    any domain, as a relay does.
    """

    id: str
    domains: tuple[str, ...]
    words: Words
    limits: Limits = Limits()
    moods: Moods = Moods()
    source: str = ""
    pipelining: bool = True
    smtputf8: bool = True

    @property
    def host(self) -> str:
        """The name of its mail host."""
        return f"mx1.{self.id.replace('_', '-')}.example"

    def having(self, limits: Limits | None = None, moods: Moods | None = None) -> Provider:
        """The same with other limits or moods."""
        return msgspec.structs.replace(
            self,
            limits=self.limits if limits is None else limits,
            moods=self.moods if moods is None else moods,
        )

    def scaled(self, factor: int) -> Provider:
        """The same, so many times as fast; connections stay as they are."""
        rate = self.limits.rate
        if rate is None:
            return self
        faster = _reduced(Rate(rate.count * factor, rate.unit_s))
        return self.having(limits=msgspec.structs.replace(self.limits, rate=faster))


def _reduced(rate: Rate) -> Rate:
    """`300/s` for `18000/min`: a shorter window is the stricter one."""
    if rate.unit_s > 1 and rate.count % rate.unit_s == 0:
        return Rate(rate.count // rate.unit_s, 1)
    return rate


RELAY = Provider(
    "relay",
    ("*",),
    Words("450 4.7.1 Rate limit exceeded, slow down", "550 5.1.1 <{mailbox}>: User unknown"),
    source="no provider: a relay without limits, for proofs",
)
"""Takes everything for everybody."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table of providers.toml."""

    domains: tuple[str, ...]
    rate: str
    connections: int
    messages_per_connection: int
    words: Words
    source: str


@functools.cache
def shipped_providers() -> tuple[Provider, ...]:
    """The ten of `providers.toml`, with their limits and without any moods."""
    text = (resources.files("severally.sim") / "providers.toml").read_text("utf-8")
    rows = msgspec.convert(tomllib.loads(text), dict[str, _Row])
    return tuple(
        Provider(
            name,
            row.domains,
            row.words,
            Limits(parse_rate(row.rate), row.connections, row.messages_per_connection),
            source=row.source,
        )
        for name, row in rows.items()
    )
