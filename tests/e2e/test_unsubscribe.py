"""One-click unsubscribing as a mailbox provider does it, and everything that must not do it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.ledger_samples import FROZEN
from tests.mailbag import Mailbag

from severally.adapters.keys import FileKeys, make_keys
from severally.app.api import make_app
from severally.app.api.requests import Watched
from severally.app.api.unsubscribing import words
from severally.app.config import load
from severally.app.lock import DeliveryLock
from severally.app.office import Office
from severally.app.wiring import Wiring
from severally.ledger.sqlite import SqliteLedger
from severally.model.delivery import Purpose
from severally.model.event import EventKind
from severally.model.notice import Kind

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def bag(tmp_path: Path) -> Iterator[Mailbag]:
    (tmp_path / "severally.toml").write_text('[routes.main]\ntype = "discard"\n')
    make_keys(tmp_path / "keys")
    (tmp_path / ".severally").mkdir(mode=0o700)
    ledger = SqliteLedger(tmp_path / ".severally" / "ledger.sqlite3")
    try:
        yield Mailbag(6, ledger, FileKeys(tmp_path / "keys"))
    finally:
        ledger.close()


def asked(bag: Mailbag, folder: Path, method: str, token: str, **options: object) -> httpx.Response:
    office = Office(
        load(folder), Wiring(), bag.keys, bag.ledger, DeliveryLock(folder / "deliver.lock")
    )

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(office, Watched(), checks={}))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://here.test") as client:
            return await client.request(method, f"/u/{token}", **options)  # type: ignore[arg-type]

    return asyncio.run(go())


def out(bag: Mailbag, person: str) -> str:
    return bag.token(bag.deliveries[person], Purpose.UNSUBSCRIBE)


def unsubscribed(bag: Mailbag) -> list[str]:
    return [
        person
        for person, number in bag.deliveries.items()
        if [e.kind for e in bag.ledger.events_of(number)] == [EventKind.UNSUBSCRIBE]
    ]


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_a_post_without_cookie_or_login_does_it_once(
    bag: Mailbag, tmp_path: Path, form: str
) -> None:
    ann = bag.people[0]
    body = (
        {"data": ONE_CLICK}
        if form == "urlencoded"
        else {"files": {"List-Unsubscribe": (None, "One-Click")}}
    )
    for _ in range(2):
        answer = asked(bag, tmp_path, "POST", out(bag, ann), **body)
        assert answer.status_code == 200 and not answer.cookies
    assert unsubscribed(bag) == [ann]
    kind = FROZEN.notice.kind
    for person in bag.people:
        assert bool(bag.ledger.suppressed(bag.blind(person), kind, 9e9)) is (person == ann)
    assert bag.ledger.suppressed(bag.blind(ann), Kind.SECURITY, 9e9) is None
    assert len(list(bag.ledger.suppressions())) == 1


def test_a_link_scanner_unsubscribes_nobody(bag: Mailbag, tmp_path: Path) -> None:
    for person in bag.people:
        for method in ("GET", "HEAD", "OPTIONS", "PUT"):
            asked(bag, tmp_path, method, out(bag, person))
        assert asked(bag, tmp_path, "POST", out(bag, person)).status_code == 400
        assert asked(bag, tmp_path, "POST", out(bag, person), data={"x": "y"}).status_code == 400
    assert unsubscribed(bag) == []
    assert list(bag.ledger.suppressions()) == []


def test_a_forged_token_or_one_for_something_else_does_nothing(
    bag: Mailbag, tmp_path: Path
) -> None:
    ann = bag.people[0]
    real = out(bag, ann)
    forged = ["a" * 26, real[:-4] + "aaaa", real[::-1], bag.tokens[ann], "x", "%00", real + "a"]
    answers = {asked(bag, tmp_path, "POST", token, data=ONE_CLICK).text for token in forged[:5]}
    assert len(answers) == 1
    for token in forged:
        assert asked(bag, tmp_path, "POST", token, data=ONE_CLICK).status_code == 404
        assert asked(bag, tmp_path, "GET", token).status_code == 404
    assert unsubscribed(bag) == []


def test_the_page_shows_nobodys_address_and_may_not_be_kept(bag: Mailbag, tmp_path: Path) -> None:
    answer = asked(bag, tmp_path, "GET", out(bag, bag.people[0]))
    assert answer.status_code == 200
    assert "@" not in answer.text and '<form method="post">' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_every_language_says_everything() -> None:
    assert {"en", "de", "ja", "ar"} <= set(words())
    for each in words().values():
        assert "{sender}" in each.ask and "{sender}" in each.done and each.button and each.unknown
