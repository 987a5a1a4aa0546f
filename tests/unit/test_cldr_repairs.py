"""What CLDR alone would not get right: amounts from the right, halves of the day in Korean."""

from __future__ import annotations

import pytest

from severally.model.formats import money
from severally.notice.cldr import locale_format

AR = locale_format("ar")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("1234.50 USDT", "\u200f1,234.50\u00a0USDT"),
        ("-1234.50 USDT", "\u200f\u200e-1,234.50\u200f\u00a0USDT"),
        ("0.0001 BTC", "\u200f0.0001\u00a0BTC"),
        ("5 USD", "\u200f5.00\u00a0US$\u200e"),
        ("-5 USD", "\u200f\u200e-5.00\u200f\u00a0US$\u200e"),
        ("5 EUR", "\u200f5.00\u00a0€"),
    ],
)
def test_arabic(amount: str, shown: str) -> None:
    """The mark before all says from the right; the minus is bound to its number; the dollar
    to its letters."""
    assert money(amount, AR) == shown


def test_halves_of_the_day_are_in_the_language() -> None:
    assert locale_format("ko").day_halves == ("오전", "오후")
    assert locale_format("en").day_halves == ("AM", "PM")
    assert locale_format("ar").day_halves == ("ص", "م")


def test_nothing_of_it_from_the_left() -> None:
    for tag in ("en", "de", "ja", "pt-BR"):
        shown = money("-5 USD", locale_format(tag))
        assert not {"\u200e", "\u200f"} & set(shown)
