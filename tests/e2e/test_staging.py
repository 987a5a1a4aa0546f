"""Staged mailings as they go out: through real servers, and through relays that spoil them."""

from __future__ import annotations

import csv
import json
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests import oracle, staged
from tests.meddling import (
    Fault,
    Meddler,
    Merging,
    OtherLocale,
    Swapping,
    SwappingAlike,
    relinked,
    unsigned,
)
from tests.servers.dovecot import PASSWORD, dovecot
from tests.servers.postfix import postfix
from tests.smtp_sink import Received
from tests.staff import CODE_S, Staff
from tests.staged import IN_DIALOGUE
from tests.website import Everywhere, Website
from tests.workshop import Workshop, complaints, rows

from severally.adapters.links import WebLinks
from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import approving
from severally.app.operations.results import Report
from severally.app.wiring import Wiring
from severally.model.mailing import MailingState
from severally.model.staging import asks_a_person

PEOPLE = 1_100
LOOKS = 30_000
CODES = 8
"""What people type until it is sent: alice signs in and enters two, bob signs in, and so on."""
BOXES = (("en-1", "en"), ("en-2", "en"), ("de-1", "de"), ("de-2", "de"))


def opened(history: Sequence[dict[str, Any]]) -> list[int]:
    """The steps in the order in which they were opened."""
    words = (deed["what"].split() for deed in history)
    return [int(each[1]) for each in words if each[0] == "step"]


def arrived(each: oracle.Received) -> Received:
    """As `complaints` judges it: without the signature, whose 256 random bytes decode to
    something like an address once in some thousand messages."""
    ((_, raw),) = unsigned("", each.raw.replace(b"\n", b"\r\n"))
    return Received("", (each.recipient,), raw, b"")


def everywhere(site: Website) -> WebLinks:
    """Every link leads there."""
    return WebLinks(lambda host: True, time.monotonic, Everywhere(site.port))


def imap_sentinel(name: str, locale: str, port: int, password: Path) -> str:
    return (
        f'[sentinels.{name}]\naddress = "sentinel-{name}@exchange.example"\n'
        f'locale = "{locale}"\nimap_host = "127.0.0.1"\nimap_port = {port}\nimap_tls = false\n'
        f'username = "sentinel-{name}"\npassword_file = {json.dumps(str(password))}\n'
    )


class Newsroom(Staff):
    """A live workspace with its people, whose notices go out through a relay; everything is done
    by the verbs, from `init` on."""

    def __init__(self, root: Path, port: int, sentinels: Sequence[str], site: Website) -> None:
        shop = Workshop(root / "newsroom", port)
        staged.staged(shop, sentinels)
        shop.edit("severally.toml", 'purpose = "trial"', 'purpose = "live"')
        # by the time that customers are told it is now: what arrives is stamped by others
        super().__init__(shop, root / "state", ahead=-CODES * CODE_S)
        self.wiring = replace(
            self.wiring,
            bounce_curves=IN_DIALOGUE.bounce_curves,
            make_links=lambda workspace: everywhere(site),
        )
        self.hire()

    def see_through(self, people: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Proposed by bob, approved by alice, sent by bob; the report it ends with."""
        mailing = self.propose(self.shop.customers(people))
        approved = self.approve("alice", mailing, len(people))
        assert approved.code == 0, approved.everything
        self.sign_in("bob")
        ran = self.run("send", mailing, "--code", self.code("bob"), "--until", "+300s", "--json")
        assert self.clock.seconds == 0
        assert ran.code == 0, ran.everything
        return ran.said


@pytest.mark.server("postfix")
@pytest.mark.server("dovecot")
def test_a_live_mailing_goes_by_the_verbs_alone_from_a_proposal_to_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEVERALLY_TOKEN", raising=False)
    password = tmp_path / "imap.password"
    password.touch(mode=0o600)
    password.write_text(PASSWORD + "\n")
    names = [f"sentinel-{name}" for name, _ in BOXES]
    with (
        postfix(secure=False, boxes=names) as server,
        dovecot(server.folder / "mail") as imap,
        Website() as site,
    ):
        boxes = [imap_sentinel(name, locale, imap.port, password) for name, locale in BOXES]
        room = Newsroom(tmp_path, server.port, boxes, site)
        people = rows(PEOPLE)
        report = room.see_through(people)
        assert (report["state"], report["reason"]) == ("done", "")
        assert report["counts"]["accepted"] == PEOPLE
        assert server.settle() == PEOPLE
        received = [arrived(each) for each in oracle.maildir(server.inbox)]
    assert complaints(received, people) == []
    assert site.asked and len(site.asked) == len(set(site.asked)), "each link once"
    assert {asked.partition("/")[0] for asked in site.asked} == {"exchange.example"}
    steps = opened(report["history"])
    assert steps == sorted(steps) and steps[0] == 0
    told = "\n".join(room.story())
    place = -1
    for act in (
        *("alice operator added: bob", "bob proposed:", "alice approved:", "bob rehearsed:"),
        *("canary:", "4 sentinels saw what was approved: ", "the gate passed", "sending:", "done:"),
    ):
        assert (place := told.find(act, place + 1)) > 0, act
    assert re.search(r"\ben-1 in INBOX after \d+ s\b", told)
    assert "@" not in told
    verified = room.said("audit", "verify").said
    assert (verified["flaws"], verified["unanchored"]) == ([], 0)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Merging(), "its To field shows 2 addresses"),
        (OtherLocale(), "its language is not"),
        (unsigned, "a signature was lost on the way"),
        (relinked, "its html part does not say what was approved"),
        (Swapping(), "it shows 1 foreign addresses"),
        (SwappingAlike(), "its plain part does not say what was approved"),
    ],
    ids=["merged", "locale", "signature", "link", "body", "body of the same language"],
)
def test_what_a_relay_spoils_halts_before_the_first_customer(
    tmp_path: Path, fault: Fault, said: str
) -> None:
    with Meddler(tmp_path / "mail", fault) as relay:
        shop = Workshop(tmp_path / "place", relay.port)
        boxes = [staged.maildir_sentinel(n, locale, relay.folder) for n, locale in BOXES]
        staged.staged(shop, boxes)
        report = staged.conduct(shop.root, shop.customers(rows(60)))
        assert relay.customers == 0
    assert (report.state, report.counts["ready"]) == ("halted", 60)
    assert report.reason.startswith("sentinel: ")
    assert said in report.reason
    assert not [deed for deed in report.history if deed.what.startswith("step")]
    assert "@" not in report.reason


def linked(tmp_path: Path, status: int, patience: str) -> Report:
    """A mailing whose links all get this answer; who is asked about one halts it."""
    with Meddler(tmp_path / "mail") as relay, Website(lambda path: status) as site:
        shop = Workshop(tmp_path / "place", relay.port)
        staged.staged(
            shop, [staged.maildir_sentinel(n, locale, relay.folder) for n, locale in BOXES]
        )
        shop.edit(
            "severally.toml",
            'sentinel_patience = "60s"',
            f'sentinel_patience = "{patience}"\nfollow_links = true',
        )
        wiring = replace(IN_DIALOGUE, make_links=lambda workspace: everywhere(site))
        somebody = threading.Thread(target=halts_when_asked, args=(shop.root,))
        somebody.start()
        report = staged.conduct(shop.root, shop.customers(rows(60)), 600.0, wiring)
        somebody.join()
        assert relay.customers == 0
    assert report.state == "halted"
    return report


def halts_when_asked(root: Path) -> None:
    """Somebody who looks at the workspace until they are asked about a link, or it is over."""
    with open_office(load(root), Wiring()) as office:
        for _ in range(LOOKS):
            known = {mailing.id: mailing for mailing in office.ledger.mailings()}
            mailing = known.get("m-staged")
            if mailing and mailing.state is MailingState.HALTED:
                return
            if mailing and "a link in it" in asks_a_person(office.ledger.acts(mailing.id)):
                approving.decide(office, mailing.id, False, "the site is down")
                return
            time.sleep(0.02)


def test_a_link_that_leads_nowhere_halts_before_the_first_customer(tmp_path: Path) -> None:
    report = linked(tmp_path, 404, "600s")
    assert report.reason.startswith("sentinel: ")
    assert "a link in it: exchange.example says 404 to it" in report.reason


def test_a_link_that_does_not_answer_is_asked_of_a_person(tmp_path: Path) -> None:
    report = linked(tmp_path, 503, "1s")
    assert report.reason == "the site is down"
    waited = [deed.detail for deed in report.history if deed.what == "waits"]
    said = "a link in it: exchange.example says 503 to it"
    assert any(words.startswith("sentinels: person: ") and said in words for words in waited)


def test_a_sentinel_that_gets_nothing_holds_the_mailing(tmp_path: Path) -> None:
    with Meddler(tmp_path / "mail", lambda to, raw: ()) as relay:
        shop = Workshop(tmp_path / "place", relay.port)
        boxes = [staged.maildir_sentinel(n, locale, relay.folder) for n, locale in BOXES]
        staged.staged(shop, boxes)
        report = staged.conduct(shop.root, shop.customers(rows(60)), 12.0)
        assert relay.customers == 0
    assert (report.state, report.counts["ready"]) == ("canary", 60)
    assert any(deed.what == "waits" for deed in report.history)


def test_the_report_names_everybody_who_got_it(tmp_path: Path) -> None:
    with Meddler(tmp_path / "mail") as relay:
        shop = Workshop(tmp_path / "place", relay.port)
        assert shop.send(shop.customers(rows(30))).code == 0
    listed = tmp_path / "told.csv"
    done = shop.run("report", "--recipients", listed)
    assert done.code == 0, done.everything
    with listed.open(newline="") as file:
        told = list(csv.DictReader(file))
    assert sorted(row["id"] for row in told) == [row[0] for row in rows(30)]
    assert {(row["state"], row["code"]) for row in told} == {("accepted", "250")}
    assert "@" not in listed.read_text()
    missing = shop.run("report", "--recipients", tmp_path / "nowhere" / "told.csv")
    assert missing.code == 2 and "cannot be written" in missing.err
