"""Every service and security notice says why it was sent, in the reader's language."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from severally.model.notice import Kind
from severally.model.stencil import Pieces
from severally.notice import why
from severally.notice.compiling import compile_notice
from severally.notice.inline import Inline
from severally.notice.source import Block

LAYOUTS = Path(__file__).parents[2] / "examples" / "layouts"
LOCALES = ("en", "zh-Hans", "zh-Hant", "ja", "ko", "ru", "es", "pt-BR", "fr", "de", "ar", "tr")


def written(pieces: Pieces) -> str:
    return " ".join("".join(each for each in pieces if isinstance(each, str)).split())


def notice(folder: Path, kind: str, body: str, locale: str = "en") -> tuple[str, str, list[str]]:
    """The text and the HTML of a notice, and what was warned of."""
    folder.mkdir()
    (folder / "notice.toml").write_text(
        f'title = "T"\nsubject = "S"\nsender = "notices"\nkind = "{kind}"\n'
        f'source_locale = "{locale}"\nlocales = ["{locale}"]\n'
    )
    (folder / "body.md").write_text(body, "utf-8")
    compiled = compile_notice(folder, LAYOUTS)
    stencil = compiled.stencils[locale]
    return written(stencil.text), written(stencil.html), [w.problem for w in compiled.warnings]


@pytest.mark.parametrize("kind", ["service", "security"])
@pytest.mark.parametrize("locale", LOCALES)
def test_it_is_said_in_every_language(tmp_path: Path, kind: str, locale: str) -> None:
    text, page, warned = notice(tmp_path / "n", kind, "Body. {#b}\n", locale)
    (_, (_, line)) = why.reason(Kind(kind), locale, [Block("paragraph")])
    assert isinstance(line, Inline) and line.words in html.unescape(page)
    assert "".join(line.words.split()) in "".join(text.split())
    assert 'class="quiet"' in page
    assert not warned and why.unspoken([locale]) == []


def test_a_notice_that_says_it_itself_is_left_alone(tmp_path: Path) -> None:
    text, page, _ = notice(tmp_path / "n", "service", "Body. {#b}\n\n---\n\nBecause. {#why}\n")
    assert text.endswith("Because.") and "account with us" not in page


def test_the_line_joins_the_small_print_that_is_there(tmp_path: Path) -> None:
    text, _, _ = notice(tmp_path / "n", "service", "Body. {#b}\n\n---\n\nSmall. {#s}\n")
    assert text.count("----") and text.index("Small.") < text.index("You receive this message")
    assert len([part for part in text.split() if set(part) == {"-"}]) == 1


def test_marketing_says_how_to_get_no_more_instead(tmp_path: Path) -> None:
    text, _, _ = notice(tmp_path / "n", "marketing", "Buy. {#b}\n")
    assert text == "Buy."


def test_a_language_we_do_not_speak_is_warned_of(tmp_path: Path) -> None:
    text, _, warned = notice(tmp_path / "n", "service", "Hei. {#b}\n", "fi")
    assert "You receive this message" in text
    assert warned == ["why it is sent is said in English to those who read fi"]
