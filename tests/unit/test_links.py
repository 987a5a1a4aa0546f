"""Links are followed as a customer would, over real HTTP, and only where the notice says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from tests.ledger_samples import FROZEN
from tests.servers.processes import free_port
from tests.website import Everywhere, Website

from severally.adapters.links import WebLinks
from severally.deliver.linked import common_links
from severally.model.formats import LocaleFormat
from severally.model.observed import Answered
from severally.model.stencil import Landing, Slot, Stencil

WAIT_S = 20.0
HOSTS = ("exchange.example", "help.exchange.example")
ANSWERS: dict[str, int | tuple[int, str]] = {
    "/gone": 404,
    "/login": 401,
    "/broken": 503,
    "/moved": (302, "/there"),
    "/helps": (301, "https://help.exchange.example/there"),
    "/away": (302, "https://tracker.example/r?u=exchange"),
    "/files": (302, "file:///etc/passwd"),
    "/round": (302, "/round"),
    "/lost": (302, "/gone"),
}


@pytest.fixture(scope="module")
def site() -> Iterator[Website]:
    with Website(lambda path: ANSWERS.get(path, 200)) as made:
        yield made


def test_it_ends_in_time_however_slow_each_step_is(site: Website) -> None:
    seconds = iter(range(0, 1_000, 6))
    links = WebLinks(lambda host: True, lambda: next(seconds), Everywhere(site.port))
    before = len(site.asked)
    followed = links.follow("https://exchange.example/moved", HOSTS)
    assert followed.answered is Answered.UNKNOWN
    assert len(site.asked) == before + 1


@pytest.mark.parametrize(
    ("path", "answered", "said"),
    [
        ("/", Answered.RIGHT, ""),
        ("/moved", Answered.RIGHT, ""),
        ("/helps", Answered.RIGHT, ""),
        ("/gone", Answered.WRONG, "exchange.example says 404 to it"),
        ("/lost", Answered.WRONG, "exchange.example says 404 to it"),
        ("/away", Answered.WRONG, "it leads to tracker.example, which link_hosts does not list"),
        ("/files", Answered.WRONG, "it leads to no host, which link_hosts does not list"),
        ("/login", Answered.UNKNOWN, "exchange.example says 401 to it"),
        ("/broken", Answered.UNKNOWN, "exchange.example says 503 to it"),
        ("/round", Answered.UNKNOWN, "exchange.example leads on and on"),
    ],
)
def test_what_a_site_says(site: Website, path: str, answered: Answered, said: str) -> None:
    links = WebLinks(lambda host: True, time.monotonic, Everywhere(site.port))
    assert links.follow(f"https://exchange.example{path}", HOSTS) == (answered, said)
    assert not [each for each in site.asked if each.startswith("tracker")]


def test_a_link_is_followed_to_its_end_while_others_end_before_it() -> None:
    under_way, others_ended = threading.Event(), threading.Event()

    def answer(path: str) -> int:
        if path == "/slow":
            under_way.set()
            others_ended.wait(WAIT_S)
        return 503

    with Website(answer) as site, ThreadPoolExecutor(1) as beside:
        links = WebLinks(lambda host: True, time.monotonic, Everywhere(site.port))
        slow = beside.submit(links.follow, "https://exchange.example/slow", HOSTS)
        assert under_way.wait(WAIT_S)
        links.follow("https://exchange.example/quick", HOSTS)
        others_ended.set()
        said = slow.result(WAIT_S)
    assert said == (Answered.UNKNOWN, "exchange.example says 503 to it")


def test_nobody_there_is_not_a_pass() -> None:
    links = WebLinks(lambda host: True, time.monotonic)
    followed = links.follow(f"http://127.0.0.1:{free_port()}/", ("127.0.0.1",))
    assert followed == (Answered.UNKNOWN, "127.0.0.1 does not answer (ConnectError)")


def test_a_trial_workspace_asks_nobody_outside(site: Website) -> None:
    before = len(site.asked)
    links = WebLinks(lambda host: False, time.monotonic, Everywhere(site.port))
    followed = links.follow("https://exchange.example/", HOSTS)
    assert followed == (
        Answered.UNKNOWN,
        "this trial workspace does not reach exchange.example",
    )
    assert len(site.asked) == before


def test_only_links_that_are_the_same_for_everybody_are_followed() -> None:
    page = (
        '<a href="https://exchange.example/news?a=1&amp;b=2">new</a> <img src="https://i.example/1">'
        '<a href="https://exchange.example/orders/',
        Slot("order", Landing.URL_PART),
        '">yours</a> <a href="',
        Slot("own", Landing.URL),
        '">own</a> <a href="https://exchange.example/out?t=1">out</a> <a href="mailto:a">us</a>',
    )
    stencil = Stencil("en", "ltr", ("s",), ("t",), page, (), LocaleFormat("en"))
    sender = msgspec.structs.replace(FROZEN.sender, unsubscribe_url="https://exchange.example/out")
    frozen = msgspec.structs.replace(FROZEN, stencils={"en": stencil}, sender=sender)
    arrived = "".join(piece if isinstance(piece, str) else "X-1" for piece in page)
    raw = f"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n{arrived}".encode()
    assert common_links(raw, "en", frozen) == [
        "https://exchange.example/news?a=1&b=2",
        "https://i.example/1",
    ]
    assert common_links(raw, "de", frozen) == []
