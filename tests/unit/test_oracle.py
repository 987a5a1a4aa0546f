"""The judge of whole mailings is judged: it must see each thing it is asked about."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest
from tests.oracle import Customer, Received, Verdict, judge, language_for

ANNA = Customer("anna@gmx.example", "de-AT", ("Anna", "AC-1"))
LUC = Customer("luc@gmail.example", "fr", ("Luc", "AC-2"))
LANGUAGES = {"en": "Our index changes", "de": "Unser Index ändert sich"}


def letter(to: Customer, language: str, more: str = "", ident: str = "") -> EmailMessage:
    """What a customer should get."""
    message = EmailMessage()
    message["From"] = "Example Exchange <notices@exchange.example>"
    message["To"] = to.address
    message["Message-ID"] = ident or f"<{to.values[1]}@exchange.example>"
    words = f"{LANGUAGES[language]}\n{' '.join(to.values)}\n{more}"
    message.set_content(words)
    message.add_alternative(f"<p>{words}</p>", subtype="html")
    message["Content-Language"] = language
    return message


def asked(*letters: tuple[str, EmailMessage]) -> Verdict:
    """The verdict over what these recipients got."""
    received = [Received(recipient, message.as_bytes()) for recipient, message in letters]
    return judge(received, [ANNA, LUC], LANGUAGES, "en", ours=["exchange.example"])


def test_nothing_is_wrong_with_one_proper_letter_each() -> None:
    verdict = asked((ANNA.address, letter(ANNA, "de")), (LUC.address, letter(LUC, "en")))
    assert verdict.complaints == []
    assert (verdict.messages, verdict.recipients, verdict.most_addresses) == (2, 2, 1)
    assert verdict.locales == {"de": 1, "en": 1}


@pytest.mark.parametrize(
    "more",
    [
        LUC.address,
        LUC.address.replace("@", "%40"),
        LUC.address.replace("@", "&#64;"),
        base64.b64encode(b"to=" + LUC.address.encode()).decode(),
        base64.urlsafe_b64encode(LUC.address.encode()).decode().rstrip("="),
    ],
    ids=["plain", "percent", "entity", "base64", "base64url"],
)
def test_an_address_of_another_is_seen_in_any_disguise(more: str) -> None:
    verdict = asked((ANNA.address, letter(ANNA, "de", more)), (LUC.address, letter(LUC, "en")))
    assert verdict.complaints == ["message 1: shows 1 addresses of others"]
    assert verdict.most_addresses == 2


@pytest.mark.parametrize("name", ["Cc", "Bcc", "Resent-To"])
def test_fields_that_name_others_are_seen(name: str) -> None:
    spoilt = letter(ANNA, "de")
    spoilt[name] = LUC.address
    assert f"message 1: a {name} field" in asked((ANNA.address, spoilt)).complaints


def test_a_joined_to_field_and_a_swapped_envelope_are_seen() -> None:
    joined = letter(ANNA, "de")
    joined.replace_header("To", f"{ANNA.address}, {LUC.address}")
    complaint = "message 1: To is not the envelope's recipient alone"
    assert complaint in asked((ANNA.address, joined)).complaints
    assert complaint in asked((LUC.address, letter(ANNA, "de"))).complaints


def test_another_language_and_another_s_values_are_seen() -> None:
    said = asked((ANNA.address, letter(ANNA, "en"))).complaints
    assert "message 1: is marked as en, not de" in said
    assert "message 1: does not speak de" in said
    swapped = letter(Customer(ANNA.address, "de", LUC.values), "de")
    assert "message 1: lacks a value of its recipient" in asked((ANNA.address, swapped)).complaints


def test_the_forgotten_the_twice_told_and_strangers_are_counted() -> None:
    twice = [(ANNA.address, letter(ANNA, "de"))] * 2
    verdict = asked(*twice, ("nobody@x.example", letter(LUC, "en")))
    assert "2 messages for one recipient" in verdict.complaints
    assert "2 with one Message-ID" in verdict.complaints
    assert "1 customers were told nothing" in verdict.complaints
    assert "message 3 went to somebody who is not in the audience" in verdict.complaints


def test_a_language_is_found_by_taking_subtags_away() -> None:
    spoken = ["en", "pt-BR", "zh-Hans"]
    assert [language_for(tag, spoken, "en") for tag in ("zh-Hans-CN", "pt-BR", "pt", "tr")] == [
        "zh-Hans",
        "pt-BR",
        "en",
        "en",
    ]
