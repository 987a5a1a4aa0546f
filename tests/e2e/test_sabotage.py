"""Composers that show one customer to another, put in place of the real one inside the composing
processes: nothing of theirs reaches the world, and the mailing halts.

The world is an SMTP server that keeps every byte, and the judge knows nothing of `src/`.
`proofs/sabotage.py` does the same with 23,000 customers.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests import mailings
from tests.sabotage import SABOTEURS, sabotaged
from tests.smtp_sink import Received, Sink
from tests.workshop import HEADING, Ran, Workshop, complaints, rows

from severally.app.wiring import Wiring
from severally.model.recipient import Recipient

CUSTOMERS = 150


def sabotage(tmp_path: Path, name: str, planted: int | None) -> tuple[Ran, Sink]:
    people = rows(CUSTOMERS)
    with Sink() as sink:
        shop = Workshop(tmp_path / "shop", sink.port)
        composer = sabotaged(name, None if planted is None else (planted,))
        ran = shop.send(shop.customers(people), wiring=Wiring(make_composer=composer))
    assert complaints(sink.received, people) == []
    assert ran.code == 4, ran.everything
    assert ran.said["state"] == "halted"
    assert "the guard refused a message" in ran.said["reason"]
    assert sum(ran.said["counts"].values()) == CUSTOMERS
    assert ran.said["counts"]["accepted"] == len(sink.received)
    assert not any(row[1] in ran.everything for row in people)
    return ran, sink


@pytest.mark.parametrize("name", SABOTEURS)
def test_a_sabotage_of_every_message_lets_none_out(name: str, tmp_path: Path) -> None:
    ran, sink = sabotage(tmp_path, name, None)
    assert sink.received == []
    assert ran.said["guard"]["refused"] >= 1


@pytest.mark.parametrize("name", SABOTEURS)
def test_a_sabotage_of_one_random_message_never_arrives(name: str, tmp_path: Path) -> None:
    planted = random.randint(1, CUSTOMERS)
    ran, sink = sabotage(tmp_path, name, planted)
    assert ran.said["guard"]["refused"] == 1
    assert len(sink.received) < CUSTOMERS


@pytest.mark.parametrize("name", SABOTEURS)
def test_the_judge_would_notice_each_sabotage(name: str) -> None:
    people = rows(3)
    spoiler = SABOTEURS[name](mailings.sample())
    arrived: list[Received] = []
    for number, row in enumerate(people, 1):
        ticket = mailings.ticket(number)
        made = spoiler.compose(
            Recipient(*row[:4], dict(zip(HEADING[4:], row[4:], strict=True))), ticket
        )
        message = bytes(made.message)
        arrived.append(Received(made.mail_from, (made.rcpt_to,), message, message))
    assert complaints(arrived, people) != []


def test_the_judge_has_nothing_against_proper_messages(tmp_path: Path) -> None:
    people = rows(60)
    with Sink() as sink:
        shop = Workshop(tmp_path / "shop", sink.port)
        ran = shop.send(shop.customers(people))
    assert (ran.code, len(sink.received)) == (0, 60)
    assert complaints(sink.received, people) == []
