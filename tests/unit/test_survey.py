"""Every domain of an audience looked up before the send, against a name server of the tests'."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.nameserver import Nameserver

from severally.adapters.dns import Dns
from severally.adapters.dns_cache import DnsCache
from severally.adapters.providers import DomainTable, Grouping, shipped_providers, site_of
from severally.adapters.survey import NO_DOMAIN, NO_HOST, NULL_MX, Survey
from severally.app.lanes import shipped
from severally.model.destination import NO_MAIL, UNRESOLVED


@pytest.fixture
def names() -> Iterator[Nameserver]:
    with Nameserver() as server:
        yield server


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def blind(text: str) -> bytes:
    return text.encode()[::-1]


def survey(names: Nameserver, folder: Path, clock: Clock | None = None, **extra: str) -> Survey:
    dns = Dns(names.address, 1.5 if names.silent else 20.0)
    cache = DnsCache(folder / "dns.sqlite3", blind)
    return Survey(dns, Grouping(extra), cache, clock or Clock())


def receivers(found: Survey, *domains: str) -> dict[str, str]:
    return {domain: each.receiver for domain, each in found.locate(domains).items()}


def test_a_domain_is_a_providers_only_where_all_its_hosts_are(
    names: Nameserver, tmp_path: Path
) -> None:
    for host in ("aspmx.l.google.com", "alt1.aspmx.l.google.com", "mx.backup.test"):
        names.add(host, "A", "127.0.0.2")
    names.add("hosted.test", "MX", "1 aspmx.l.google.com.", "5 ALT1.aspmx.l.google.com.")
    names.add("mixed.test", "MX", "1 aspmx.l.google.com.", "10 mx.backup.test.")
    found = receivers(survey(names, tmp_path), "hosted.test", "mixed.test")
    assert found["hosted.test"] == "google"
    assert found["mixed.test"] == site_of(["aspmx.l.google.com", "mx.backup.test"])


def test_a_name_that_only_ends_alike_is_nobodys(names: Nameserver, tmp_path: Path) -> None:
    names.add("a.notgoogle.com", "A", "127.0.0.2")
    names.add("trap.test", "MX", "1 a.notgoogle.com.")
    assert receivers(survey(names, tmp_path), "trap.test") == {"trap.test": "a.notgoogle.com"}


def test_domains_with_the_same_hosts_share_a_lane_and_others_do_not(
    names: Nameserver, tmp_path: Path
) -> None:
    for host in ("mx1.host.test", "mx2.host.test", "mx3.host.test"):
        names.add(host, "A", "127.0.0.2")
    names.add("one.test", "MX", "10 mx1.host.test.", "20 mx2.host.test.")
    names.add("two.test", "MX", "10 mx2.host.test.", "10 mx1.host.test.")
    names.add("three.test", "MX", "10 mx1.host.test.", "20 mx3.host.test.")
    found = receivers(survey(names, tmp_path), "one.test", "two.test", "three.test")
    assert found["one.test"] == found["two.test"] != found["three.test"]


def test_without_an_mx_record_the_domain_is_its_own_host(names: Nameserver, tmp_path: Path) -> None:
    names.add("plain.test", "A", "127.0.0.2")
    names.add("sixth.test", "AAAA", "::1")
    found = receivers(survey(names, tmp_path), "plain.test", "sixth.test")
    assert found == {"plain.test": "plain.test", "sixth.test": "sixth.test"}


def test_domains_that_take_no_mail_are_found_with_the_reason(
    names: Nameserver, tmp_path: Path
) -> None:
    names.add("null.test", "MX", "0 .")
    names.add("empty.test", "TXT", '"nothing here"')
    names.add("gone-host.test", "MX", "10 nowhere.test.")
    found = survey(names, tmp_path).locate(
        ["null.test", "empty.test", "gone-host.test", "never.test"]
    )
    assert {each.receiver for each in found.values()} == {NO_MAIL}
    assert {domain: each.problem for domain, each in found.items()} == {
        "null.test": NULL_MX,
        "empty.test": NO_HOST,
        "gone-host.test": NO_HOST,
        "never.test": NO_DOMAIN,
    }


def test_no_answer_is_never_a_group_and_is_asked_again_next_time(
    names: Nameserver, tmp_path: Path
) -> None:
    names.failing.add("broken.test")
    names.silent.add("mute.test")
    names.mail("fine.test", mx="127.0.0.2")
    found = receivers(survey(names, tmp_path), "broken.test", "mute.test", "fine.test")
    assert found == {
        "broken.test": UNRESOLVED,
        "mute.test": UNRESOLVED,
        "fine.test": "mx.fine.test",
    }
    names.failing.clear()
    names.mail("broken.test", mx="127.0.0.3")
    assert receivers(survey(names, tmp_path), "broken.test") == {"broken.test": "mx.broken.test"}


def test_one_lost_answer_among_others_is_asked_for_twice(names: Nameserver, tmp_path: Path) -> None:
    names.failing.add("broken.test")
    names.mail("fine.test", mx="127.0.0.2")
    receivers(survey(names, tmp_path), "broken.test", "fine.test")
    assert names.asked["MX broken.test"] == 2


def test_what_is_known_is_kept_on_disk_for_a_day_without_the_names(
    names: Nameserver, tmp_path: Path
) -> None:
    names.mail("customer.test", mx="127.0.0.2")
    clock = Clock()
    receivers(survey(names, tmp_path, clock), "customer.test", "never.test")
    clock.now += 3_500
    again = receivers(survey(names, tmp_path, clock), "customer.test", "never.test")
    assert again == {"customer.test": "mx.customer.test", "never.test": NO_MAIL}
    assert (names.asked["MX customer.test"], names.asked["MX never.test"]) == (1, 1)
    clock.now += 200
    receivers(survey(names, tmp_path, clock), "customer.test", "never.test")
    assert (names.asked["MX customer.test"], names.asked["MX never.test"]) == (1, 2)
    clock.now += 86_400
    receivers(survey(names, tmp_path, clock), "customer.test")
    assert names.asked["MX customer.test"] == 2
    assert b"never.test" not in (tmp_path / "dns.sqlite3").read_bytes()
    assert (tmp_path / "dns.sqlite3").stat().st_mode & 0o777 == 0o600


def test_a_torn_cache_is_begun_anew(names: Nameserver, tmp_path: Path) -> None:
    (tmp_path / "dns.sqlite3").write_bytes(b"no database at all" * 100)
    names.mail("fine.test", mx="127.0.0.2")
    assert receivers(survey(names, tmp_path), "fine.test") == {"fine.test": "mx.fine.test"}


def test_the_workspaces_own_receivers_go_first(names: Nameserver, tmp_path: Path) -> None:
    names.mail("one.test", mx="127.0.0.2")
    names.mail("two.test", mail="127.0.0.3")
    extra = {"one.test": "house", ".two.test": "house"}
    found = survey(names, tmp_path, None, **extra)
    assert receivers(found, "one.test", "two.test") == {"one.test": "house", "two.test": "house"}


def test_thousands_of_domains_take_seconds(names: Nameserver, tmp_path: Path) -> None:
    rng = random.Random(1)
    domains = [f"d{n}.test" for n in range(1_000)]
    for host in range(20):
        names.add(f"mx{host}.host.test", "A", "127.0.0.2")
    for domain in domains:
        names.add(domain, "MX", f"10 mx{rng.randrange(20)}.host.test.")
    found = receivers(survey(names, tmp_path), *domains)
    assert len(set(found.values())) == 20
    assert sum(names.asked.values()) < 1_000 + 20 * 250  # hosts are not asked for each domain


def test_through_a_relay_a_table_decides() -> None:
    found = DomainTable({"partner.test": "google"}).locate(
        ["gmail.com", "yahoo.fr", "partner.test", "unknown.test"]
    )
    assert [each.receiver for each in found.values()] == ["google", "yahoo", "google", "other"]


@pytest.mark.parametrize("provider", shipped_providers(), ids=lambda provider: provider.id)
def test_every_provider_has_limits_and_a_source(provider: object) -> None:
    from severally.adapters.providers import Provider

    assert isinstance(provider, Provider)
    assert provider.source and (provider.mail_hosts or provider.by_domain)
    assert all(host.startswith(".") for host in provider.mail_hosts)
    assert provider.id in shipped()


def test_every_limit_names_its_source_and_belongs_to_somebody() -> None:
    ids = {provider.id for provider in shipped_providers()}
    assert len(ids) == 23  # of 21 providers, one of which has three groups of servers
    assert set(shipped()) == ids | {"other", UNRESOLVED}
    for row in shipped().values():
        assert row.source and row.connections > 0 and row.messages_per_connection > 0
    least = shipped()[UNRESOLVED]
    assert all(least.connections <= row.connections for row in shipped().values())
