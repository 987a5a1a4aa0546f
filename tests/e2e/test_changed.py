"""What was approved changes on the way: each stops a staged mailing, through the commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.smtp_sink import Sink
from tests.staged import IN_DIALOGUE
from tests.workshop import Ran, Workshop, rows

from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import approving, fitness
from severally.app.wiring import Wiring
from severally.compose.compositor import Compositor
from severally.model.delivery import Ticket
from severally.model.envelope import Composed
from severally.model.mailing import Frozen
from severally.model.recipient import Recipient
from severally.model.staging import asks_a_person

PEOPLE, CANARY = 40, 20
BODY = "notices/index-change/body.md"
STAGED = f"""
[staging]
canary = {CANARY}
chunk = 10
staff = ["house"]

[receivers]
house = ["gmx.example"]
"""
LOOKS = 15_000


class Place:
    """A workspace with a mailing that was proposed and approved, and its relay."""

    def __init__(self, root: Path, sink: Sink) -> None:
        self.sink = sink
        self.shop = Workshop(root, sink.port)
        self.shop.two_languages()
        with (self.shop.root / "severally.toml").open("a", encoding="utf-8") as file:
            file.write(STAGED)
        audience = self.shop.customers(rows(PEOPLE))
        proposed = self.shop.run("propose", "index-change", "--audience", audience, "--json")
        assert proposed.code == 0, proposed.everything
        self.mailing: str = proposed.said["mailing"]
        assert self.shop.run("approve", self.mailing, "--count", str(PEOPLE)).code == 0

    def send(self, wiring: Wiring = IN_DIALOGUE) -> Ran:
        return self.shop.run("send", self.mailing, "--until", "+600s", wiring=wiring)

    def report(self) -> dict[str, object]:
        said: dict[str, object] = self.shop.run("report", self.mailing, "--json").said
        return said


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Sink() as sink:
        yield Place(tmp_path / "newsroom", sink)


class Otherwise:
    """A program that writes one header field in another way: its samples differ."""

    def __init__(self, frozen: Frozen) -> None:
        self._real = Compositor(frozen)

    def compose(self, recipient: Recipient, ticket: Ticket) -> Composed:
        composed = self._real.compose(recipient, ticket)
        assert b"MIME-Version" in composed.message
        message = composed.message.replace(b"MIME-Version", b"Mime-Version")
        return msgspec.structs.replace(composed, message=message)


def test_an_audience_changed_after_approval_is_told_to_nobody(place: Place) -> None:
    place.shop.customers(rows(PEOPLE + 1))
    ran = place.send()
    assert ran.code == 3
    assert "customers.csv was changed" in ran.err
    assert place.sink.received == []
    assert place.report()["state"] == "void"


SETTINGS = (
    ('name = "Example Exchange"', 'name = "Exchange"', "the sender notices was changed"),
    ('reply_to = "support@', 'reply_to = "help@', "the sender notices was changed"),
    ('host = "127.0.0.1"', 'host = "localhost"', "the route main leads elsewhere"),
    (f"canary = {CANARY}", "canary = 40", "the staging plan or its sentinels were changed"),
    ("connections = 4", "connections = 5", "main would use more connections (5) than approved"),
)


def test_settings_changed_after_approval_void_it(place: Place) -> None:
    for old, new, said in SETTINGS:
        place.shop.edit("severally.toml", old, new)
        with open_office(load(place.shop.root), Wiring()) as office:
            assert any(said in each for each in fitness.unfit(office, place.mailing)), old
        place.shop.edit("severally.toml", new, old)
    old, new, said = SETTINGS[0]
    place.shop.edit("severally.toml", old, new)
    ran = place.send()
    assert ran.code == 3
    assert said in ran.err
    assert place.sink.received == []
    assert place.report()["state"] == "void"


def test_another_program_with_other_samples_sends_nothing(place: Place) -> None:
    ran = place.send(replace(IN_DIALOGUE, make_composer=Otherwise))
    assert ran.code == 3
    assert "composes other messages than the one it was approved with (en, de)" in ran.err
    assert place.sink.received == []
    assert place.report()["state"] == "void"


def between(place: Place) -> None:
    """Somebody corrects a word when the canary is over, and lets the mailing go on."""
    with open_office(load(place.shop.root), Wiring()) as office:
        for _ in range(LOOKS):
            if asks_a_person(office.ledger.acts(place.mailing)):
                break
            time.sleep(0.02)
        place.shop.edit(BODY, "six exchanges", "seven exchanges")
        approving.decide(office, place.mailing, True, "all is well")


def test_a_template_changed_between_canary_and_ramp_halts_before_the_ramp(place: Place) -> None:
    somebody = threading.Thread(target=between, args=(place,))
    somebody.start()
    ran = place.send()
    somebody.join()
    assert ran.code == 4, ran.everything
    assert len(place.sink.received) == CANARY
    said = place.report()
    assert said["canary"] == {"customers": {"accepted": 14}, "staff": {"accepted": 6}}
    assert "the canary: 14 customers (14 accepted); 6 of staff (6 accepted)" in ran.out
    assert said["state"] == "halted"
    assert "not what was approved" in str(said["reason"])
    assert "body.md was changed" in str(said["reason"])
