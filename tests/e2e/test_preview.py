"""`preview` as a person runs it; with a camera that takes notes, and with the real one."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.staged import sign
from tests.workshop import Workshop

from severally.adapters.chromium import Chromium
from severally.adapters.fonts import Fonts, FontsUnknown
from severally.app.wiring import Wiring
from severally.model.view import VIEWS, Picture, View

ALL = Fonts([(0x20, 0x10FFFF)])
WHOLE = ("--json", "--out")


class NotingCamera:
    """Takes empty pictures of `needs` pixels and remembers of what."""

    def __init__(self, needs: int = 0) -> None:
        self.taken: list[tuple[str, str]] = []
        self._needs = needs

    def pictures(self, page: Path, views: Sequence[View]) -> Iterator[Picture]:
        assert page.is_file()
        for view in views:
            self.taken.append((page.name, view.name))
            yield Picture(view, b"\x89PNG", max(view.width, self._needs), 100)


def wiring(camera: NotingCamera | None, fonts: Fonts = ALL) -> Wiring:
    return Wiring(
        find_camera=lambda: contextlib.nullcontext(camera) if camera else None,
        fonts=lambda: fonts,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "w")


def test_every_locale_in_every_view_and_one_sheet(shop: Workshop, tmp_path: Path) -> None:
    camera = NotingCamera()
    ran = shop.run("preview", "index-change", *WHOLE, tmp_path / "p", wiring=wiring(camera))
    assert ran.code == 0, ran.everything
    locales = [case["stem"] for case in ran.said["cases"]]
    assert {"en", "ar", "ja", "zh-Hans", "zh-Hant", "tr", "ko"} <= set(locales)
    for locale in locales:
        assert [view for page, view in camera.taken if page == f"{locale}.html"] == [
            view.name for view in VIEWS
        ]
    sheet = (tmp_path / "p/contact-sheet.html").read_text("utf-8")
    pictures = re.findall(r'src="([^"]+)"', sheet)
    assert len(pictures) == len(locales) * len(VIEWS)
    assert all((tmp_path / "p" / picture).is_file() for picture in pictures)
    assert {Path(file).exists() for file in ran.said["files"]} == {True}


def test_the_files_are_what_the_message_says(shop: Workshop, tmp_path: Path) -> None:
    ran = shop.run(
        "preview", "index-change", "--no-pictures", "--locale", "ar", *WHOLE, tmp_path / "p"
    )
    assert ran.code == 0, ran.everything
    message = email.message_from_bytes(
        (tmp_path / "p/ar.eml").read_bytes(), policy=email.policy.default
    )
    assert message["Content-Language"] == "ar"
    for kind, name in (("html", "ar.html"), ("plain", "ar.txt")):
        part = message.get_body((kind,))
        assert part is not None
        said = part.get_content().replace("\r\n", "\n")
        assert (tmp_path / "p" / name).read_text("utf-8").endswith(said)


def test_the_bytes_are_those_that_are_sent(shop: Workshop, tmp_path: Path) -> None:
    """But for the date, the Message-ID and the token that also is the boundary."""
    shop.edit("severally.toml", 'type = "smtp"', 'type = "maildir"')
    settings = shop.root / "severally.toml"
    route = re.sub(r"(host|port|tls|connections) = .*\n", "", settings.read_text("utf-8"))
    settings.write_text(route.replace('"maildir"', '"maildir"\npath = "outbox"'), "utf-8")
    people = shop.customers(
        [["c1", "a@gmail.example", "ar", "Asia/Dubai", "ليلى", "AC-1", "0.0001 BTC"]]
    )
    assert shop.send(people).code == 0
    shop.run(
        "preview", "index-change", "--no-pictures", "--audience", people, "--id", "c1",
        *WHOLE, tmp_path / "p",
    )  # fmt: skip
    (sent,) = [file for file in (shop.root / "outbox").rglob("*") if file.is_file()]
    assert _timeless(sent.read_bytes()) == _timeless((tmp_path / "p/ar.eml").read_bytes())


def _timeless(message: bytes) -> bytes:
    head, _, body = message.replace(b"\r\n", b"\n").partition(b"\n\n")
    kept = b"From|To|Subject|Reply-To|Auto-Submitted|Content-Language|MIME-Version|Content-Type"
    fields = re.findall(rb"^(?:%s):.*(?:\n[ \t].*)*" % kept, head, re.MULTILINE)
    boundary = re.search(rb'boundary="([^"]+)"', head)
    assert boundary is not None
    return b"\n".join([*fields, body]).replace(boundary[1], b"BOUNDARY")


def test_worst_cases_are_found_and_named_by_id(shop: Workshop, tmp_path: Path) -> None:
    people = shop.customers(
        [
            ["long", "a@gmail.example", "en", "UTC", "Wolfeschlegelsteinhausen", "AC-1", "1 USD"],
            ["rich", "b@gmail.example", "de", "UTC", "Bo", "AC-2", "123456789012.00000001 BTC"],
            ["rtl", "c@gmail.example", "en", "UTC", "ليلى", "AC-3", "1 USD"],
            ["rtl2", "d@gmail.example", "ar", "UTC", "ليلى", "AC-4", "1 USD"],
            ["bare", "e@gmail.example", "de", "", "Di", "AC-5", "1 USD"],
            ["far", "f@gmail.example", "sw", "UTC", "Ed", "AC-6", "1 USD"],
            ["near", "g@gmail.example", "de-AT", "UTC", "Ed", "AC-7", "1 USD"],
        ]
    )
    out = tmp_path / "p"
    ran = shop.run(
        "preview", "index-change", "--audience", people, "--worst", *WHOLE, out,
        wiring=wiring(NotingCamera()),
    )  # fmt: skip
    assert ran.code == 0, ran.everything
    assert {case["stem"]: case["recipient"] for case in ran.said["cases"]} == {
        "longest-name": "long",
        "longest-amount": "rich",
        "right-to-left-name": "rtl",
        "missing-value": "bare",
        "farthest-fallback": "far",
    }
    for secret in ("Wolfe", "123456789", "ليلى", "gmail.example"):
        assert secret not in ran.everything
    # each value stands in its own message and in no other's
    for stem in ("longest-amount", "right-to-left-name", "missing-value", "contact-sheet"):
        assert "Wolfe" not in (out / f"{stem}.html").read_text("utf-8")
    assert "Wolfe" in (out / "longest-name.html").read_text("utf-8")
    modes = {file.stat().st_mode & 0o077 for file in out.rglob("*") if file.is_file()}
    assert modes == {0}, "a customer's values are for the owner's eyes"


def test_the_recipient_with_the_missing_optional_value_is_found(
    shop: Workshop, tmp_path: Path
) -> None:
    """Before the one whose time zone is missing; without an audience both texts are shown."""
    notice = "notices/index-change"
    shop.edit(
        f"{notice}/notice.toml", "[variables.first_name]", "[variables.first_name]\noptional = true"
    )
    shop.edit(f"{notice}/notice.toml", 'locales = ["en", ', 'locales = ["en"] #')
    greeting = "{first_name, select, missing {Dear customer} other {Dear {{ first_name }}}},"
    shop.edit(f"{notice}/body.md", "Dear {{ first_name }},", greeting)
    people = shop.customers(
        [
            ["bare", "a@gmail.example", "en", "", "Di", "AC-1", "1 USD"],
            ["none", "b@gmail.example", "en", "UTC", " ", "AC-2", "1 USD"],
            ["all", "c@gmail.example", "en", "UTC", "Ed", "AC-3", "1 USD"],
        ]
    )
    out = tmp_path / "p"
    ran = shop.run(
        "preview", "index-change", "--audience", people, "--worst", "--no-pictures", *WHOLE, out
    )
    assert ran.code == 0, ran.everything
    (found,) = [case for case in ran.said["cases"] if case["stem"] == "missing-value"]
    assert (found["recipient"], found["why"]) == ("none", "first_name is missing")
    assert "Dear customer," in (out / "missing-value.txt").read_text("utf-8")
    checked = shop.run("check", "index-change", "--audience", people, "--json").said
    assert checked["sound"] and checked["audience"]["missing"] == {"first_name": 1}
    assert shop.run("preview", "index-change", "--no-pictures", "--out", out).code == 0
    assert "Dear customer," in (out / "en-missing.txt").read_text("utf-8")
    assert "Dear Alex Sample," in (out / "en.txt").read_text("utf-8")


def test_samples_hold_nobody(shop: Workshop, tmp_path: Path) -> None:
    ran = shop.run("preview", "index-change", "--no-pictures", *WHOLE, tmp_path / "p")
    assert all(not case["recipient"] for case in ran.said["cases"])
    customers = (shop.root / "customers.csv").read_text("utf-8").splitlines()[1:]
    for file in (tmp_path / "p").glob("*.txt"):
        text = file.read_text("utf-8")
        assert not [row for row in customers if row.split(",")[5] in text]


def test_a_script_without_a_font_gets_no_boxes(shop: Workshop, tmp_path: Path) -> None:
    latin = Fonts([(0x20, 0x24F), (0x2000, 0x20CF)])
    camera = NotingCamera()
    ran = shop.run("preview", "index-change", *WHOLE, tmp_path / "p", wiring=wiring(camera, latin))
    assert ran.code == 3
    found = {finding["where"]: finding for finding in ran.said["findings"]}
    assert "Arabic" in found["ar.html"]["problem"]
    assert "fonts-noto-core" in found["ar.html"]["cure"]
    assert "fonts-noto-cjk" in found["ja.html"]["cure"]
    pages = {page for page, _ in camera.taken}
    assert "de.html" in pages
    assert pages.isdisjoint({"ar.html", "ja.html", "ru.html", "ko.html"})
    assert (tmp_path / "p/ja.html").is_file()


def test_a_message_wider_than_the_screen_is_named(shop: Workshop, tmp_path: Path) -> None:
    ran = shop.run(
        "preview", "index-change", "--locale", "de", *WHOLE, tmp_path / "p",
        wiring=wiring(NotingCamera(needs=375)),
    )  # fmt: skip
    assert ran.code == 0
    assert [finding["problem"] for finding in ran.said["findings"]] == [
        "the message is 55 pixels wider than the screen"
    ] * 2, "at 320 pixels, in light and in dark"


def test_without_chromium_the_rest_is_written(shop: Workshop, tmp_path: Path) -> None:
    ran = shop.run(
        "preview", "index-change", "--locale", "de", *WHOLE, tmp_path / "p", wiring=wiring(None)
    )
    assert ran.code == 0
    (finding,) = ran.said["findings"]
    assert "apt install chromium" in finding["cure"]
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "de.eml",
        "de.html",
        "de.txt",
    ]


def test_without_fontconfig_no_picture_is_risked(shop: Workshop, tmp_path: Path) -> None:
    def unknown() -> Fonts:
        raise FontsUnknown("fc-list is not installed")

    camera = NotingCamera()
    chosen = replace(wiring(camera), fonts=unknown)
    ran = shop.run("preview", "index-change", *WHOLE, tmp_path / "p", wiring=chosen)
    assert ran.code == 0
    assert not camera.taken
    assert "fc-list" in ran.said["findings"][0]["problem"]


@pytest.mark.parametrize("options", [["--worst"], ["--id", "c1"], ["--audience", "c.csv"]])
def test_options_that_belong_together(shop: Workshop, tmp_path: Path, options: list[str]) -> None:
    ran = shop.run("preview", "index-change", *options, "--out", tmp_path / "p")
    assert ran.code == 2
    assert not (tmp_path / "p").exists()


# --- the real one


def _size(png: bytes) -> tuple[int, int]:
    """Width and height stand first in a PNG's header."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.server("chromium")
def test_chromium_takes_them(shop: Workshop, tmp_path: Path) -> None:
    ran = shop.run("preview", "index-change", "--locale", "ar", *WHOLE, tmp_path / "p")
    assert ran.code == 0, ran.everything
    assert ran.said["findings"] == []
    for view in VIEWS:
        png = (tmp_path / f"p/pictures/ar-{view.name}.png").read_bytes()
        assert _size(png)[0] == view.width
        assert _size(png)[1] > 600
    assert (tmp_path / "p/contact-sheet.png").stat().st_size > 10_000


@pytest.mark.server("chromium")
def test_a_page_cannot_reach_out_nor_run(chromium: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    page.write_text(
        "<!doctype html><title>x</title><body><p style='width:700px'>wide</p>"
        "<script>document.title='ran'</script>"
    )
    (picture,) = chromium.pictures(page, (View("narrow", 320, touch=True),))
    assert picture.overflow > 0
    title = chromium.call("Runtime.evaluate", expression="document.title")["result"]["value"]
    assert title == "x"
    asked = "fetch('http://127.0.0.1:9/').then(() => 'reached', error => 'no way')"
    said = chromium.call("Runtime.evaluate", expression=asked, awaitPromise=True)
    assert said["result"]["value"] == "no way"


def test_what_a_signed_sender_will_say_is_signed_too(shop: Workshop, tmp_path: Path) -> None:
    sign(shop)
    ran = shop.run(
        *("preview", "index-change", "--locale", "en", "--json", "--out", tmp_path / "p"),
        wiring=wiring(None),
    )
    assert ran.code == 0, ran.everything
    assert b"DKIM-Signature: v=1; a=rsa-sha256" in (tmp_path / "p" / "en.eml").read_bytes()
