"""Straight to the receiving domains: looked up, grouped by mail hosts, handed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.nameserver import Nameserver
from tests.smtp_sink import Sink
from tests.workshop import Workshop, complaints, rows

ROUTE = """\
[workspace]
purpose = "trial"
allow_domains = ["*.test"]

[senders.notices]
address = "notices@exchange.example"
name = "Example Exchange"
reply_to = "support@exchange.example"

[routes.main]
type = "mx"
resolver = "{resolver}"
port = {port}
ehlo = "mail.exchange.example"

[limits.other]
rate = "0"
connections = 4

[receivers]
house = [".house.test"]

[limits.house]
rate = "0"
connections = 2
messages_per_connection = 5

[retries]
first = "1s"

[sending]
processes = 1
"""


@pytest.fixture
def names() -> Iterator[Nameserver]:
    with Nameserver() as server:
        yield server


def people(count: int, *domains: str) -> list[list[str]]:
    found = rows(count)
    for n, each in enumerate(found):
        each[1] = f"user.{n:05}@{domains[n % len(domains)]}"
    return found


def shop(root: Path, names: Nameserver, port: int, **changes: str) -> Workshop:
    made = Workshop(root)
    text = ROUTE.format(resolver=names.address, port=port)
    for old, new in changes.items():
        text = text.replace(old, new)
    (root / "severally.toml").write_text(text)
    return made


def test_mail_goes_to_each_domains_own_hosts_and_everybody_is_accounted_for(
    tmp_path: Path, names: Nameserver
) -> None:
    with Sink(address="127.0.0.2") as one, Sink(address="127.0.0.3", port=one.port) as two:
        names.mail("alpha.test", mx="127.0.0.2")
        names.add("beta.test", "MX", "10 mx.alpha.test.")
        names.add("gamma.test", "A", "127.0.0.3")
        names.mail("house.test", mx1="127.0.0.3")
        names.add("tenant.test", "MX", "10 mx1.house.test.")
        names.add("null.test", "MX", "0 .")
        domains = (
            "alpha.test",
            "beta.test",
            "gamma.test",
            "tenant.test",
            "null.test",
            "never.test",
        )
        customers = people(60, *domains)
        place = shop(tmp_path / "place", names, one.port)
        sent = place.send(place.customers(customers))
        assert sent.code == 0, sent.everything
        report = sent.said
        assert report["counts"]["accepted"] == 40
        assert report["counts"]["refused"] == 20
        lanes = {each["lane"]: each["recipients"] for each in report["lanes"]}
        assert lanes == {
            "main/mx.alpha.test": 20,
            "main/gamma.test": 10,
            "main/house": 10,
            "main/no_mail": 20,
        }
        at = lambda sink: {each.rcpt_to[0].rpartition("@")[2] for each in sink.received}  # noqa: E731
        assert at(one) == {"alpha.test", "beta.test"}
        assert at(two) == {"gamma.test", "tenant.test"}
        assert complaints([*one.received, *two.received], customers) == []
        assert "EHLO mail.exchange.example" in one.commands
    assert "20 recipients cannot be reached by mail" in sent.err


def test_the_plan_says_who_cannot_be_reached_and_where_limits_come_from(
    tmp_path: Path, names: Nameserver
) -> None:
    names.mail("alpha.test", mx="127.0.0.2")
    names.add("googlish.test", "MX", "1 aspmx.l.google.com.")
    names.add("aspmx.l.google.com", "A", "127.0.0.2")
    names.add("null.test", "MX", "0 .")
    place = shop(tmp_path / "place", names, 9)
    audience = place.customers(people(9, "alpha.test", "googlish.test", "null.test"))
    planned = place.run("plan", "index-change", "--audience", audience, "--json").said
    lanes = {each["lane"]: each for each in planned["lanes"]}
    assert lanes["main/google"]["source"].startswith("shipped (connections and messages: KumoMTA")
    assert lanes["main/google"]["rate"] == "600/min"
    assert lanes["main/mx.alpha.test"]["source"].startswith("rate, connections: severally.toml")
    assert lanes["main/mx.alpha.test"]["messages_per_connection"] == 20
    assert lanes["main/no_mail"]["source"] == "no connection is made"
    (finding,) = planned["audience"]["findings"]
    assert finding["warning"] and "3 recipients cannot be reached" in finding["problem"]
    assert finding["recipients"] == ["c00003", "c00006", "c00009"]


def test_a_resolver_that_is_not_there_stops_a_send_before_it_begins(
    tmp_path: Path, names: Nameserver
) -> None:
    place = shop(tmp_path / "place", names, 9, **{names.address: "127.0.0.1:9"})
    sent = place.send(place.customers(people(5, "alpha.test")))
    assert sent.code == 3
    assert "gave no answer about one domain of 5 recipients" in sent.everything
    assert (
        place.run("status", "--json").said == {"mailings": []}
        or "[]" in place.run("status", "--json").out
    )


def test_a_dead_host_is_its_own_lanes_trouble(tmp_path: Path, names: Nameserver) -> None:
    with Sink(address="127.0.0.2") as one:
        names.mail("alpha.test", mx="127.0.0.2")
        names.mail("closed.test", mx="127.0.0.9")
        place = shop(tmp_path / "place", names, one.port)
        customers = people(20, "alpha.test", "closed.test")
        sent = place.send(place.customers(customers), "--until", "+8s")
        assert sent.code == 5, sent.everything
        assert sent.said["counts"]["accepted"] == 10
        waiting = sent.said["counts"]["ready"] + sent.said["counts"]["deferred"]
        assert waiting == 10


def test_an_address_outside_the_allowed_hosts_is_never_connected_to(
    tmp_path: Path, names: Nameserver
) -> None:
    names.mail("outside.test", mx="192.0.2.1")
    place = shop(tmp_path / "place", names, 9)
    sent = place.send(place.customers(people(2, "outside.test")))
    assert sent.code == 3
    assert "192.0.2.1" in sent.err and "allow_hosts" in sent.err
