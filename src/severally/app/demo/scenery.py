"""The demo's internet: ten providers made faster, with moods; and the workspace that meets them.

Every figure that is not a real one is scaled by the constants here, which the demo prints.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import msgspec

from severally.model.lane import Rate
from severally.sim.providers import Moods, Provider, Spell, shipped_providers

RATES_TIMES = 30
"""So that what takes a quarter of an hour takes half a minute."""
CONNECTIONS_TIMES = 8
"""Less than the rates: a reply here takes a few milliseconds, elsewhere a few hundred."""
TENTHS = 8
"""The workspace keeps to so many tenths of each rate: on a busy machine messages bunch."""
LATENCY_S = 0.004
SPREAD_S = 0.004
GREYLIST_S = 4.0
"""Greylisting elsewhere asks for five minutes and more."""
GREYLISTED = {"united_internet": 0.5, "other": 0.25}
"""Share of mailboxes whose first message is put off."""
SLOWING = {"yahoo": (0.2, 2.0), "yandex": (0.3, 2.0), "microsoft": (0.1, 1.0)}
"""After which share of its customers a provider asks to slow down, and for how many seconds."""
WAIT_S = 3.0
"""The wait it then names. Elsewhere none is named, and a sender waits a quarter of an hour."""
RETRY_S = 5


class Place(Protocol):
    """Where a world listens."""

    @property
    def port(self) -> int: ...
    @property
    def resolver(self) -> str: ...


def providers(addresses: Iterable[str]) -> tuple[Provider, ...]:
    """The ten, for these customers: no user is unknown, everybody can be reached."""
    counts: Counter[str] = Counter(address.rpartition("@")[2] for address in addresses)
    return tuple(
        _in_the_demo(provider, sum(counts[domain] for domain in provider.domains))
        for provider in shipped_providers()
    )


def _in_the_demo(provider: Provider, customers: int) -> Provider:
    faster = provider.scaled(RATES_TIMES)
    connections = (faster.limits.connections or 0) * CONNECTIONS_TIMES
    spells: tuple[Spell, ...] = ()
    if provider.id in SLOWING:
        share, for_s = SLOWING[provider.id]
        spells = (Spell(max(2, math.ceil(customers * share)), for_s),)
    return faster.having(
        msgspec.structs.replace(faster.limits, connections=connections or None),
        Moods(
            greylisted=GREYLISTED.get(provider.id, 0.0),
            greylist_s=GREYLIST_S,
            spells=spells,
            wait_s=WAIT_S,
            latency_s=LATENCY_S,
            spread_s=SPREAD_S,
        ),
    )


def settings(world: Place, world_providers: Iterable[Provider], whose: str = "demo") -> str:
    """The demo's severally.toml: an mx route into the world, its limits, quick retries."""
    providers = tuple(world_providers)
    return "\n".join(
        [
            _HEAD.format(port=world.port, resolver=world.resolver, retry=RETRY_S, whose=whose),
            *(_limits(provider) for provider in providers),
            "[receivers]",
            *(f"{each.id} = {_list(each.domains)}" for each in providers),
            "",
        ]
    )


def _limits(provider: Provider) -> str:
    limits = provider.limits
    rate = limits.rate and Rate(limits.rate.count * TENTHS // 10, limits.rate.unit_s)
    return (
        f"[limits.{provider.id}]\n"
        f'rate = "{rate or 0}"\n'
        f"connections = {limits.connections or 0}\n"
        f"messages_per_connection = {limits.messages_per_connection or 0}\n"
    )


def _list(words: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


_HEAD = """\
# The {whose}'s workspace. Its providers live on this machine for as long as it runs; rates,
# connections and retries are scaled. For real use begin with: severally init DIR

[workspace]
purpose = "trial"
allow_domains = ["*.example"]
allow_hosts = ["127.0.0.0/8"]

[senders.notices]
address = "notices@exchange.example"
name = "Example Exchange"
reply_to = "support@exchange.example"
return_path = "bounces@exchange.example"

[routes.main]
type = "mx"
resolver = "{resolver}"
port = {port}
ehlo = "mail.exchange.example"

[retries]
first = "{retry}s"
most = "60s"
give_up = "10m"

[sending]
max_in_doubt = 400
"""
