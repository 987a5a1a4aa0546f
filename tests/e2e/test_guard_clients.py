"""Official and popular clients, unmodified but for the host name, against the drop-in guard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import oracle
from tests.guarded import Guarded, people
from tests.programs import LEAKING, PRIVATE, Program, Unavailable, smtplib_one_by_one_naming_all


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with Guarded(tmp_path_factory.mktemp("guard") / "newsroom", "most = 0") as guard:
        yield guard


@pytest.fixture(scope="module")
def splitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    more = 'most = 0\non_leak = "split"'
    with Guarded(tmp_path_factory.mktemp("guard") / "newsroom", more) as guard:
        yield guard


def told(program: Program, guard: Guarded, to: list[str]) -> bool:
    try:
        return program(guard, to)
    except Unavailable as reason:
        pytest.skip(str(reason))


def arrived(guard: Guarded, domain: str) -> list[oracle.Received]:
    """What the relay got for this domain: each test has one of its own."""
    return [
        oracle.Received(each.rcpt_to[0], each.message)
        for each in guard.settled()
        if each.rcpt_to[0].endswith(f"@{domain}")
    ]


def domain_of(name: str) -> str:
    return re.sub("[^a-z]+", "-", name.lower()).strip("-") + ".example"


@pytest.mark.parametrize("name", LEAKING)
def test_what_would_leak_is_refused(refusing: Guarded, name: str) -> None:
    domain = f"refused-{domain_of(name)}"
    assert not told(LEAKING[name], refusing, people(4, domain))
    assert arrived(refusing, domain) == []


@pytest.mark.parametrize("name", LEAKING)
def test_or_split_into_one_private_message_each(splitting: Guarded, name: str) -> None:
    domain = f"split-{domain_of(name)}"
    everyone = people(4, domain)
    assert told(LEAKING[name], splitting, everyone)
    verdict = oracle.judge_letters(arrived(splitting, domain), everyone, ["exchange.example"])
    assert verdict.complaints == []
    assert (verdict.messages, verdict.most_addresses) == (4, 1)


@pytest.mark.parametrize("name", PRIVATE)
def test_what_is_private_passes(refusing: Guarded, name: str) -> None:
    domain = f"private-{domain_of(name)}"
    everyone = people(4, domain)
    assert told(PRIVATE[name], refusing, everyone)
    verdict = oracle.judge_letters(arrived(refusing, domain), everyone, ["exchange.example"])
    assert verdict.complaints == []


def test_one_transaction_each_that_names_all_in_to_is_refused(refusing: Guarded) -> None:
    domain = "naming-all.example"
    assert not smtplib_one_by_one_naming_all(refusing, people(3, domain))
    assert arrived(refusing, domain) == []


def test_the_call_of_2019_with_a_thousand_addresses(refusing: Guarded, tmp_path: Path) -> None:
    domain = "thousand.example"
    assert not LEAKING["sendgrid: Mail(to_emails=[...])"](refusing, people(1_000, domain))
    assert arrived(refusing, domain) == []
    said = next(line for line in refusing.lines if "1,000" in line)
    assert "each of 1,000 recipients would see 999 others" in said and "@" not in said
