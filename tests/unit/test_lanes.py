"""Which limits hold on a lane: shipped, written, and each overridden alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from severally.app.config import Workspace, load
from severally.app.lanes import lane_of, source_of
from severally.model.destination import NO_MAIL, UNRESOLVED
from severally.model.errors import UsageError
from severally.model.lane import Limits, Rate

ROUTES = """\
[routes.direct]
type = "mx"
source_ip = "192.0.2.7"

[routes.relay]
type = "smtp"
host = "127.0.0.1"
tls = "none"
"""


def workspace(folder: Path, limits: str = "") -> Workspace:
    (folder / "severally.toml").write_text(ROUTES + limits)
    return load(folder)


def test_shipped_limits_hold_on_direct_routes_for_each_source_address(tmp_path: Path) -> None:
    lane = lane_of(workspace(tmp_path), "direct", "google")
    assert lane.limits == Limits(Rate(600, 60), 5, 50)
    assert lane.key == "direct/192.0.2.7/google"


def test_a_relay_has_a_quota_of_its_own(tmp_path: Path) -> None:
    here = workspace(tmp_path, '[limits.yahoo]\nrate = "5/s"\n')
    assert lane_of(here, "relay", "google").limits == Limits()
    assert lane_of(here, "relay", "yahoo").limits == Limits(Rate(5, 1))
    assert source_of(here, "relay", "google") == ""
    assert source_of(here, "relay", "yahoo") == "severally.toml"


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        ('rate = "1200/min"', Limits(Rate(1200, 60), 5, 50)),
        ('rate = "0"', Limits(None, 5, 50)),
        ("connections = 9", Limits(Rate(600, 60), 9, 50)),
        ("connections = 0", Limits(Rate(600, 60), None, 50)),
        ("messages_per_connection = 3", Limits(Rate(600, 60), 5, 3)),
        ('rate = "1/s"\nconnections = 1\nmessages_per_connection = 1', Limits(Rate(1, 1), 1, 1)),
    ],
)
def test_every_limit_is_overridden_alone(tmp_path: Path, written: str, limits: Limits) -> None:
    here = workspace(tmp_path, f"[limits.google]\n{written}\n")
    assert lane_of(here, "direct", "google").limits == limits
    names = ", ".join(line.partition(" =")[0] for line in written.splitlines())
    whole = names == "rate, connections, messages_per_connection"
    source = source_of(here, "direct", "google")
    assert source.startswith(
        "severally.toml" if whole else f"{names}: severally.toml; else shipped"
    )


def test_unknown_hosts_go_by_other_or_by_their_own_name(tmp_path: Path) -> None:
    text = '[limits.other]\nrate = "7/s"\n[limits."mx.host.test"]\nconnections = 1\n'
    here = workspace(tmp_path, text)
    assert lane_of(here, "direct", "mx.any.test").limits == Limits(Rate(7, 1), 2, 20)
    assert lane_of(here, "direct", "mx.host.test").limits == Limits(Rate(120, 60), 1, 20)


def test_those_without_mail_wait_for_nothing_and_the_unresolved_go_slowly(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    assert lane_of(here, "direct", NO_MAIL).limits == Limits()
    assert lane_of(here, "direct", UNRESOLVED).limits == Limits(Rate(30, 60), 1, 1)


@pytest.mark.parametrize(
    "line",
    ['resolver = "dns.example"', 'resolver = "127.0.0.1:0"', 'source_ip = "me"', "sts_port = 0"],
)
def test_a_direct_route_that_cannot_be_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "severally.toml").write_text(f'[routes.main]\ntype = "mx"\n{line}\n')
    with pytest.raises(UsageError, match=rf"routes\.main\.{line.partition(' =')[0]}"):
        load(tmp_path)
