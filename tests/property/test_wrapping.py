"""Wrapped text says the same, and no line that could be broken is too wide."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from severally.notice.wrapping import columns, wrapped

_WORDS = st.text(
    "abcXYZ é.,!ünß 指数価格のカが。、「」（）取引所 변경 안내 متوسط רב ", max_size=300
)


@given(text=_WORDS, width=st.integers(10, 90))
def test_only_white_space_is_lost_or_won(text: str, width: int) -> None:
    assert "".join(wrapped(text, "- ", "  ", width).split()) == "".join(f"-{text}".split())


@given(text=st.text("指数価格変更案内取引所のに。、「」", min_size=1, max_size=200))
def test_ideographs_fill_lines_without_leaving_them(text: str) -> None:
    lines = wrapped(text, width=20).split("\n")
    for line in lines:
        movable = [c for c in line if c not in "。、「」"]
        assert columns(line) <= 20 or len(movable) <= 2


@given(text=_WORDS)
def test_a_line_does_not_begin_with_what_closes(text: str) -> None:
    for line in wrapped(text, width=24).split("\n")[1:]:
        broken_inside_a_word = text.replace(" ", "").find(line[:1]) > 0
        if line[:1] in "。、」）" and broken_inside_a_word:
            assert f" {line[0]}" in text, "only a space in the source puts it there"


@pytest.mark.parametrize(
    ("text", "wide"),
    [("abc", 3), ("指数", 4), ("é", 1), ("e\u0301", 1), ("\ue0000:30\ue001!", 31), ("가격", 4)],
)
def test_columns(text: str, wide: int) -> None:
    assert columns(text) == wide


def test_korean_breaks_at_spaces() -> None:
    text = "변경 전에 포지션과 증거금을 확인해 주시기 바랍니다"
    for line in wrapped(text, width=16).split("\n"):
        assert line in text
        assert f" {line} " in f" {text} "


def test_a_combining_mark_stays_with_its_letter() -> None:
    for line in wrapped("か\u3099" * 40, width=20).split("\n"):
        assert not unicodedata.combining(line[0])
