"""Prometheus metrics of urgent messages: what waits, how long it took, what failed, which route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from severally.app.urgent.reader import OutboxWatch
from severally.deliver.urgent.courier import Watch
from severally.deliver.urgent.way import Way
from severally.deliver.urgent.words import Told
from severally.model.delivery import DeliveryState
from severally.model.urgent import Urgent
from severally.pace.breaker import Condition
from severally.ports import Clock, Ledger

_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800)


class UrgentMetrics(Collector):
    """Counts what the courier tells; the backlog is read when somebody asks."""

    def __init__(self, registry: CollectorRegistry, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ways: Sequence[Way] = ()
        self._seconds = Histogram(
            "severally_urgent_seconds",
            "From a message's acceptance (or its time) to its receiver's answer.",
            ["event", "route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._ended = Counter(
            "severally_urgent_ended", "Messages by last state.", ["event", "state"],
            registry=registry,
        )  # fmt: skip
        self._attempts = Counter(
            "severally_urgent_attempts", "Attempts by what they told.", ["route", "told"],
            registry=registry,
        )  # fmt: skip
        self._rows = Counter(
            "severally_outbox_rows", "Rows of an outbox by what they were answered.",
            ["outbox", "answer"], registry=registry,
        )  # fmt: skip
        self._readable = Gauge(
            "severally_outbox_readable", "1 while an outbox can be read and answered.", ["outbox"],
            registry=registry,
        )  # fmt: skip
        self._log = structlog.get_logger("severally.urgent")
        self.watch = Watch(self._on_end, self._on_attempt)
        self.outbox = OutboxWatch(self._on_rows, self._on_failure)
        registry.register(self)

    def ways(self, ways: Sequence[Way]) -> None:
        """The routes whose condition is shown."""
        self._ways = ways

    def _on_end(self, urgent: Urgent, state: DeliveryState, route: str, seconds: float) -> None:
        self._ended.labels(urgent.event, state.word).inc()
        if state is DeliveryState.ACCEPTED:
            self._seconds.labels(urgent.event, route).observe(seconds)

    def _on_attempt(self, route: str, told: Told) -> None:
        self._attempts.labels(route, told.value).inc()

    def _on_rows(self, outbox: str, answer: str, count: int) -> None:
        self._readable.labels(outbox).set(1)
        self._rows.labels(outbox, answer).inc(count)

    def _on_failure(self, outbox: str, why: str) -> None:
        self._readable.labels(outbox).set(0 if why else 1)
        if why:
            self._log.error("outbox cannot be read", place=outbox, error=why)
        else:
            self._log.info("outbox can be read again", place=outbox)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is read from the record, and the routes' condition."""
        backlog = self._ledger.urgent_backlog()
        waiting = GaugeMetricFamily(
            "severally_urgent_waiting", "Messages that are not final.", labels=["state"]
        )
        for state, count in backlog.counts.items():
            waiting.add_metric([state.word], count)
        yield waiting
        age = self._clock.wall() - backlog.oldest if backlog.oldest else 0.0
        yield GaugeMetricFamily(
            "severally_urgent_oldest_seconds", "Age of the oldest that is not final.", value=age
        )
        up = GaugeMetricFamily(
            "severally_urgent_route_well", "1 while the route is used.", labels=["route"]
        )
        for way in self._ways:
            up.add_metric([way.name], way.breaker.condition is Condition.WELL)
        yield up
