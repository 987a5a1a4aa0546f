"""`plan`: what-if rows, deadlines, the picture of the curve."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from severally.app.cli import paint_plan
from severally.app.config import Workspace, load
from severally.app.lanes import lane_of
from severally.app.office import Office, open_office
from severally.app.operations import charts, plans, whatif
from severally.app.operations.forecast import DIRECT_S, RELAY_S, Forecast
from severally.app.operations.results import AudienceResult, PlanLane, PlanResult, WhatIf
from severally.app.wiring import Wiring
from severally.model.errors import UsageError
from severally.model.learned import Learned

CONFIG = """
[workspace]
purpose = "trial"

[senders.notices]
address = "notices@exchange.example"

[routes.direct]
type = "mx"
resolver = "127.0.0.1:5353"

[limits.yahoo]
rate = "600/min"
"""
RELAY = '[routes.relay]\ntype = "smtp"\nhost = "127.0.0.1"\ntls = "none"\n'
PEOPLE = {"google": 600, "yahoo": 2_400, "mx.one.example": 100}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    (tmp_path / "severally.toml").write_text(CONFIG, "utf-8")
    monkeypatch.setenv("SEVERALLY_DATA_KEY", random.Random(1).randbytes(32).hex())
    monkeypatch.setenv("SEVERALLY_INDEX_KEY", random.Random(2).randbytes(32).hex())
    with open_office(load(tmp_path), Wiring(find_camera=lambda: None)) as opened:
        yield opened


def asked(office: Office, route: str = "direct") -> Forecast:
    return Forecast(office.workspace, route, PEOPLE, 2_000.0, 100)


def test_a_direct_plan_says_what_another_address_or_another_way_would_do(office: Office) -> None:
    forecast = asked(office)
    planned = forecast.run()
    found = whatif.rows(forecast, planned, [])
    rows = {row.text: row for row in found}
    assert planned.makespan_s == pytest.approx(240, rel=0.01)
    assert (planned.limit, planned.limit_of) == ("rate", "direct/yahoo")
    assert rows["yahoo at 1,200/min"].estimate_s == pytest.approx(144, rel=0.02), "connections now"
    assert rows["a second source address"].estimate_s == pytest.approx(120, rel=0.02)
    assert rows["by a provider's API of 100/s"].estimate_s == pytest.approx(31, rel=0.02)
    assert rows["by a relay with 20 connections"].estimate_s < 5
    assert "a machine twice as fast" not in rows, "it would win nothing"
    ends = [row.estimate_s for row in found]
    assert ends == sorted(ends)


def test_whoever_is_on_this_machine_answers_sooner(office: Office) -> None:
    far = replace(asked(office), receivers={"mx.one.example": 1})
    near = replace(far, near=True)
    assert far.run().makespan_s == pytest.approx(DIRECT_S)
    assert near.run().makespan_s == pytest.approx(RELAY_S)


def test_a_configured_relay_is_asked_instead_of_one_that_could_be(
    office: Office, tmp_path: Path
) -> None:
    (tmp_path / "severally.toml").write_text(CONFIG + RELAY, "utf-8")
    workspace = load(tmp_path)
    forecast = elsewhere(asked(office), workspace)
    others = plans.relays(workspace, forecast)
    counted = {other.route: other.receivers for other in others}
    assert counted == {"relay": {"google": 600, "yahoo": 2_400, "other": 100}}
    texts = [row.text for row in whatif.rows(forecast, forecast.run(), others)]
    assert "by route relay" in texts
    assert "by a relay with 20 connections" not in texts
    back = elsewhere(asked(office, "relay"), workspace)
    assert plans.relays(workspace, back) == [], "straight to MX needs DNS: a plan of its own"


def elsewhere(forecast: Forecast, workspace: Workspace) -> Forecast:
    return replace(forecast, workspace=workspace)


def test_the_longest_is_twice_as_long_and_what_was_put_off(office: Office) -> None:
    forecast = asked(office)
    longest = forecast.longest().run()
    assert 480 <= longest.makespan_s <= 480 + 900 + 60


def result(within_s: float) -> PlanResult:
    audience = AudienceResult("customers.csv", 100, 0, 0, {}, {}, (), (), "", ())
    return PlanResult(
        "index-change",
        "direct",
        100,
        1_000.0,
        2_500.0,
        "direct/yahoo",
        "rate",
        "direct/yahoo",
        (PlanLane("direct/yahoo", 100, "6/min", 5, 20, "shipped", 1_000.0, 2_500.0, "rate"),),
        (WhatIf("by route relay", 20.0, "route"), WhatIf("yahoo at 12/min", 500.0, "setting")),
        within_s,
        True,
        tuple((10.0 * n, n) for n in range(1, 101)),
        audience,
    )


@pytest.mark.parametrize(
    ("within_s", "said"),
    [
        (3_000.0, "in time: the deadline is in 50 min 00 s, also at the longest"),
        (1_500.0, "in time as estimated, not at the longest"),
        (
            600.0,
            "too late: in 10 min 00 s 60 % would be told; "
            "in time with: by route relay; yahoo at 12/min",
        ),
        (10.0, "too late: in 10 s 1 % would be told; no single change below would do"),
    ],
)
def test_a_deadline_is_answered_and_what_would_keep_it(within_s: float, said: str) -> None:
    console = Console(width=120, no_color=True, highlight=False)
    with console.capture() as capture:
        paint_plan.plan(result(within_s), console)
    text = capture.get()
    assert said in text
    assert "16 min 40 s → 20 s" in text
    assert "the bottleneck is direct/yahoo (its rate)" in text
    assert "each takes so much from one address" in text


def test_the_picture_is_a_curve_from_nothing_to_everybody(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "curve.svg"
    charts.check(office, file)
    charts.write(office, file, "terms & <more>", result(0.0).curve)
    tree = ET.fromstring(file.read_text("utf-8"))
    (line,) = tree.iter("{http://www.w3.org/2000/svg}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert points == sorted(points) and points[0][1] == 554.0 and points[-1] == (972.0, 56.0)
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "terms & <more>" and "100" in texts and "16 min 40 s" in texts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("curve.pdf", r"ends in \.png or \.svg"),
        ("nowhere/curve.svg", "there is no folder"),
        ("curve.png", "needs Chromium"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_anything_is_read(
    office: Office, tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        charts.check(office, tmp_path / name)


def test_a_plan_goes_by_what_was_learned_and_says_so(office: Office) -> None:
    forecast = asked(office)
    lane = lane_of(office.workspace, forecast.route, "yahoo")
    assert lane.limits.rate is not None
    half = 0.5 / lane.limits.rate.spacing
    learned = {lane.key: Learned(half, 0.0, forecast.began)}
    slower = replace(forecast, learned=learned)
    planned = slower.run()
    yahoo = next(each for each in planned.lanes if each.lane == lane.key)
    alone = next(each for each in forecast.run().lanes if each.lane == lane.key)
    assert yahoo.finish_s == pytest.approx(2 * alone.finish_s, rel=0.01)
    (row,) = [each for each in plans._lanes(slower, planned, planned) if each.lane == lane.key]
    assert row.source.startswith("learned ") and str(lane.limits.rate) in row.source
    other = replace(forecast, learned={lane.key: Learned(100 * half, 0.0, 0.0)})
    assert other.rate_of("yahoo") == lane.limits.rate
