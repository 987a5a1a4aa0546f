"""What a notice looks like: the tags, the frame, and the text that says the same."""

from __future__ import annotations

import html.parser
import re
from pathlib import Path

import pytest

from severally.model.errors import Refused
from severally.model.notice import ValueType, Variable
from severally.model.stencil import Landing, Pieces, Slot
from severally.notice.frame import Frame
from severally.notice.inline import Inline, InlineParser
from severally.notice.plaintext import text_pieces
from severally.notice.source import Block, read_source
from severally.notice.writing import html_pieces

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = ROOT / "src/severally/app/sample/layouts/default.mjml"
VARIABLES = {
    "name": Variable("name", ValueType.TEXT, True),
    "amount": Variable("amount", ValueType.MONEY, True),
    "link": Variable("link", ValueType.URL, True),
}


def blocks(body: str) -> list[tuple[Block, Inline | None]]:
    parser = InlineParser(VARIABLES, ("exchange.example",))
    source = read_source(body, "body.md")
    assert source.problems == []
    return [(b, parser.parse(b.segment.text) if b.segment else None) for b in source.blocks]


def shown(pieces: Pieces) -> str:
    return "".join(f"{{{p.name}}}" if isinstance(p, Slot) else p for p in pieces)


def as_html(body: str) -> str:
    return shown(html_pieces(blocks(body), VARIABLES))


def as_text(body: str) -> str:
    return shown(text_pieces(blocks(body), VARIABLES))


def test_headings_are_headings() -> None:
    assert as_html("# One\n\n## Two\n\n#### Four") == "<h1>One</h1>\n<h2>Two</h2>\n<h3>Four</h3>\n"


def test_lists_are_lists_and_keep_their_numbers() -> None:
    assert as_html("- a\n  - b\n- c") == (
        "<ul>\n<li>a<ul>\n<li>b</li></ul>\n</li>\n<li>c</li></ul>\n"
    )
    assert as_html("3. a\n4. b") == '<ol start="3">\n<li>a</li>\n<li>b</li></ol>\n'


def test_a_table_without_headings_has_one_in_front_of_each_row() -> None:
    body = "| | |\n|-|-|\n| Amount | {{ amount }} |"
    assert as_html(body) == (
        '<table class="facts">\n<tr><th scope="row">Amount</th>'
        "<td><bdi>{amount}</bdi></td></tr>\n</table>\n"
    )
    assert as_text(body) == "Amount: {amount}\n"


def test_a_table_with_headings_names_its_columns() -> None:
    body = "| Asset | Price |\n|-|-|\n| BTC | {{ amount }} |"
    assert '<th scope="col">Asset</th><th scope="col">Price</th>' in as_html(body)
    assert as_text(body) == "Asset | Price\nBTC | {amount}\n"


def test_a_button_is_a_link_in_a_cell() -> None:
    page = as_html("[Go on](https://exchange.example/a){.button}")
    assert re.search(r'role="presentation"><tr><td><a href="[^"]+">Go on</a></td>', page)


def test_the_small_print_is_what_stands_after_the_last_rule() -> None:
    assert as_html("One\n\n---\n\nTwo") == '<p>One</p>\n<hr>\n<p class="quiet">Two</p>\n'
    assert "quiet" not in as_html("One\n\n---\n\n- Two")
    assert "quiet" not in as_html("One")


def test_links_in_text_are_numbered_once() -> None:
    text = as_text(
        "See [one](https://exchange.example/1) and [two](https://exchange.example/2).\n\n"
        "Again [one](https://exchange.example/1), [you]({{ link }}), "
        "[https://exchange.example/1](https://exchange.example/1)."
    )
    assert text == (
        "See one [1] and two [2].\n\nAgain one [1], you [3], https://exchange.example/1.\n\n"
        "[1] https://exchange.example/1\n[2] https://exchange.example/2\n[3] {link}\n"
    )


def test_a_heading_is_underlined_as_wide_as_it_is() -> None:
    assert as_text("# 指数の変更") == "指数の変更\n==========\n"
    assert as_text("## 指数") == "指数\n----\n"


# --- the frame


class Reader(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def framed(body: str, lang: str, direction: str) -> str:
    content = html_pieces(blocks(body), VARIABLES)
    return shown(Frame(LAYOUT).pieces(content, "Ti &amp; le", (), lang, direction))


@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_language_and_direction_stand_where_programs_look(lang: str, direction: str) -> None:
    page = Reader(framed("Hello {{ name }}", lang, direction))
    assert page.all("html")[0]["lang"] == lang
    assert page.all("html")[0]["dir"] == direction
    content = next(each for each in page.all("div") if each.get("class") == "content")
    assert (content["lang"], content["dir"]) == (lang, direction)
    start = "right" if direction == "rtl" else "left"
    assert f"text-align: {start}" in str(content["style"])
    against = "ltr" if direction == "rtl" else "rtl"
    assert f"direction:{against}" not in framed("Hello", lang, direction)


def test_nothing_is_loaded_when_it_is_read() -> None:
    page = Reader(framed("Hello", "en", "ltr"))
    assert not page.all("link")
    assert not page.all("img")
    assert not page.all("script")
    assert "@import" not in framed("Hello", "en", "ltr")
    assert "url(" not in framed("Hello", "en", "ltr")


def test_layout_tables_say_that_they_are_none() -> None:
    page = Reader(framed("| | |\n|-|-|\n| a | b |", "en", "ltr"))
    assert [t.get("class") for t in page.all("table") if t.get("role") != "presentation"] == [
        "facts"
    ]


def test_the_label_of_the_whole_is_its_title() -> None:
    """The renderer writes some characters of other scripts as Rust escapes (`\\u{651}`)."""
    content = html_pieces(blocks("Hello"), VARIABLES)
    page = shown(Frame(LAYOUT).pieces(content, "يتغيّر", (), "ar", "rtl"))
    assert 'aria-label="يتغيّر"' in page
    assert "\\u{" not in page


def test_a_slot_passes_through_the_styles() -> None:
    content = html_pieces(blocks("Go [there]({{ link }}), {{ name }} & <b"), VARIABLES)
    slots = [p for p in Frame(LAYOUT).pieces(content, "T", (), "en", "ltr") if isinstance(p, Slot)]
    assert slots == [Slot("link", Landing.URL), Slot("name", Landing.HTML)]


def test_a_button_can_be_hit_with_a_thumb() -> None:
    """44 pixels at least (WCAG 2.5.5): the line and the padding above and below it."""
    page = Reader(framed("[Go](https://exchange.example/a){.button}", "en", "ltr"))
    style = str(page.all("a")[0]["style"])
    line = re.search(r"line-height: (\d+)px", style)
    padding = re.search(r"padding: (\d+)px", style)
    assert line is not None
    assert padding is not None
    assert int(line[1]) + 2 * int(padding[1]) >= 44


def test_the_authors_comments_stay_at_home_and_outlooks_do_not(tmp_path: Path) -> None:
    page = framed("Hello", "en", "ltr")
    assert "The frame every notice is set into" not in page
    assert "<!--[if mso" in page


def test_a_layout_with_an_unknown_tag_is_refused_with_its_line(tmp_path: Path) -> None:
    layout = tmp_path / "x.mjml"
    layout.write_text(LAYOUT.read_text("utf-8").replace("mj-wrapper", "mj-wraper"), "utf-8")
    with pytest.raises(Refused, match=r"layouts/x\.mjml:\d+: <mj-wraper> is not available"):
        Frame(layout)
