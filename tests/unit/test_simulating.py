"""`simulate` as an operation: workers, bounds, lanes without DNS."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from severally.app.cli.chart import area, share_at
from severally.app.config import load
from severally.app.office import Office, open_office
from severally.app.operations import mix, simulating
from severally.app.wiring import Wiring
from severally.pace.plan import Plan

CONFIG = """
[workspace]
purpose = "trial"

[senders.notices]
address = "notices@exchange.example"

[routes.relay]
type = "smtp"
host = "127.0.0.1"
port = 2525
tls = "none"
connections = 200

[routes.direct]
type = "mx"
resolver = "127.0.0.1:5353"
"""


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    (tmp_path / "severally.toml").write_text(CONFIG, "utf-8")
    monkeypatch.setenv("SEVERALLY_DATA_KEY", random.Random(1).randbytes(32).hex())
    monkeypatch.setenv("SEVERALLY_INDEX_KEY", random.Random(2).randbytes(32).hex())
    with open_office(load(tmp_path), Wiring()) as opened:
        yield opened


def test_a_relay_needs_as_many_machines_as_it_can_take(office: Office) -> None:
    """200 connections, 5 messages each in 50 ms: 20,000/s, while one machine has 100 on the way."""
    told = mix.made_up(500_000, 30)
    result = simulating.simulate(office, told, None, "relay", None, 1_000.0)
    assert result.recipients == 500_000
    assert 15 <= result.workers <= 21
    assert result.alone_s == pytest.approx(500.0, rel=0.02)
    assert result.unbounded_s * 0.99 <= result.estimate_s <= result.unbounded_s * 1.04
    assert result.machine_hours == pytest.approx(500_000 / 1_000 / 3600, abs=0.001)
    assert result.curve[-1] == (result.estimate_s, 500_000)


def test_a_number_of_workers_is_kept_to(office: Office) -> None:
    told = mix.made_up(20_000, 10)
    result = simulating.simulate(office, told, None, "relay", 2, 500.0)
    assert (result.workers, result.speed) == (2, 500.0)
    assert result.estimate_s == pytest.approx(result.alone_s / 2, rel=0.02)
    assert (result.limit, result.limit_of) == ("machine", "")


def test_straight_to_the_providers_their_rates_are_the_bottleneck(office: Office) -> None:
    told = mix.made_up(6_000, 40)
    result = simulating.simulate(office, told, None, "direct", None, None)
    assert result.lanes == 37, "hotmail is outlook's, aol yahoo's, web.de gmx's; the rest their own"
    assert (result.workers, result.limit) == (1, "rate")
    assert result.limit_of == result.slowest[0].lane == "direct/google"
    assert result.estimate_s == pytest.approx(told["gmail.com"] / 10, rel=0.01)
    assert 2 * result.estimate_s <= result.longest_s <= 2 * result.estimate_s + 1_000


@pytest.mark.parametrize("true", [1, 2, 3, 7, 64, 1_000])
def test_the_fewest_workers_are_found(true: int) -> None:
    asked: list[int] = []

    def run(count: int) -> Plan:
        asked.append(count)
        return Plan((), 100.0 if count >= true else 200.0, "", ())

    assert simulating._enough(run, Plan((), 100.0, "", ()), 1_000.0) == true
    assert len(asked) < 25


def test_the_curve_is_drawn_to_the_end() -> None:
    curve = [(float(at), at * 10) for at in range(1, 101)]
    lines = area(curve, width=40, height=4)
    assert lines[0].startswith(" 100 % ┤") and lines[0].endswith("█")
    assert lines[-1].split() == ["0", "50", "s", "1", "min", "40", "s"]
    assert share_at(curve, 50, 1_000) == 0.5
    assert {len(line) for line in lines[:4]} == {48}
    assert area([]) == []
