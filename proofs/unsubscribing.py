"""One-click unsubscribing (RFC 8058) from outside: item 4 of what comes back.

A marketing mailing is received by a server of the tests', `severally serve` runs as a process, curl
asks as Gmail does, and Chromium shows the page in three languages.
`python -m proofs.unsubscribing FOLDER` keeps the pictures.
"""

from __future__ import annotations

import contextlib
import email
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path

import httpx
from tests.smtp_sink import Sink
from tests.workshop import SENDER, Workshop, rows

from proofs.workspace import start
from severally.adapters.chromium import Chromium, find_chromium
from severally.model.view import View

HOST = "https://mail.exchange.example"
ASKED = {"en": "Do you want no more", "ja": "広告", "ar": "رسائل تسويقية"}
"""Languages, and words that the page asks with."""
PHONE = View("phone", 375, touch=True)


def item_4(folder: Path, pictures: Path) -> None:
    """Raises AssertionError."""
    with Sink() as sink:
        shop = _shop(folder / "w", sink.port)
        read = ("en", "ja", "ar", "en", "en", "en")
        people = [[*row[:2], read[n], *row[3:]] for n, row in enumerate(rows(len(read)))]
        assert shop.send(shop.customers(people)).code == 0
    links = dict(_link(each.message) for each in sink.received)
    assert len(set(links.values())) == len(people)
    ann, jun, ali, bob, *others = (row[1] for row in people)
    with _serving(shop.root) as at:
        for person in links:  # a scanner follows every link of every message
            assert _curl(at + links[person]) == 200
            assert _curl(at + links[person], "--head") in (200, 405)
        assert _suppressed(shop) == 0
        for _ in range(2):  # and once more, as one that got no answer would
            assert _one_click(at + links[ann]) == 200
        assert _suppressed(shop) == 1
        token = links[bob].rpartition("/")[2]
        forged = ("a" * 26, token[:-4] + "aaaa", token[::-1], _return_token(sink, bob))
        assert {_one_click(f"{at}/u/{each}") for each in forged} == {404}
        assert _curl(at + links[bob], "--data", "something=else") == 400
        assert _suppressed(shop) == 1
        assert _one_click(at + links[bob]) == 200  # somebody else's own does it for them alone
        assert _suppressed(shop) == 2
        shown = {"en": others[0], "ja": jun, "ar": ali}
        _pictures(at, {locale: links[person] for locale, person in shown.items()}, pictures)
    (shop.root / "notices/index-change/body.md").write_text("# News {#n}\n\nOnce more. {#b}\n")
    report = shop.send(shop.customers(people, "again.csv"))
    assert report.said["excluded"] == {"unsubscribe": 2}, report.everything
    print(
        f"4. {len(links)} messages; GET and HEAD of each link unsubscribed nobody; curl's POST, no "
        f"cookie, did, twice as once; {len(forged)} forged or foreign tokens: 404; the next one "
        f"left out 2; the page in {', '.join(ASKED)}: {pictures}"
    )


def _shop(folder: Path, port: int) -> Workshop:
    shop = Workshop(folder, port)
    address = f'address = "{SENDER}"'
    shop.edit("severally.toml", address, f'{address}\nunsubscribe_url = "{HOST}/u"')
    shop.edit("notices/index-change/notice.toml", 'kind = "service"', 'kind = "marketing"')
    notice = shop.root / "notices/index-change/notice.toml"
    notice.write_text(re.sub(r"(?m)^locales = .*$", 'locales = ["en"]', notice.read_text("utf-8")))
    return shop


def _link(raw: bytes) -> tuple[str, str]:
    """Whose it is, and the path that unsubscribes; both fields are there."""
    message: Message = email.message_from_bytes(raw)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.search(rf"<{re.escape(HOST)}(/u/[a-z2-7]{{26}})>", str(message["List-Unsubscribe"]))
    assert found is not None
    return str(message["To"]).strip("<>"), found[1]


def _return_token(sink: Sink, person: str) -> str:
    """The one of the return path, which is for something else."""
    (sender,) = [each.mail_from for each in sink.received if each.rcpt_to == (person,)]
    return sender.partition("+")[2].partition("@")[0]


@contextlib.contextmanager
def _serving(place: Path) -> Iterator[str]:
    process = start(place, "serve", "--port", "0")
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _one_click(url: str) -> int:
    """As Gmail does it: a POST with this body, without a cookie, following nothing."""
    return _curl(url, "--data", "List-Unsubscribe=One-Click", "--user-agent", "Google")


def _curl(url: str, *more: str) -> int:
    command = [
        "curl",
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        *more,
        url,
    ]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _suppressed(shop: Workshop) -> int:
    total: int = shop.run("suppression", "list", "--json").said["total"]
    return total


def _pictures(at: str, links: Mapping[str, str], folder: Path) -> None:
    program = find_chromium()
    folder.mkdir(parents=True, exist_ok=True)
    pages = {locale: httpx.get(at + path).text for locale, path in links.items()}
    for locale, text in pages.items():
        assert f'lang="{locale}"' in text and ASKED[locale] in text, locale
        (folder / f"{locale}.html").write_text(text, "utf-8")
    if program is None:
        print("4. no Chromium here: the pages were read and not shown")
        return
    with Chromium(program) as camera:
        for locale in pages:
            (picture,) = camera.pictures(folder / f"{locale}.html", [PHONE])
            assert picture.overflow == 0
            (folder / f"{locale}.png").write_bytes(picture.png)


def main(pictures: str = "") -> int:
    """One line."""
    if shutil.which("curl") is None:
        print("4. skipped: there is no curl")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        item_4(Path(folder), Path(pictures or folder) / "pages")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
