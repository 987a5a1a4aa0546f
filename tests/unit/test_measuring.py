"""Metrics of mailings and of what comes back: sums, and nobody's name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from tests.bounces import corpus
from tests.mailbag import Mailbag

from severally.app.config import load
from severally.app.lock import DeliveryLock
from severally.app.office import Office
from severally.app.operations.measuring import Incoming, Mailings
from severally.app.wiring import Wiring
from severally.model.incoming import Came


def test_mailings_and_what_came_back_by_lane_locale_and_kind(tmp_path: Path) -> None:
    (tmp_path / "severally.toml").write_text('[routes.main]\ntype = "discard"\n')
    bag = Mailbag(3)
    registry = CollectorRegistry()
    office = Office(load(tmp_path), Wiring(), bag.keys, bag.ledger, DeliveryLock(tmp_path / "lock"))
    registry.register(Mailings(office))
    seen = Incoming(registry, lambda: 4)
    for case in list(corpus())[:40]:
        person = bag.people[1]
        judged = bag.intake.judge(Came("x", case.message(bag.tokens[person], person), 5.0))
        bag.ledger.add_events([judged.event] if judged.event else [], 6.0)
    seen.read("bounces", Counter({"invalid": 2}))
    seen.read("bounces", None)
    text = generate_latest(registry).decode()
    lane, mailing = 'lane="main/google"', 'mailing="m-1"'
    assert f'severally_deliveries{{{lane},{mailing},state="ready"}} 3.0' in text
    assert f'severally_events{{kind="invalid",{lane},locale="en",{mailing}}} 1.0' in text
    assert 'severally_incoming_messages_total{what="invalid"} 2.0' in text
    assert 'severally_incoming_failures_total{place="bounces"} 1.0' in text
    assert "severally_incoming_kept 4.0" in text
    assert not any(person in text for person in bag.people) and "@" not in text
