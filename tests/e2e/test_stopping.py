"""Halting, interrupting, handing over and taking over: several processes on one workspace.

The world runs in a process of its own and is the judge: what it kept, and when, by its clock.
"""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from proofs import workspace
from proofs.outside import world_route

from severally.sim.process import WorldProcess
from severally.sim.providers import RELAY, Moods
from severally.sim.world import Setting

CUSTOMERS = 600
SLOW = RELAY.having(moods=Moods(dot_s=0.05))
SEND = ("send", "index-change", "--audience", "customers.csv", "--json")
PATIENCE_S = 120


@pytest.fixture
def world() -> Iterator[WorldProcess]:
    """A relay that takes 50 ms for each message."""
    with WorldProcess(Setting((SLOW,))) as process:
        yield process


@pytest.fixture
def place(tmp_path: Path, world: WorldProcess) -> Path:
    """A workspace that leads there over four connections: about 80 messages a second."""
    more = "[sending]\nmax_in_doubt = 16\n"
    route = world_route(world, "connections = 4\n")
    return workspace.make(tmp_path / "place", CUSTOMERS, route, more)


def kept(world: WorldProcess) -> int:
    return world.counts()[RELAY.id].kept


def wait_until(condition: Callable[[], bool]) -> None:
    """Another process is at work; there is nothing to be told by but looking."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def sending(place: Path, world: WorldProcess) -> subprocess.Popen[str]:
    """A sender that is in the midst of it."""
    process = workspace.start(place, *SEND)
    wait_until(lambda: kept(world) > 20 or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Its exit code, what it said, and what it said on the way."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, json.loads(out) if out else {}, err


def newest(place: Path) -> str:
    status = json.loads(workspace.severally(place, "status", "--json").stdout)
    return str(status["mailings"][0]["mailing"])


def told_once(world: WorldProcess, count: int = CUSTOMERS) -> None:
    """Everybody, and nobody twice."""
    per_mailbox = world.record().per_mailbox()
    per_mailbox.pop("mark@clock.example", None)
    assert (len(per_mailbox), max(per_mailbox.values())) == (count, 1)


def mark(world: WorldProcess) -> float:
    """Now, by the world's own clock: when it keeps a message of ours."""
    with smtplib.SMTP(world.hosts[RELAY.id], world.port) as smtp:
        smtp.sendmail("t@exchange.example", ["mark@clock.example"], "Subject: now\r\n\r\n")
    arrivals = world.record().arrivals()
    return max(each.at for each in arrivals if each.mailbox == "mark@clock.example")


def test_a_halt_from_another_process_takes_effect_within_a_second_and_resume_goes_on(
    place: Path, world: WorldProcess
) -> None:
    sender = sending(place, world)
    mailing = newest(place)
    halted = workspace.severally(place, "halt", mailing, "--reason", "wrong date", "--json")
    moment = mark(world)
    assert json.loads(halted.stdout)["halted"] == [mailing]
    code, report, _ = ended(sender)
    assert (code, report["state"], report["reason"]) == (4, "halted", "wrong date")
    last = max(a.at for a in world.record().arrivals() if a.mailbox != "mark@clock.example")
    assert last <= moment + 1.0
    assert report["counts"]["in_doubt"] == 0
    assert 0 < report["counts"]["accepted"] == kept(world) - 1 < CUSTOMERS
    assert report["counts"]["ready"] == CUSTOMERS - report["counts"]["accepted"]

    resumed = json.loads(workspace.severally(place, "resume", mailing, "--json").stdout)
    assert (resumed["state"], resumed["counts"]["accepted"]) == ("done", CUSTOMERS)
    told_once(world)
    assert [act["what"] for act in resumed["history"]].count("halted") == 1


def test_ctrl_c_finishes_what_is_in_flight(place: Path, world: WorldProcess) -> None:
    sender = sending(place, world)
    sender.send_signal(signal.SIGINT)
    code, report, said = ended(sender)
    assert (code, report["counts"]["in_doubt"]) == (5, 0)
    assert "finishing what is in flight" in said
    assert "Traceback" not in said
    assert 0 < report["counts"]["accepted"] == kept(world) < CUSTOMERS
    again = json.loads(workspace.severally(place, "resume", report["mailing"], "--json").stdout)
    assert again["counts"]["accepted"] == CUSTOMERS
    told_once(world)


def test_ctrl_c_twice_leaves_in_doubt_what_is_in_flight_and_no_more(
    place: Path, world: WorldProcess
) -> None:
    sender = sending(place, world)
    sender.send_signal(signal.SIGINT)
    assert sender.stderr is not None
    wait_until(lambda: "in flight" in sender.stderr.readline())  # type: ignore[union-attr]
    sender.send_signal(signal.SIGINT)
    code, report, said = ended(sender)
    assert code == 5
    assert "Traceback" not in said
    assert len(report["in_doubt"]) == report["counts"]["in_doubt"] <= 16
    again = workspace.severally(place, "resume", report["mailing"], "--json", code=None)
    final = json.loads(again.stdout)
    assert final["counts"]["accepted"] + final["counts"]["in_doubt"] == CUSTOMERS
    assert again.returncode == (5 if final["in_doubt"] else 0)
    per_mailbox = world.record().per_mailbox()
    assert max(per_mailbox.values()) == 1
    assert len(per_mailbox) >= final["counts"]["accepted"]


def test_until_ends_the_wait(place: Path, world: WorldProcess) -> None:
    code, report, _ = ended(workspace.start(place, *SEND, "--until", "+3s"))
    assert (code, report["state"], report["counts"]["in_doubt"]) == (5, "sending", 0)
    assert report["counts"]["accepted"] == kept(world) < CUSTOMERS


def test_a_second_send_hands_over_and_takes_over_when_the_first_is_killed(
    place: Path, world: WorldProcess
) -> None:
    workspace.write_customers(place / "others.csv", CUSTOMERS, seed=2, prefix="other")
    first = sending(place, world)
    mailing = newest(place)
    second = workspace.start(place, "send", "index-change", "--audience", "others.csv", "--json")
    assert second.stderr is not None
    wait_until(lambda: "takes this mailing over" in second.stderr.readline())  # type: ignore[union-attr]
    wait_until(lambda: any(m.startswith("other") for m in world.record().per_mailbox()))
    first.kill()
    first.communicate()
    code, report, _ = ended(second)
    assert code in (0, 5)
    assert report["counts"]["accepted"] + report["counts"]["in_doubt"] == CUSTOMERS
    rest = workspace.severally(place, "resume", mailing, "--json", code=None)
    other = json.loads(rest.stdout)
    assert other["counts"]["accepted"] + other["counts"]["in_doubt"] == CUSTOMERS
    assert report["counts"]["in_doubt"] + other["counts"]["in_doubt"] <= 16
    assert max(world.record().per_mailbox().values()) == 1


def test_the_same_send_at_once_and_later_mails_nobody_again(
    place: Path, world: WorldProcess
) -> None:
    both = [workspace.start(place, *SEND) for _ in range(2)]
    ends = [ended(each) for each in both]
    assert sorted(code for code, _, _ in ends) == [0, 3]
    told_once(world)
    refused = workspace.severally(place, *SEND, code=3)
    assert "sent before" in refused.stdout + refused.stderr
    told_once(world)
    again = workspace.severally(place, *SEND, "--again", "the first had the wrong date")
    history = json.loads(again.stdout)["history"]
    assert [act["detail"] for act in history if act["what"] == "sent again"] == [
        "the first had the wrong date"
    ]
    assert set(world.record().per_mailbox().values()) == {2}
