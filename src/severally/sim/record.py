"""What the world kept and counted: the judge of a proof.

Holds addresses, of people who do not exist; none of it is ever logged or shown by `repr`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import msgspec

from severally.model.lane import Limits


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One message as one mailbox got it.

    `at`: seconds since the world began. `to` and `body`: the world's mailboxes whose
    addresses can be seen in it (`reading.Seen`). `answered` is False where the connection
    broke off after the final dot, before a reply.
    """

    at: float
    mailbox: str
    to: tuple[str, ...]
    body: tuple[str, ...]
    message_id: str
    size: int
    answered: bool

    def __repr__(self) -> str:
        return f"Arrival({self.at:.3f}, {self.size} bytes)"


class Counts(msgspec.Struct, frozen=True):
    """How it stands at a provider now: cheap to ask for. `unanswered`: final dots seen whose
    reply has not left yet."""

    attempts: int = 0
    kept: int = 0
    connections: int = 0
    unanswered: int = 0


class ProviderRecord(msgspec.Struct, frozen=True):
    """One provider. `replies`: how often each thing was said (`accepted`, `slow_down`,
    `greylisted` and so on). The peaks are what it counted itself: attempts in any window of
    its rate's unit, connections at once, messages on one connection."""

    id: str
    limits: Limits
    arrivals: tuple[Arrival, ...]
    attempts: int
    connections: int
    replies: dict[str, int]
    most_in_window: int
    most_connections: int
    most_on_connection: int

    def __repr__(self) -> str:
        return f"ProviderRecord({self.id!r}, {len(self.arrivals)} messages)"

    @property
    def exceeded(self) -> tuple[str, ...]:
        """Which of its limits was ever passed, by how much. A rate of N lets N + 1 into a
        closed window: evenly spaced ones at both its ends."""
        limits, found = self.limits, list[str]()
        if limits.rate and self.most_in_window > limits.rate.count + 1:
            found.append(f"{self.id}: {self.most_in_window} in a window, limit {limits.rate}")
        if limits.connections and self.most_connections > limits.connections:
            found.append(
                f"{self.id}: {self.most_connections} connections at once, "
                f"limit {limits.connections}"
            )
        most = limits.messages_per_connection
        if most and self.most_on_connection > most:
            found.append(f"{self.id}: {self.most_on_connection} on one connection, limit {most}")
        return tuple(found)


class Record(msgspec.Struct, frozen=True):
    """The whole world's."""

    providers: tuple[ProviderRecord, ...]

    def __repr__(self) -> str:
        return f"Record({self.messages} messages)"

    def __getitem__(self, provider: str) -> ProviderRecord:
        return next(each for each in self.providers if each.id == provider)

    def arrivals(self) -> Iterator[Arrival]:
        """Every message at every mailbox."""
        for provider in self.providers:
            yield from provider.arrivals

    @property
    def messages(self) -> int:
        """How many messages were kept, counted once for each mailbox that got one."""
        return sum(len(provider.arrivals) for provider in self.providers)

    def per_mailbox(self) -> dict[str, int]:
        """Mailbox -> messages it got."""
        return dict(Counter(arrival.mailbox for arrival in self.arrivals()))

    def seen(self) -> dict[str, frozenset[str]]:
        """Mailbox -> every mailbox's address it could see, its own included."""
        seen: defaultdict[str, set[str]] = defaultdict(set)
        for arrival in self.arrivals():
            seen[arrival.mailbox].update(arrival.to, arrival.body)
        return {mailbox: frozenset(addresses) for mailbox, addresses in seen.items()}

    def strangers(self) -> int:
        """Mailboxes that could see an address that is not their own."""
        return sum(bool(addresses - {mailbox}) for mailbox, addresses in self.seen().items())

    @property
    def exceeded(self) -> tuple[str, ...]:
        """Every limit that was ever passed, in words; empty where none was."""
        return tuple(line for provider in self.providers for line in provider.exceeded)
