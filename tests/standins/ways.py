"""Every provider that is a route: its stand-in, its key, how its route is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from severally.transport.api import Provider, Secret
from severally.transport.sendgrid import Sendgrid
from tests.standins import Expand, sendgrid


@dataclass(frozen=True)
class Way:
    """`make(url, key, batch)` is the transport's side, `table` the route's in severally.toml."""

    expand: Expand
    key: str
    table: str
    make: Callable[[str, Secret, int], Provider]
    batch: int = 4
    again: bool = False

    def provider(self, url: str) -> Provider:
        return self.make(url, Secret(self.key), self.batch)


WAYS = {
    "sendgrid": Way(
        sendgrid.expand,
        sendgrid.KEY,
        'type = "sendgrid"',
        lambda url, key, batch: Sendgrid(key, url, batch),
    ),
}
