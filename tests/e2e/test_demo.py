"""The demo as a newcomer runs it, read through its --json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from severally.app.demo.customers import customers, mix, write_csv
from severally.app.demo.scenery import providers


def severally(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "severally.app.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "workspace"


@pytest.fixture(scope="module")
def shown(kept: Path) -> dict[str, Any]:
    done = severally("demo", "--customers", "500", "--keep", str(kept), "--json")
    assert done.returncode == 0, done.stderr
    assert "@" not in done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_everybody_got_one_message_and_saw_one_address(shown: dict[str, Any]) -> None:
    proof = shown["proof"]
    assert (proof["customers"], proof["messages"], proof["mailboxes"]) == (500, 500, 500)
    assert (proof["twice"], proof["most_seen"], proof["strangers"]) == (0, 1, 0)
    for provider in proof["providers"]:
        assert not provider["replies"].get("too_many_connections")
        assert not provider["replies"].get("too_many_messages")
        assert not provider["replies"].get("unknown_user")


def test_the_senders_own_report_agrees(shown: dict[str, Any]) -> None:
    report = shown["report"]
    assert report["state"] == "done"
    assert report["counts"]["accepted"] == report["audience"] == 500
    assert report["estimate_s"] > 0 and report["elapsed_s"] > 0
    ended = [lane["ended_s"] for lane in shown["slowest"]]
    assert len(ended) == 3 and ended == sorted(ended, reverse=True)


def test_providers_greylisted_and_asked_to_slow_down(shown: dict[str, Any]) -> None:
    said = {each["provider"]: each["replies"] for each in shown["proof"]["providers"]}
    assert said["other"]["greylisted"] > 0
    assert said["yahoo"]["slow_down"] > 0


def test_2019_is_refused_and_nothing_of_it_arrives(shown: dict[str, Any]) -> None:
    replay = shown["replay"]
    assert replay["addresses"] == 500
    assert replay["would_show"] == "each of 500 recipients would see 499 others"
    assert (replay["state"], replay["exit_code"], replay["reached"]) == ("halted", 4, 0)
    assert "the To field shows 500 addresses" in replay["refusal"]


def test_the_workspace_that_is_kept_tells_the_same(shown: dict[str, Any], kept: Path) -> None:
    mailing = shown["report"]["mailing"]
    done = severally("report", mailing, "--workspace", str(kept), "--json")
    assert json.loads(done.stdout)["counts"] == shown["report"]["counts"]


def test_customers_are_as_many_as_asked_for_and_the_same_each_time(tmp_path: Path) -> None:
    many = list(customers(2_000, 7))
    assert many == list(customers(2_000, 7))
    assert many[:500] == list(customers(500, 7)) != list(customers(500, 8))
    assert len({customer.email for customer in many}) == len(many)
    write_csv(tmp_path / "customers.csv", many)
    assert (tmp_path / "customers.csv").read_text("utf-8").count("\n") == 2_001


def test_every_customer_has_a_provider_and_the_shares_are_whole() -> None:
    assert sum(mix().share.values()) == pytest.approx(100)
    domains = {domain for provider in providers([]) for domain in provider.domains}
    assert set(mix().share) == domains
