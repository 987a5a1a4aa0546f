"""What is meant badly at the urgent way in: too much, too deep, the wrong key, a bombing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.newsdesk import VALUES, Newsdesk, client, running, served, workspace

from severally.app.config import load
from severally.app.office import open_office
from severally.app.urgent import notices
from severally.app.wiring import Wiring
from severally.model.entries import Act
from severally.model.urgent import ApiKey, KeyScope

BODY = {"notice": "reset", "recipient": {"email": "a@customer.example"}, "variables": VALUES}
ALERT = {"first_name": "Anna", "device": "Firefox", "signed_in_at": "2026-11-25T08:14:05Z"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsdesk]:
    folder = workspace(tmp_path_factory.mktemp("hostile") / "newsroom", '\ntell_after = "1h"\n')
    with served(folder) as made:
        notices.approve(made.office, "sign-in-alert", "", "")
        yield made


@pytest.mark.parametrize(
    "body",
    [
        b'{"notice": "' + b"x" * 50_000_000 + b'"}',
        b'{"variables": ' + b'{"a":' * 10_000,
        b"[" * 60_000,
        b'{"recipient": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    ],
    ids=["fifty megabytes", "deep objects", "deep lists", "a deep recipient"],
)
def test_28_too_much_or_too_deep(desk: Newsdesk, body: bytes) -> None:
    headers = {"Idempotency-Key": "28", "Content-Type": "application/json"}
    answer = desk.http.post("/v1/messages", content=body, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.http.get("/healthz").status_code == 200


def test_55_a_test_key_does_nothing_in_a_live_workspace(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "newsroom", purpose="live")
    with open_office(load(folder), Wiring()) as office:
        secret = "a" * 43
        hashed = hashlib.sha256(secret.encode()).digest()
        key = ApiKey("k-aaaaaa", "copied", KeyScope.TEST, hashed, 600, 0.0)
        office.ledger.add_key(key, Act(0.0, "", "key made"))
        with running(office) as url, client(url, f"sev_test_k-aaaaaa_{secret}") as http:
            answer = http.post("/v1/messages", json=BODY, headers={"Idempotency-Key": "55"})
    assert answer.status_code == 403
    assert "test key" in answer.json()["detail"]


def test_56_a_bombing_is_held_and_hides_no_alert(desk: Newsdesk) -> None:
    answers = [desk.ask("bombed@customer.example", f"56-{n}") for n in range(100)]
    assert {each.status_code for each in answers} == {202}
    alert = desk.ask("bombed@customer.example", "56-alert", notice="sign-in-alert", variables=ALERT)
    assert desk.final(alert.json()["id"])["message"]["state"] == "accepted"
    states = Counter(desk.final(each.json()["id"])["message"]["state"] for each in answers)
    assert states == {"accepted": 3, "held": 97}
