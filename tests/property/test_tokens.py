"""Delivery tokens: they lead back to their delivery, and nothing else does."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from severally.model.delivery import Purpose, delivery_of, delivery_token

KEYS = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(0, 2**63)
PURPOSES = st.sampled_from(Purpose)


@given(KEYS, NUMBERS, PURPOSES)
def test_a_token_leads_back(key: bytes, number: int, purpose: Purpose) -> None:
    token = delivery_token(key, number, purpose)
    assert len(token) == 26
    assert delivery_of(key, token, purpose) == number
    assert delivery_of(key, token.upper(), purpose) == number


@given(KEYS, KEYS, NUMBERS, PURPOSES, PURPOSES)
def test_only_under_its_key_and_for_its_purpose(
    key: bytes, other: bytes, number: int, purpose: Purpose, another: Purpose
) -> None:
    token = delivery_token(key, number, purpose)
    if key != other:
        assert delivery_of(other, token, purpose) is None
    if purpose is not another:
        assert delivery_of(key, token, another) is None


@given(NUMBERS, st.integers(0, 25), st.sampled_from(string.ascii_lowercase + "234567"), st.binary())
def test_one_changed_character_is_enough(
    number: int, place: int, character: str, key: bytes
) -> None:
    key = (key + bytes(32))[:32]
    token = delivery_token(key, number)
    changed = token[:place] + character + token[place + 1 :]
    assert delivery_of(key, changed) == (number if changed == token else None)


@given(st.text(max_size=40))
def test_what_is_no_token_is_none(text: str) -> None:
    assert delivery_of(bytes(32), text) is None
