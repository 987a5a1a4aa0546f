"""Which characters can be drawn, from what fontconfig says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from severally.adapters.fonts import Fonts, ranges_of

LATIN = Fonts([(0x20, 0x7E), (0xA0, 0x17F)])


def test_what_fontconfig_prints_is_read() -> None:
    assert ranges_of("20-7e a0 3b1-3c9\n20-7e 4e00\n\n") == {
        (0x20, 0x7E),
        (0xA0, 0xA0),
        (0x3B1, 0x3C9),
        (0x4E00, 0x4E00),
    }


def test_each_missing_character_is_named_once() -> None:
    assert LATIN.missing("Grüße, 価格 価 علي") == "価格علي"


def test_what_has_no_shape_needs_no_font() -> None:
    assert LATIN.missing("a\n\t\u200e\u2068\u3000e\u0301\ufeff") == ""


def test_the_package_that_would_help() -> None:
    packages = [LATIN.package(char) for char in "価かハ가（عЯ😀"]
    cjk, core = "fonts-noto-cjk", "fonts-noto-core"
    assert packages == [cjk, cjk, cjk, cjk, cjk, core, core, "fonts-noto-color-emoji"]


@given(
    ranges=st.lists(st.tuples(st.integers(0x21, 0x500), st.integers(0, 40)), max_size=12),
    text=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x540, categories=["L"])),
)
def test_overlapping_ranges_add_up(ranges: list[tuple[int, int]], text: str) -> None:
    spans = [(start, start + length) for start, length in ranges]
    wanted = {c for c in text if not any(a <= ord(c) <= b for a, b in spans)}
    assert set(Fonts(spans).missing(text)) == wanted
