"""What `serve` shows about mailings and what comes back, in the form Prometheus reads.

Mailings, lanes, locales and classes; nobody's address or id.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as Count
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from severally.app.office import Office
from severally.app.operations.looking import by_lane
from severally.model.mailing import SENTINELS, Mailing

if TYPE_CHECKING:
    from severally.app.serving_parts import Served

_LATE_S = 7 * 86_400.0
"""So long after its end a mailing is shown: by then what comes back has come."""
_MOST = 20


class Incoming:
    """What the intake of this process read, by what it was, and where reading failed."""

    def __init__(self, registry: CollectorRegistry, kept: Callable[[], int]) -> None:
        self._messages = Count(
            "severally_incoming_messages",
            "Messages that came back, by what they were.",
            ["what"],
            registry=registry,
        )
        self._failures = Count(
            "severally_incoming_failures",
            "Places that could not be read.",
            ["place"],
            registry=registry,
        )
        waiting = Gauge(
            "severally_incoming_kept",
            "Messages nobody understood, for a person to look at.",
            registry=registry,
        )
        waiting.set_function(kept)

    def read(self, place: str, found: Counter[str] | None) -> None:
        """These were read there; None where it could not be read."""
        if found is None:
            self._failures.labels(place).inc()
            return
        for what, count in found.items():
            self._messages.labels(what).inc(count)


class Mailings(Collector):
    """Mailings under way and lately ended: read when somebody asks."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def collect(self) -> Iterator[Metric]:
        """Deliveries by lane and state, events by lane, locale and kind."""
        deliveries = GaugeMetricFamily(
            "severally_deliveries",
            "Deliveries of a mailing by lane and state.",
            labels=["mailing", "lane", "state"],
        )
        events = GaugeMetricFamily(
            "severally_events",
            "What was heard of a mailing by lane, locale and kind.",
            labels=["mailing", "lane", "locale", "kind"],
        )
        ledger = self._office.ledger
        for mailing in self._shown():
            tally = ledger.tally(mailing.id)
            for lane, states in by_lane(self._office, mailing.id, tally).items():
                for state, count in states.items():
                    deliveries.add_metric([mailing.id, lane, state.word], count)
            lanes = ledger.lanes(mailing.id)
            heard: Counter[tuple[str, str, str]] = Counter()
            for each in ledger.events_over_time(mailing.id, 0.0, math.inf):
                heard[lanes[each.receiver], each.locale, each.what] += each.count
            for labels, count in sorted(heard.items()):
                events.add_metric([mailing.id, *labels], count)
        yield deliveries
        yield events

    def _shown(self) -> list[Mailing]:
        late = self._office.wiring.clock.wall() - _LATE_S
        under_way = self._office.ledger.orders()
        return [
            each
            for each in reversed(self._office.ledger.mailings())
            if not each.id.endswith(SENTINELS) and (each.id in under_way or each.ended_at > late)
        ][:_MOST]


@contextlib.asynccontextmanager
async def part(office: Office, served: Served) -> AsyncIterator[None]:
    """For `serve`: mailings among its metrics."""
    shown = Mailings(office)
    served.watched.registry.register(shown)
    try:
        yield
    finally:
        served.watched.registry.unregister(shown)
