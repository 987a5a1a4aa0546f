"""Whatever the values: the HTML stays well formed, no value becomes markup, and the text part
says the same words in the same order."""

from __future__ import annotations

import html.parser
import re
import tempfile
from functools import lru_cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from severally.compose.compositor import Compositor, Filled
from severally.model.mailing import Frozen
from severally.model.notice import ValueType
from severally.model.recipient import Recipient
from severally.model.sender import Sender
from severally.model.values import ValueRefused, parse_value
from severally.notice.compiling import compile_notice

EXAMPLES = Path(__file__).parents[2] / "examples"
BODY = """\
# Hello {{ name }} {#h}

Dear **{{ name }}**, you have {count, plural, one {*one* thing} other {# things}}. {#p}

- first {{ code }} {#a}
  1. inner {#b}
- last {#c}

| | |
|---|---|
| Amount {#d} | {{ amount }} {#e} |

| Column {#f} | Other {#g} |
|---|---|
| {{ code }} {#i} | `code` {#j} |

---

See [the page](https://exchange.example/a/{{ code }}) or [{{ name }}]({{ link }}). {#k}
"""
TOML = """\
title = "T"
subject = "For {{ name }}"
sender = "notices"
kind = "service"
source_locale = "LOCALE"
locales = ["LOCALE"]
link_hosts = ["exchange.example"]

[variables]
name = { type = "text" }
code = { type = "code" }
amount = { type = "money" }
count = { type = "integer" }
link = { type = "url" }
"""
VOID = frozenset({"br", "hr", "meta", "img", "link", "input"})


@lru_cache
def compositor(locale: str) -> Compositor:
    """The notice above as if it had been written in `locale`."""
    with tempfile.TemporaryDirectory() as folder:
        notice = Path(folder) / "n"
        notice.mkdir()
        forms = {"ar": "zero {#} one {#} two {#} few {#} many {#}"}.get(locale, "one {*one* thing}")
        body = BODY.replace("one {*one* thing}", forms)
        (notice / "body.md").write_text(body, "utf-8")
        (notice / "notice.toml").write_text(TOML.replace("LOCALE", locale), "utf-8")
        compiled = compile_notice(notice, EXAMPLES / "layouts")
    sender = Sender("notices", "n@exchange.example", "N", "b@exchange.example", "", "", "", ())
    return Compositor(Frozen(compiled.notice, sender, compiled.stencils, "main"))


class Page(html.parser.HTMLParser):
    """The words of the content, its links, and whether each tag is closed where it belongs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self._inside = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self.open.append(tag)
        if ("class", "content") in attrs:
            self._inside = len(self.open)
        if self._inside:
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"
        if len(self.open) < self._inside:
            self._inside = 0

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.words += data.split()


def said(filled: Filled) -> list[str]:
    """The words of the text part without what only it has: lines, bullets, link numbers."""
    text = filled.text.replace("\u2068", "").replace("\u2069", "")
    text, _, _ = text.rpartition("\n\n[1] ")
    text = re.sub(r"(?m)^(=+|-+)$|^ *(?:-|\d+\.) ", "", text)
    return re.sub(r" \[\d\]|(?<=Amount):", "", text).replace(" | ", " ").split()


NASTY = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</p></div>",
        "&lt;b&gt;",
        "a & b",
        '"><img src=x',
        "'",
        "ليلى",
        "{{ x }}",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    locale=st.sampled_from(["en", "ar", "de"]),
    name=NASTY
    | st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30).filter(
        lambda text: "[" not in text  # the text part alone has link numbers: `[1]`
    ),
    code=st.text("abcXYZ0189-<>&\"'/?#%=", max_size=20).map("C".__add__),
    count=st.integers(0, 10**6),
)
def test_html_and_text_say_the_same(locale: str, name: str, code: str, count: int) -> None:
    try:
        values = {
            "name": parse_value(ValueType.TEXT, name),
            "code": parse_value(ValueType.CODE, code),
        }
    except ValueRefused:
        return
    values |= {
        "amount": "-1234.5678 BTC",
        "count": str(count),
        "link": "https://exchange.example/x?a=1&b=2",
    }
    person = Recipient("r", "r@customer.example", locale, "UTC", values)
    filled = compositor(locale).fill(person)
    page = Page(filled.html)
    assert page.open == []
    plain = Page(compositor(locale).fill(_plain(person)).html)
    assert page.tags == plain.tags, "no value made or closed a tag"
    flat = "".join(page.words).replace("\u2068", "").replace("\u2069", "")
    assert flat == "".join(said(filled))
    assert "".join(values["name"].split()) in flat


def _plain(person: Recipient) -> Recipient:
    harmless = {"name": "N", "code": "C", "count": person.values["count"]}
    return Recipient("r", person.address, person.locale, "UTC", {**person.values, **harmless})
