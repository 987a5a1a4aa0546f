"""The way in: one message to one recipient over HTTP, kept before it is answered, and sent."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.newsdesk import VALUES, Newsdesk, client, served, workspace

from severally.app.lock import DeliveryLock
from severally.app.urgent import keys, notices
from severally.model.event import Party
from severally.model.suppression import Suppression, Why

ADDRESS = "anna.lindqvist@customer.example"
SETTINGS = '\nteam = ["*.staff.example"]\ntell_after = "1h"\n'


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsdesk]:
    folder = workspace(tmp_path_factory.mktemp("urgent") / "newsroom", SETTINGS)
    with served(folder) as made:
        yield made


def outbox(desk: Newsdesk, address: str) -> list[Any]:
    return [each for each in desk.letters() if each["To"] == address]


def fields(answer: Any, status: int = 422) -> list[str]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [each["field"] for each in answer.json()["errors"]]


def test_a_message_is_accepted_and_arrives(desk: Newsdesk) -> None:
    answer = desk.ask(ADDRESS, "arrives", reference="login-7")
    assert answer.status_code == 202
    id_ = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/messages/{id_}"
    said = desk.final(id_)
    assert said["message"]["state"] == "accepted"
    assert [each["what"] for each in said["events"]] == ["accepted", "attempting", "accepted"]
    (letter,) = outbox(desk, ADDRESS)
    assert letter["Subject"] == "Choose a new password"
    text = letter.get_body(("plain",)).get_content()
    assert "within 30 minutes" in text
    assert "asked for somewhere" in text, "an optional value may be left out"
    listed = desk.http.get("/v1/messages", params={"reference": "login-7"}).json()
    assert [each["id"] for each in listed["messages"]] == [id_]
    assert ADDRESS not in answer.text + str(said) + str(listed)


def test_the_same_key_and_body_get_the_same_answer(desk: Newsdesk) -> None:
    first, again = desk.ask("b@customer.example", "same"), desk.ask("b@customer.example", "same")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = desk.ask("c@customer.example", "same")
    assert other.status_code == 409
    desk.final(first.json()["id"])
    assert len(outbox(desk, "b@customer.example")) == 1
    assert outbox(desk, "c@customer.example") == []


def test_many_at_once_with_one_key_are_one(desk: Newsdesk) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: desk.ask("d@customer.example", "race"), range(24)))
    ids = {each.json()["id"] for each in answers}
    assert {each.status_code for each in answers} == {202} and len(ids) == 1
    desk.final(ids.pop())
    assert len(outbox(desk, "d@customer.example")) == 1


@pytest.mark.parametrize(
    "address",
    [
        "a@x.example, b@x.example",
        "a@x.example; b@x.example",
        "g: a@x.example, b@x.example;",
        "a@x.example b@x.example",
        "A <a@x.example>, B <b@x.example>",
        "a@x.example\r\nBcc: b@x.example",
        "a@x.example>\r\nRCPT TO:<b@x.example",
        "a@x.example\u2028b@x.example",
        "a\uff20x.example",
        "@x.example",
    ],
)
def test_two_recipients_in_one_are_refused(desk: Newsdesk, address: str) -> None:
    answer = desk.ask(address, "two")
    assert fields(answer) == ["recipient.email"]
    assert "x.example" not in answer.text


@pytest.mark.parametrize("many", [["a@x.example"], ["a@x.example", "b@x.example"], {"a": 1}, 7])
@pytest.mark.parametrize(
    "field",
    ["notice", "recipient", "locale", "timezone", "variables", "reference", "expires_at", "to",
     "cc", "bcc", "recipients"],
)  # fmt: skip
def test_no_field_takes_a_list_of_recipients(desk: Newsdesk, field: str, many: Any) -> None:
    answer = desk.ask(idem="many", **{field: many})
    assert answer.status_code == 422
    assert "x.example" not in answer.text


@pytest.mark.parametrize("name", ["first_name", "link", "minutes"])
def test_an_address_in_a_value_is_refused(desk: Newsdesk, name: str) -> None:
    for value in ("b@x.example", "b&#64;x.example", "https://exchange.example/?u=b@x.example"):
        answer = desk.ask(idem="value", variables=VALUES | {name: value})
        assert fields(answer) == [f"variables.{name}"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"notice": "nowhere"}, "notice"),
        ({"locale": "xx-nowhere-1"}, "locale"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"reference": "a@x.example"}, "reference"),
        ({"variables": {}}, "variables.first_name"),
        ({"variables": VALUES | {"link": "https://elsewhere.example/"}}, "variables.link"),
        ({"variables": VALUES | {"more": "x"}}, "variables"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2026-01-01T00:00:00"}, "expires_at"),
        ({"send_after": "2999-01-01T00:00:00Z"}, "send_after"),
        ({"recipient": {"email": "a@gmail.com"}}, "recipient.email"),
        ({"recipient": {"email": "a@x.example", "id": "a b"}}, "recipient.id"),
    ],
)
def test_what_is_wrong_is_named(desk: Newsdesk, wrong: Any, field: str) -> None:
    assert field in fields(desk.ask(idem="wrong", **wrong))


def test_without_a_name_for_it_nothing_is_sent(desk: Newsdesk) -> None:
    body = {"notice": "reset", "recipient": {"email": ADDRESS}, "variables": VALUES}
    assert fields(desk.http.post("/v1/messages", json=body)) == ["Idempotency-Key"]
    spaced = {"Idempotency-Key": "a b"}
    answer = desk.http.post("/v1/messages", json=body, headers=spaced)
    assert fields(answer) == ["Idempotency-Key"]


@pytest.mark.parametrize("given", ["", "Bearer nothing", "Basic x", "Bearer sev_live_k-aaaaaa_x"])
def test_nobody_gets_in_without_a_key(desk: Newsdesk, given: str) -> None:
    with client(desk.url, "") as http:
        for path in ("/v1/messages?reference=x", "/v1/messages/u-aaaaaaaaaaaaa"):
            answer = http.get(path, headers={"Authorization": given})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        answer = http.post("/v1/messages", content=b"[", headers={"Authorization": given})
        assert answer.status_code == 401


def test_a_revoked_key_and_one_that_ran_out_open_nothing(desk: Newsdesk) -> None:
    clock, seconds = desk.office.wiring.clock, itertools.count()
    later = clock.wall() + 7200
    ring = keys.KeyRing(desk.office.ledger, lambda: next(seconds), lambda: later)
    assert ring.find(desk.key) is None  # it lasts an hour
    ring = keys.KeyRing(desk.office.ledger, lambda: next(seconds), clock.wall)
    assert ring.find(desk.key) is not None
    made = keys.make(desk.office, "gone", "live", 60, 3600, "")
    assert ring.find(made.secret) is not None
    keys.revoke(desk.office, made.id, "")
    assert ring.find(made.secret) is None
    assert ring.find(desk.key[:-1] + "~") is None


def test_what_a_key_may_do(desk: Newsdesk) -> None:
    body = {"notice": "reset", "recipient": {"email": ADDRESS}, "variables": VALUES}
    with desk.key_for("team") as team:
        answer = team.post("/v1/messages", json=body, headers={"Idempotency-Key": "t1"})
        assert answer.status_code == 403
        body["recipient"] = {"email": "bob@desk.staff.example"}
        answer = team.post("/v1/messages", json=body, headers={"Idempotency-Key": "t2"})
        assert answer.status_code == 202
        assert desk.http.get(answer.headers["location"]).status_code == 404
        assert team.get(answer.headers["location"]).status_code == 200
    with desk.key_for("test") as test:
        body["recipient"] = {"email": "tester@customer.example"}
        answer = test.post("/v1/messages", json=body, headers={"Idempotency-Key": "t3"})
        while test.get(answer.headers["location"]).json()["message"]["state"] != "accepted":
            time.sleep(0.02)
        assert outbox(desk, "tester@customer.example") == []


def test_a_key_that_asks_too_often_waits(desk: Newsdesk) -> None:
    with desk.key_for("live", per_minute=1) as slow:
        answers = [slow.get("/v1/messages?reference=none") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 429, 429]
    assert int(answers[1].headers["retry-after"]) >= 1


def test_a_flood_is_held_and_caps_are_said(desk: Newsdesk) -> None:
    answers = [desk.ask("bombed@customer.example", f"bomb-{n}") for n in range(20)]
    assert {each.status_code for each in answers} == {202}
    ids = [each.json()["id"] for each in answers]
    said = [desk.final(each)["message"]["state"] for each in ids]
    assert said == ["accepted"] * 3 + ["held"] * 17
    assert len(outbox(desk, "bombed@customer.example")) == 3


@pytest.mark.parametrize(("why", "scope", "status"), [
    (Why.HARD, "all", 422), (Why.UNSUBSCRIBE, "marketing", 202), (Why.COMPLAINT, "service", 202),
])  # fmt: skip
def test_who_bounced_is_said_at_once(desk: Newsdesk, why: Why, scope: str, status: int) -> None:
    address = f"{why.value}@customer.example"
    blind = desk.office.keys.blind(address)
    party = Party(blind, b"", b"")
    desk.office.ledger.suppress([Suppression(party, scope, why, "test", 1.0)], 1.0)
    answer = desk.ask(address, f"suppressed-{why.value}")
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["type"] == "urn:severally:problem:suppressed"


def test_a_changed_notice_changes_nothing_until_it_is_approved(desk: Newsdesk) -> None:
    before = notices.listed(desk.office).notices
    body = desk.office.workspace.root / "notices" / "reset" / "body.md"
    text = body.read_text("utf-8")
    body.write_text(text.replace("choose a new password", "pick a new password"), "utf-8")
    try:
        assert notices.listed(desk.office).notices == before
        desk.final(desk.ask("f@customer.example", "unchanged").json()["id"])
        (letter,) = outbox(desk, "f@customer.example")
        assert "choose a new password" in letter.get_body(("plain",)).get_content()
    finally:
        body.write_text(text, "utf-8")


def test_another_process_that_sends_is_followed_when_it_ends(
    tmp_path: Path,
) -> None:
    folder = workspace(tmp_path / "newsroom")
    other = DeliveryLock(folder / ".severally" / "urgent.lock")
    (folder / ".severally").mkdir(exist_ok=True)
    assert other.take()
    with served(folder) as desk:
        id_ = desk.ask().json()["id"]
        said = desk.http.get(f"/v1/messages/{id_}").json()
        assert said["message"]["state"] == "ready"
        other.release()
        assert desk.final(id_)["message"]["state"] == "accepted"


def test_metrics_tell_how_it_goes_and_nothing_of_anybody(desk: Newsdesk) -> None:
    desk.final(desk.ask("g@customer.example", "measured").json()["id"])
    said = desk.http.get("/metrics").text
    assert 'severally_urgent_ended_total{event="password_reset",state="accepted"}' in said
    assert 'severally_urgent_route_well{route="main"} 1.0' in said
    assert "customer.example" not in said
