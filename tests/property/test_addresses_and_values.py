"""Addresses and typed values: what is read is canonical, stays so, and is one line of its type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from severally.model.address import Address, AddressError, parse_address
from severally.model.notice import ValueType
from severally.model.values import ValueRefused, parse_value

LOCAL = st.from_regex(r"[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}", fullmatch=True)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--") and label[2:4] != "--"
)
DOMAIN = st.builds(lambda labels: ".".join([*labels, "example"]), st.lists(LABEL, min_size=1))
PLAIN = st.builds(lambda local, domain: f"{local}@{domain}", LOCAL, DOMAIN).filter(
    lambda address: len(address) <= 254
)
NOISE = st.text(
    alphabet=st.characters(codec="utf-8") | st.sampled_from("@.<>,;:\"'\\() \t\r\n\0\u200b\uff20"),
    max_size=60,
)


@given(PLAIN)
def test_plain_addresses_are_read_as_they_are(text: str) -> None:
    address = parse_address(text)
    assert str(address) == text
    assert not address.needs_smtputf8


@given(PLAIN)
def test_case_of_the_domain_does_not_matter_and_folding_ignores_all_case(text: str) -> None:
    local, _, domain = text.partition("@")
    upper = parse_address(f"{local.upper()}@{domain.upper()}")
    assert upper.domain == domain
    assert upper.folded == parse_address(text).folded
    assert upper.loose == parse_address(text).loose


@given(NOISE)
def test_whatever_is_read_is_one_mailbox_and_is_read_again_as_itself(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError as error:
        assert text not in str(error) or len(text) < 4
        return
    shown = str(address)
    assert shown.count("@") == 1
    assert parse_address(shown) == address
    assert address.domain.isascii() and address.domain == address.domain.lower()
    assert not any(c in shown for c in '\r\n\t\0 <>,;"()[]\\\u200b\uff20')
    assert len(address.local.encode()) <= 64 and len(shown.encode()) <= 254


@given(PLAIN, st.sampled_from(["\r\n", "\0", ">", ",", ";", " ", "\u200b", "\u202e"]), st.data())
def test_no_separator_or_hidden_character_gets_into_an_address(
    text: str, bad: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text)))
    with pytest.raises(AddressError):
        parse_address(text[:at] + bad + text[at:])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada.lovelace@gmail.example", "AdaLovelace@googlemail.example"),
        ("a+x@b.example", "a@b.example"),
    ],
)
def test_providers_own_rules_make_some_addresses_one_mailbox(one: str, other: str) -> None:
    assert parse_address(one).loose == parse_address(other).loose
    assert parse_address(one).folded != parse_address(other).folded


def test_an_address_is_a_value() -> None:
    assert Address("a", "b.example") == Address("a", "b.example")


@given(st.sampled_from(ValueType), NOISE)
def test_canonical_values_are_read_again_as_themselves(type: ValueType, text: str) -> None:
    try:
        value = parse_value(type, text)
    except ValueRefused as error:
        assert len(text) < 4 or text not in str(error)
        return
    assert parse_value(type, value) == value
    assert not any(c in value for c in "\r\n\0\u2028\u2029\u202e")
    if type is not ValueType.EMAIL:
        assert "\uff20" not in value


@given(st.integers(-(10**29), 10**29))
def test_whole_numbers_keep_their_value(number: int) -> None:
    assert int(parse_value(ValueType.INTEGER, str(number))) == number


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-1e9, max_value=1e9),
    st.sampled_from(["USD", "EUR", "BTC", "USDT", "SHIB"]),
)
def test_amounts_keep_their_value_and_every_digit(amount: Decimal, currency: str) -> None:
    text = f"{amount:f} {currency}"
    read, _, code = parse_value(ValueType.MONEY, text).partition(" ")
    assert (Decimal(read), code) == (amount, currency)
    assert len(read.partition(".")[2]) == 8


@given(st.integers(86_400, 32_000_000_000), st.integers(-14, 14))
def test_moments_keep_their_instant_to_the_second(second: int, hours: int) -> None:
    zoned = dt.datetime.fromtimestamp(second, dt.timezone(dt.timedelta(hours=hours)))
    read = parse_value(ValueType.DATETIME, zoned.isoformat())
    assert dt.datetime.fromisoformat(read) == zoned
    assert read.endswith("Z")


@given(st.dates(dt.date(1900, 1, 1), dt.date(2999, 1, 1)))
def test_dates_are_read_as_written(day: dt.date) -> None:
    assert parse_value(ValueType.DATE, day.isoformat()) == day.isoformat()
