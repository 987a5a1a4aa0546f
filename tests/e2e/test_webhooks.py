"""What providers tell by webhook, as they sign it: believed or not, once, in any order; and what it
does to deliveries and to who is not written to."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from litestar.testing import TestClient
from tests.hooks import (
    CALLS,
    CERTIFICATE,
    NOW,
    RSA,
    SECRET,
    SIGNING,
    TOPIC,
    by_mailgun,
    by_sendgrid,
    by_ses,
    sendgrid_signed,
    sns_signed,
)
from tests.ledger_samples import attempt
from tests.mailbag import MISSING, Mailbag

from severally.adapters.keys import FileKeys, make_keys
from severally.app.api import ROUTERS, make_app
from severally.app.api.requests import Watched
from severally.app.api.webhooks import webhooks
from severally.app.config import load
from severally.app.lock import DeliveryLock
from severally.app.office import Office
from severally.app.operations.webhooks import doors_of, spool_of
from severally.app.wiring import Wiring
from severally.deliver.telling import Telling
from severally.feedback.webhooks import table
from severally.ledger.sqlite import SqliteLedger
from severally.model.delivery import DeliveryState
from severally.model.event import EventKind
from severally.model.notice import Kind

SETTINGS = f"""
[routes.sendgrid]
type = "sendgrid"
key_env = "K"
events_key_file = "keys/sendgrid.events"

[routes.ses]
type = "ses"
region = "eu-central-1"
access_key = "AK"
key_env = "K"
events_topic = "{TOPIC}"

[routes.mailgun]
type = "mailgun"
domain = "mg.exchange.example"
key_env = "K"
events_key_file = "keys/mailgun.events"

[routes.postmark]
type = "postmark"
key_env = "K"
events_key_file = "keys/postmark.events"

[routes.resend]
type = "resend"
key_env = "K"
events_key_file = "keys/resend.events"
"""


class Still:
    """A clock that stands."""

    now = NOW

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep_until(self, when: float) -> None: ...


class Sns:
    """What Amazon publishes."""

    def __init__(self) -> None:
        self.visited: list[str] = []

    def certificate(self, url: str) -> bytes:
        self.visited.append(url)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        made = (
            x509.CertificateBuilder(name, name, RSA.public_key(), x509.random_serial_number())
            .not_valid_before(day)
            .not_valid_after(day + datetime.timedelta(days=999))
            .sign(RSA, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    def visit(self, url: str) -> bytes:
        self.visited.append(url)
        return b""


class World:
    """A workspace with four people told, its ledger, and its webhooks as they are served."""

    def __init__(self, folder: Path) -> None:
        make_keys(folder / "keys")
        der = SIGNING.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        keys = {
            "sendgrid": base64.b64encode(der).decode(),
            "mailgun": "mailgun-signing-key",
            "postmark": "hook:pass-word",
            "resend": f"whsec_{SECRET}",
        }
        for name, key in keys.items():
            (folder / "keys" / f"{name}.events").write_text(f"{key}\n")
        (folder / "severally.toml").write_text(SETTINGS)
        (folder / ".severally").mkdir(mode=0o700)
        self.clock = Still()
        self.ledger = SqliteLedger(folder / ".severally" / "ledger.sqlite3")
        self.bag = Mailbag(4, self.ledger, FileKeys(folder / "keys"))
        lock = DeliveryLock(folder / "deliver.lock")
        wiring = Wiring(clock=self.clock)
        self.office = Office(load(folder), wiring, self.bag.keys, self.ledger, lock)
        self.sns = Sns()
        doors = doors_of(self.office, self.sns)
        app = make_app(
            self.office,
            Watched(),
            (*ROUTERS, webhooks),
            checks={},
            doors=doors,
        )
        self.client = TestClient(app)  # type: ignore[arg-type]
        self.telling = Telling(self.bag.intake, self.ledger, self.clock.wall)
        self.person = self.bag.people[0]
        self.delivery = self.bag.deliveries[self.person]
        self.token = self.bag.tokens[self.person]
        (cohort, *_) = self.bag.cohorts
        epoch = self.ledger.take_over(1.0)
        ids = [claim.delivery for claim in self.ledger.claim(cohort, 9, epoch, 2.0)]
        assert attempt(self.ledger, epoch, ids)
        self.ledger.take_over(3.0)  # everybody is in doubt

    def post(self, route: str, headers: Mapping[str, str], body: bytes) -> int:
        answer = self.client.post(f"/events/{route}", content=body, headers=dict(headers))
        assert "@" not in answer.text and self.token not in answer.text
        return int(answer.status_code)

    def read(self) -> dict[str, int]:
        return dict(self.telling.take(spool_of(self.office)))

    @property
    def state(self) -> DeliveryState:
        everyone = self.ledger.everyone("m-1", list(DeliveryState))
        return {each.delivery: each.state for _, _, each in everyone}[self.delivery]

    def suppressed(self) -> bool:
        blind = self.bag.blind(self.person)
        return self.ledger.suppressed(blind, Kind.SERVICE, NOW) is not None


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("K", "key")
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.ledger.close()


each = pytest.mark.parametrize("name", CALLS)


@each
def test_a_bounce_reaches_its_delivery_and_the_suppression_list(world: World, name: str) -> None:
    assert world.state is DeliveryState.IN_DOUBT
    assert world.post(name, *CALLS[name](world.token, "bounced")) == 200
    assert world.read() == {"invalid": 1}
    assert world.state is DeliveryState.BOUNCED
    assert world.suppressed()
    (event,) = world.ledger.events_of(world.delivery)
    assert (event.source, event.kind) == (f"webhook {name}", EventKind.INVALID)
    assert "@" not in event.text


@each
def test_neither_order_nor_repeats_change_the_end(world: World, name: str) -> None:
    """The complaint first, then that it was delivered, then both again."""
    calls = [CALLS[name](world.token, word) for word in ("complained", "delivered")]
    if name == "mailgun":
        calls[1] = by_mailgun(world.token, "delivered", once="t2")
    for headers, body in (*calls, *calls):
        assert world.post(name, headers, body) == 200
        world.read()
    assert world.state is DeliveryState.COMPLAINED
    kinds = {event.kind for event in world.ledger.events_of(world.delivery)}
    assert kinds == {EventKind.COMPLAINT, EventKind.DELIVERED}


@each
def test_what_is_not_signed_or_signed_wrongly_is_not_believed(world: World, name: str) -> None:
    """Hostile inputs 24 and 25."""
    headers, body = CALLS[name](world.token, "bounced")
    unsigned = json.loads(body)
    if name == "mailgun":
        del unsigned["signature"]
    if name == "ses":
        del unsigned["Signature"]
    wrong = [({}, json.dumps(unsigned).encode()), ({}, b"[")]
    if name not in ("postmark", "mailgun"):  # whose bodies are not signed
        wrong.append((headers, body.replace(world.token.encode(), MISSING.encode())))
    if name != "postmark":
        wrong.append(CALLS[name](world.token, "bounced", NOW - 30 * 3600))
        wrong.append(CALLS[name](world.token, "bounced", NOW + 3600))
    for call in wrong:
        assert world.post(name, *call) == 401
    assert world.read() == {}
    assert world.state is DeliveryState.IN_DOUBT


def test_a_token_of_mailguns_is_good_once_even_after_a_restart(world: World) -> None:
    """Its body is not signed: whoever saw one call could make up another."""
    assert world.post("mailgun", *by_mailgun(world.token, "delivered")) == 200
    assert world.read() == {"delivered": 1}
    again = doors_of(world.office, world.sns)
    assert again is not None
    again.accept("mailgun", *by_mailgun(world.token, "complained"))
    assert world.post("mailgun", *by_mailgun(world.token, "complained")) == 200
    assert world.read() == {}
    assert world.state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://bucket.s3.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a.exe",
        "https://169.254.169.254/a.pem",
        "",
    ],
)
def test_a_certificate_that_is_not_on_sns_is_not_even_fetched(world: World, url: str) -> None:
    """Hostile input 29."""
    assert world.post("ses", *by_ses(world.token, "bounced", SigningCertURL=url)) == 401
    assert world.sns.visited == []


def test_sns_of_another_topic_is_not_believed_and_ours_is_confirmed(world: World) -> None:
    other = TOPIC.replace("123456789012", "210987654321")
    assert world.post("ses", *by_ses(world.token, "bounced", TopicArn=other)) == 401
    subscribe = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1"
    posted = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9",
        "Token": "2336412f",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe",
        "SubscribeURL": subscribe,
        "Timestamp": "2026-11-18T11:06:40.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE,
    }
    assert world.post("ses", {}, sns_signed(posted)) == 200
    assert world.sns.visited[-1] == subscribe
    elsewhere = {**posted, "SubscribeURL": "https://169.254.169.254/latest"}
    assert world.post("ses", {}, sns_signed(elsewhere)) == 401
    assert "169" not in world.sns.visited[-1]
    assert world.read() == {}


@each
def test_a_word_nobody_knows_is_kept_and_does_nothing(world: World, name: str) -> None:
    assert world.post(name, *CALLS[name](world.token, "teleported")) == 200
    assert world.read() == {"unknown": 1}
    assert world.state is DeliveryState.IN_DOUBT
    (act,) = [act for act in world.ledger.acts("m-1") if act.what == "webhook"]
    assert "teleported" in act.detail


@each
def test_what_is_about_another_workspace_is_kept_for_a_person(world: World, name: str) -> None:
    """Hostile input 27."""
    assert world.post(name, *CALLS[name](MISSING, "bounced")) == 200
    assert world.read() == {"not ours": 1}
    assert spool_of(world.office).kept() == 1
    assert world.read() == {}


def test_other_mail_of_the_account_is_passed_over(world: World) -> None:
    assert world.post("sendgrid", *by_sendgrid("", "bounced")) == 200
    assert world.read() == {"nothing": 1}


def test_a_call_too_large_and_a_route_that_hears_nothing(world: World) -> None:
    """Hostile input 28."""
    assert world.post("sendgrid", {}, b"[" * 9_000_000) == 413
    assert world.post("nowhere", *by_sendgrid(world.token, "bounced")) == 404
    body = b"[" * 200_000
    assert world.post("sendgrid", sendgrid_signed(body, NOW), body) == 200
    assert world.read() == {"strange": 1}


def test_thousands_at_once_are_all_read(world: World) -> None:
    people = list(world.bag.tokens.items())
    events = [
        {"event": "delivered", "timestamp": int(NOW) + n, "delivery": people[n % 4][1]}
        for n in range(1_000)
    ]
    body = json.dumps(events).encode()
    for _ in range(2):
        assert world.post("sendgrid", sendgrid_signed(body, NOW), body) == 200
    assert world.read() == {"delivered": 2_000}
    assert world.state is DeliveryState.DELIVERED


def test_every_word_in_the_table_is_one_of_ours() -> None:
    known = {*EventKind, "classify", "nothing"}
    assert {said for words in table().values() for said in words.values()} <= known
    assert table().keys() == CALLS.keys()
