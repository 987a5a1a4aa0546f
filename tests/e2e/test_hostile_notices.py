"""Hostile inputs that come with a notice or its workspace. Each test bears its number."""

from __future__ import annotations

import email.policy
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from tests.smtp_sink import Sink
from tests.workshop import Ran, Workshop, rows

NOTICE = "notices/index-change"
SUBJECT = 'subject = "Our price index changes on {{ effective }}"'


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def shop(tmp_path: Path, sink: Sink) -> Workshop:
    """With the source language alone: what is changed in it needs no translation."""
    shop = Workshop(tmp_path / "shop", sink.port)
    text = (shop.root / NOTICE / "notice.toml").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("locales = "))
    shop.edit(f"{NOTICE}/notice.toml", line, 'locales = ["en"]')
    return shop


def refused(shop: Workshop, sink: Sink, *words: str, code: int = 3) -> Ran:
    """Both `check` and `send` say why; nothing leaves, nothing is left behind."""
    checked = shop.run("check", "index-change")
    sent = shop.send(shop.customers(rows(2)))
    assert (checked.code, sent.code) == (code, code), checked.everything + sent.everything
    for word in words:
        assert word in checked.everything
        assert word in sent.everything
    assert "Traceback" not in checked.everything + sent.everything
    assert sink.received == []
    assert shop.run("status", "--json").said["mailings"] == []
    return checked


def subject(shop: Workshop, toml: str) -> None:
    shop.edit(f"{NOTICE}/notice.toml", SUBJECT, f"subject = {toml}")


def body(shop: Workshop, text: str) -> None:
    shop.edit(f"{NOTICE}/body.md", "We will never ask", f"{text}\n\nWe will never ask")


def first_message(sink: Sink) -> EmailMessage:
    message = message_from_bytes(sink.received[0].message, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_hostile_01_subject_with_crlf_and_bcc(shop: Workshop, sink: Sink) -> None:
    subject(shop, r'"Hello\r\nBcc: eve@evil.example"')
    refused(shop, sink, "notices/index-change/notice.toml:2", "'subject'")


@pytest.mark.parametrize("escape", [r"\r", r"\u000B", r"\f", r"\u0085", r"\u2028"])
def test_hostile_02_subject_with_another_line_end(escape: str, shop: Workshop, sink: Sink) -> None:
    subject(shop, f'"Hello{escape}Bcc: eve@evil.example"')
    refused(shop, sink, "notices/index-change/notice.toml:2", "control character")


def test_hostile_03_subject_with_an_encoded_word(shop: Workshop, sink: Sink) -> None:
    subject(shop, '"=?utf-8?q?x=0ABcc=3Aeve=40evil=2Eexample?="')
    refused(shop, sink, "notices/index-change/notice.toml:2", "encoded word")


def test_hostile_03_encoded_word_in_a_value_stays_text(shop: Workshop, sink: Sink) -> None:
    subject(shop, '"Hello {{ first_name }}"')
    people = rows(1)
    people[0][4] = "=?utf-8?q?x=0ABcc=3Aeve?="
    assert shop.send(shop.customers(people)).code == 0
    message = first_message(sink)
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello =?utf-8?q?x=0ABcc=3Aeve?="


def test_hostile_04_subject_with_nul(shop: Workshop, sink: Sink) -> None:
    subject(shop, r'"Hello\u0000there"')
    refused(shop, sink, "notices/index-change/notice.toml:2", "control character")


@pytest.mark.parametrize("escape", [r"\r\n", r"\n", r"\u0000", r"\u0085", r"\u2029"])
def test_hostile_05_display_name_with_crlf(escape: str, shop: Workshop, sink: Sink) -> None:
    shop.edit("severally.toml", '"Example Exchange"', f'"Exchange{escape}Bcc: eve@evil.example"')
    refused(shop, sink, "senders.notices", "name")


def test_hostile_06_display_name_that_looks_like_two_addresses(shop: Workshop, sink: Sink) -> None:
    shop.edit("severally.toml", '"Example Exchange"', '"A <e@x.example>, B"')
    ran = shop.send(shop.customers(rows(1)))
    assert ran.code == 0, ran.everything
    sender = first_message(sink)["From"].addresses
    assert [(one.display_name, one.addr_spec) for one in sender] == [
        ("A <e@x.example>, B", "notices@exchange.example")
    ]


DOTS = "alpha\n\n.\n\nMAIL FROM: eve\n\n.omega {#dots}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_hostile_13_lines_of_dots_in_the_text(end: str, shop: Workshop, sink: Sink) -> None:
    body(shop, DOTS.replace("\n", end))
    ran = shop.send(shop.customers(rows(3)))
    assert (ran.code, len(sink.received)) == (0, 3), ran.everything
    for each in sink.received:
        inside = each.wire.removesuffix(b"\r\n.\r\n")
        assert inside.count(b"\n") == inside.count(b"\r") == inside.count(b"\r\n")
        assert b"\r\n.\r\n" not in inside
    shown = text_of(first_message(sink), "plain")
    assert "alpha\n\n.\n\nMAIL FROM: eve\n\n.omega" in shown.replace("\r", "")
    assert [command[:10] for command in sink.commands].count("MAIL FROM:") == 3


def test_hostile_15_a_line_over_998_octets(shop: Workshop, sink: Sink) -> None:
    word = "long" * 2_000
    body(shop, f"{word} {{#long}}")
    assert shop.send(shop.customers(rows(1))).code == 0
    assert max(map(len, sink.received[0].wire.split(b"\r\n"))) <= 78
    message = first_message(sink)
    assert word in text_of(message, "plain")
    assert word in text_of(message, "html")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (33, "{{ ''.__class__ }}"),
        (34, "{{ first_name|attr('format') }}"),
        (35, "{{ 'a' * 10**9 }}"),
        (36, "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"),
        (39, "{{ first_name|safe }}"),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_hostile_33_34_35_36_39_no_template_language(
    number: int, text: str, shop: Workshop, sink: Sink
) -> None:
    body(shop, f"Look: {text} {{#look}}")
    began = time.monotonic()
    told = refused(shop, sink, "notices/index-change/body.md:", "'look'")
    assert time.monotonic() - began < 10
    if number in (34, 39):
        assert "no filters" in told.everything


def test_hostile_40_a_translation_that_lost_a_placeholder(tmp_path: Path, sink: Sink) -> None:
    shop = Workshop(tmp_path / "other", sink.port)
    path = shop.root / NOTICE / "locales" / "de.po"
    text = path.read_text("utf-8")
    at = text.index('msgctxt "greeting"')
    path.write_text(text[:at] + text[at:].replace(" {{ first_name }}", "", 2), "utf-8")
    text = path.read_text("utf-8")
    assert 'msgid "Dear {{ first_name }},"' not in text
    path.write_text(text.replace('msgid "Dear,"', 'msgid "Dear {{ first_name }},"'), "utf-8")
    refused(shop, sink, "locales/de.po:", "lost {{ first_name }}")


@pytest.mark.parametrize("character", ["\u202e", "\u2066"])
def test_hostile_41_a_text_that_turns_its_direction(
    character: str, shop: Workshop, sink: Sink
) -> None:
    body(shop, f"Pay {character}now {{#pay}}")
    refused(shop, sink, "notices/index-change/body.md:", "writing direction")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("javascript:alert(1)", "not https"),
        ("JaVaScRiPt:alert(1)", "not https"),
        ("data:text/html,x", "not https"),
        ("//evil.example/x", "not https"),
        ("https://evil.example/x", "link_hosts does not list"),
        ("https://exchange.example.evil.example/x", "link_hosts does not list"),
        ("https://exchange.example@evil.example/x", "'@'"),
        ("https://{{ account }}.exchange.example/x", "not https"),
        ("mailto:support@exchange.example?bcc=eve@evil.example", "mailto"),
    ],
)
def test_hostile_45_a_link_elsewhere(target: str, why: str, shop: Workshop, sink: Sink) -> None:
    body(shop, f"[Look here]({target}) {{#link}}")
    refused(shop, sink, "notices/index-change/body.md:", why)


@pytest.mark.parametrize(
    "text",
    [
        "[https://evil.example/login](https://exchange.example/login)",
        "[exchange.example.evil.example](https://exchange.example/)",
        "[**evil.example**](https://exchange.example/)",
        "[go to evil.example now](https://exchange.example/)",
        "[evil.example.](https://exchange.example/)",
        "[ｅｖｉｌ.example](https://exchange.example/)",
        "[evil。example](https://exchange.example/)",
    ],
)
def test_hostile_46_a_link_text_with_another_host(text: str, shop: Workshop, sink: Sink) -> None:
    body(shop, f"{text} {{#link}}")
    refused(shop, sink, "notices/index-change/body.md:", "link text")


@pytest.mark.parametrize(
    "text",
    ["The terms, e.g. terms.pdf at exchange.example", "詳しくはexchange.exampleをご覧ください。"],
)
def test_hostile_46_words_files_and_the_host_itself(text: str, shop: Workshop, sink: Sink) -> None:
    body(shop, f"[{text}](https://exchange.example/terms.pdf) {{#link}}")
    assert shop.run("check", "index-change").code == 0
