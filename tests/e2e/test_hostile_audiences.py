"""Hostile inputs that come with an audience's file. Each test bears its number."""

from __future__ import annotations

import csv
import email.policy
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from tests.smtp_sink import Sink
from tests.workshop import HEADING, Ran, Workshop, rows


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def shop(tmp_path: Path, sink: Sink) -> Workshop:
    return Workshop(tmp_path / "shop", sink.port)


def changed(column: str, value: str, locale: str = "en") -> list[list[str]]:
    """Two customers; something is odd about the second."""
    people = rows(2)
    people[1][HEADING.index(column)] = value
    people[1][2] = people[1][2] if column == "locale" else locale
    return people


def rejected(shop: Workshop, sink: Sink, people: list[list[str]], *words: str) -> Ran:
    """Row 3 is rejected with its reason, and stops the send; nobody is told anything."""
    file = shop.customers(people)
    checked = shop.run("audience", "check", file, "--notice", "index-change", "--json")
    assert checked.said["rejected"] == 1, checked.everything
    (row,) = checked.said["rejects"]
    assert row["row"] == 3
    sent = shop.send(file)
    assert sent.code == 3, sent.everything
    for word in words:
        assert word in " ".join(row["reasons"])
        assert word in sent.everything
    assert sink.received == []
    assert people[1][1] not in checked.everything + sent.everything
    return sent


def text_of(sink: Sink, number: int, kind: str) -> str:
    message = message_from_bytes(sink.received[number].message, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("value", ["A\r\nBcc: eve", "A\nBcc: eve", "A\x0bB", "A\x85B", "A\u2028B"])
def test_hostile_01_02_a_value_with_a_line_end(value: str, shop: Workshop, sink: Sink) -> None:
    rejected(shop, sink, changed("first_name", value), "first_name", "line break")


def test_hostile_06_a_name_that_looks_like_two_addresses(shop: Workshop, sink: Sink) -> None:
    people = changed("first_name", "A <e@x.example>, B")
    rejected(shop, sink, people, "first_name", "mail address")


@pytest.mark.parametrize(
    ("number", "address"),
    [
        (7, "a@x.example; b@x.example"),
        (7, "a@x.example;b@x.example"),
        (8, "a@x.example, b@x.example"),
        (8, "a@x.example,b@x.example"),
        (9, "g: a@x.example, b@x.example;"),
        (9, "g:a@x.example;"),
        (12, "a@x.example>\r\nRCPT TO:<e@x.example"),
        (12, "a@x.example>\nRCPT TO:<e@x.example"),
        (12, "a@x.example> RCPT TO:<e@x.example"),
        (12, "a@x.example\r\n"),
    ],
)
def test_hostile_07_08_09_12_more_than_one_address(
    number: int, address: str, shop: Workshop, sink: Sink
) -> None:
    rejected(shop, sink, changed("email", address), "email")
    assert not any("RCPT" in command for command in sink.commands)


def test_hostile_37_a_missing_column(shop: Workshop, sink: Sink) -> None:
    file = shop.root / "customers.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([row[:6] for row in [HEADING, *rows(2)]])
    ran = shop.send(file)
    assert ran.code == 3
    assert "customers.csv:1" in ran.everything
    assert "there is no column 'position'" in ran.everything
    assert sink.received == []


def test_hostile_37_missing_values_name_recipients_by_id(shop: Workshop, sink: Sink) -> None:
    sent = rejected(shop, sink, changed("account", ""), "account: empty")
    (finding,) = [each for each in sent.said["findings"] if each["where"] == "row 3"]
    assert finding["recipients"] == ["c00002"]


def test_hostile_38_a_name_with_markup(shop: Workshop, sink: Sink) -> None:
    people = rows(1)
    people[0][4] = "{{7*7}}<b>"
    assert shop.send(shop.customers(people)).code == 0
    assert "{{7*7}}<b>" in text_of(sink, 0, "plain")
    shown = text_of(sink, 0, "html")
    assert "{{7*7}}&lt;b&gt;" in shown
    assert "{{7*7}}<b>" not in shown
    assert "49" not in text_of(sink, 0, "plain")


@pytest.mark.parametrize("name", ["Anna\u202egpj.exe", "Anna\u2066", "\u202aAnna"])
def test_hostile_41_a_name_that_turns_its_direction(name: str, shop: Workshop, sink: Sink) -> None:
    rejected(shop, sink, changed("first_name", name), "first_name", "writing direction")


def test_hostile_42_a_domain_of_look_alikes(shop: Workshop, sink: Sink) -> None:
    people = changed("email", "anna@\u0430pple.example")
    rejected(shop, sink, people, "email", "xn--pple-43d.example")


def test_hostile_43_an_invisible_character_in_a_domain(shop: Workshop, sink: Sink) -> None:
    rejected(shop, sink, changed("email", "anna@ex\u200bample.example"), "email", "invisible")


@pytest.mark.parametrize("sign", ["\uff20", "\ufe6b"])
def test_hostile_44_a_look_alike_at_sign(sign: str, shop: Workshop, sink: Sink) -> None:
    rejected(shop, sink, changed("email", f"anna{sign}x.example"), "email", "look-alike")
    rejected(shop, sink, changed("first_name", f"anna{sign}x.example"), "first_name", "disguise")


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("javascript:alert(1)", "https://"),
        ("https://evil.example/x", "link_hosts"),
        ("https://exchange.example.evil.example/", "link_hosts"),
        ("https://exchange.example@evil.example/", "address"),
    ],
)
def test_hostile_45_a_link_in_a_value(link: str, why: str, shop: Workshop, sink: Sink) -> None:
    shop.edit(
        "notices/index-change/notice.toml",
        "[variables.account]",
        '[variables.page]\ntype = "url"\n\n[variables.account]',
    )
    people = [[*row, "https://exchange.example/you"] for row in rows(2)]
    people[1][-1] = link
    file = shop.root / "customers.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([[*HEADING, "page"], *people])
    sent = shop.send(file)
    assert sent.code == 3, sent.everything
    assert "row 3" in sent.everything
    assert "page" in sent.everything
    assert why in sent.everything
    assert sink.received == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_hostile_47_a_formula_in_the_rejects(start: str, shop: Workshop, sink: Sink) -> None:
    cell = f'{start}HYPERLINK("https://evil.example";"x")'
    people = changed("first_name", cell)
    people[1][1] = f"{start}SUM(1)"
    file = shop.customers(people)
    checked = shop.run("audience", "check", file, "--notice", "index-change", "--json")
    written = shop.root / checked.said["rejects_file"]
    with written.open(encoding="utf-8", newline="") as source:
        heading, row = list(csv.reader(source))
    assert heading[:3] == ["row", "reason", "id"]
    assert row[heading.index("first_name")] == "'" + cell
    assert not any(each.startswith(("=", "+", "-", "@", "\t", "\r", "\0")) for each in row)
    assert written.stat().st_mode & 0o077 == 0


def test_hostile_47_a_nul_byte_is_refused(shop: Workshop, sink: Sink) -> None:
    sent = shop.send(shop.customers(changed("first_name", "\0=1+1")))
    assert sent.code == 3
    assert "customers.csv:3" in sent.everything
    assert "NUL" in sent.everything


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_hostile_48_another_encoding(encoding: str, shop: Workshop, sink: Sink) -> None:
    file = shop.customers(changed("first_name", "Zo\u00eb"))
    file.write_bytes(file.read_text("utf-8").encode(encoding))
    sent = shop.send(file)
    assert sent.code == 3, sent.everything
    line = 3 if encoding == "latin-1" else 1
    assert f"customers.csv:{line}" in sent.everything
    assert "UTF-8" in sent.everything
    assert sink.received == []


@pytest.mark.parametrize("count", [3, 5_000])
def test_hostile_48_a_quote_that_is_never_closed(count: int, shop: Workshop, sink: Sink) -> None:
    file = shop.customers(rows(count))
    text = file.read_text("utf-8")
    file.write_text(text.replace("Name00002", '"Name00002'), "utf-8")
    sent = shop.send(file)
    assert sent.code == 3, sent.everything
    assert "customers.csv:3" in sent.everything
    assert "quote" in sent.everything
    assert sink.received == []
    assert "@" not in sent.everything


def test_hostile_48_a_heading_that_stands_twice(shop: Workshop, sink: Sink) -> None:
    file = shop.customers(rows(2))
    text = file.read_text("utf-8")
    file.write_text(text.replace("first_name,account", "account,account"), "utf-8")
    sent = shop.send(file)
    assert sent.code == 3
    assert "customers.csv:1" in sent.everything
    assert "the heading 'account' stands twice" in sent.everything


def test_hostile_49_addresses_that_differ_in_case(shop: Workshop, sink: Sink) -> None:
    people = rows(3)
    people[1][1] = people[0][1].upper()
    people[2][1] = people[0][1].title()
    file = shop.customers(people)
    checked = shop.run("audience", "check", file, "--notice", "index-change", "--json")
    assert checked.said["set_aside"] == 2
    assert "rows 3, 4" in checked.everything
    sent = shop.send(file)
    assert (sent.code, sent.said["audience"]) == (0, 1)
    assert "2 rows repeat an address" in sent.everything
    assert [each.rcpt_to for each in sink.received] == [(people[0][1],)]
