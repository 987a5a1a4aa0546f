"""The brand's frame: one MJML file that every notice is set into.

Responsible for refusing what the MJML renderer would pass on silently (unknown tags), for a
frame whose only changing places are the content and a few words, and for setting the content
into it: in its language and direction, with the layout's inline styles upon each element, as
mail programs want them. Nothing is loaded from anywhere when the message is read.
"""

from __future__ import annotations

import re
from pathlib import Path

import css_inline
import mrml

from severally.model.errors import Finding, Refused
from severally.model.stencil import Piece, Pieces
from severally.notice.marking import Marked

_MJ = (
    *("head", "body", "title", "preview", "attributes", "all", "class", "style", "font", "raw"),
    *("breakpoint", "wrapper", "section", "column", "group", "text", "button", "divider"),
    *("spacer", "image", "table", "social", "social-element", "hero"),
)
_INSIDE = ("mjml", "meta", "a", "b", "i", "strong", "em", "span", "br", "p", "bdi")
_TAGS = frozenset([*(f"mj-{name}" for name in _MJ), *_INSIDE])
_TAG = re.compile(r"<\s*/?\s*([A-Za-z][A-Za-z0-9-]*)")
_PLACE = re.compile(r"\{\{\s*(content|title|preheader|lang|dir|start)\s*\}\}")
_ANY_PLACE = re.compile(r"\{\{[^}]*\}\}|\{%[^}]*%\}")
_CSS = re.compile(r"<mj-style.*?</mj-style>", re.DOTALL)
_INLINE_CSS = re.compile(r"<mj-style[^>]*\binline=\"inline\"[^>]*>(.*?)</mj-style>", re.DOTALL)
_OWN_COMMENT = re.compile(r"<!--(?!\[if|<!\[endif).*?-->", re.DOTALL)
"""The author's. Outlook's conditional ones are code."""
_PLAIN = mrml.RenderOptions(fonts={})
"""Without the web fonts that the renderer would add by itself: each is a request to a stranger."""
_WHITE_PREHEADER = re.compile(r'(<div style="display:none;[^"]*?)color:#ffffff;')
"""The renderer writes hidden words in white, which filters take for words hidden by their colour
(SpamAssassin's HTML_FONT_LOW_CONTRAST: 0.7 points)."""
_ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+\.[A-Za-z]+")


class Frame:
    """A layout file, checked and ready to be rendered for each locale."""

    def __init__(self, path: Path) -> None:
        self._shown = f"layouts/{path.name}"
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise Refused(
                "the layout cannot be read",
                [Finding(self._shown, "there is no such UTF-8 file", "see layout in notice.toml")],
            ) from None
        self._source = _OWN_COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
        self._inline_css = "\n".join(_INLINE_CSS.findall(self._source))
        self._check()

    @property
    def addresses(self) -> set[str]:
        """Mail addresses that stand in the layout itself."""
        plain = _CSS.sub("", self._source)
        return {match[0].lower() for match in _ADDRESS.finditer(plain)}

    def pieces(
        self, content: Pieces, title: str, preheader: Pieces, lang: str, direction: str
    ) -> Pieces:
        """The whole document with the content set in."""
        start = "right" if direction == "rtl" else "left"
        words = {"lang": lang, "dir": direction, "start": start}

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            return words.get(name, f"@@{name}@@")

        document = self._rendered(_PLACE.sub(fill, self._source))
        document = _WHITE_PREHEADER.sub(r"\1", document.replace("><", ">\n<"))
        document = document.replace("@@title@@", title)
        opening = f'<div class="content" lang="{lang}" dir="{direction}"'
        opening += f' style="text-align:{start};">\n'
        inside = self._styled((opening, *content, "</div>"))
        pieces: list[Piece] = []
        for part in re.split(r"(@@(?:content|preheader)@@)", document):
            if part == "@@content@@":
                pieces += ["\n", *inside]
            elif part == "@@preheader@@":
                pieces += preheader
            else:
                pieces.append(part)
        return _merged(pieces)

    def _styled(self, content: Pieces) -> Pieces:
        """The inline styles upon each element; slots and choices pass through as marks."""
        marked = Marked(content)
        styled = css_inline.inline_fragment(
            marked.text, self._inline_css, load_remote_stylesheets=False
        )
        return marked.pieces(styled)

    def _rendered(self, source: str) -> str:
        try:
            return str(mrml.to_html(source, None, _PLAIN).content)
        except Exception as error:  # the renderer has no error tree of its own
            raise self._refused(
                1, f"not MJML: {error}", "compare with layouts/default.mjml"
            ) from None

    def _check(self) -> None:
        source = _CSS.sub(lambda m: "\n" * m[0].count("\n"), self._source)
        for match in _TAG.finditer(source):
            if match[1].lower() not in _TAGS:
                raise self._refused(
                    source.count("\n", 0, match.start()) + 1,
                    f"<{match[1]}> is not available in a layout",
                    "use the mj- tags, and inside text a, b, i, strong, em, span, br, p",
                )
        for match in _ANY_PLACE.finditer(source):
            if _PLACE.fullmatch(match[0]) is None:
                raise self._refused(
                    source.count("\n", 0, match.start()) + 1,
                    f"{match[0]} is not a place in a layout",
                    "there are {{ content }}, {{ title }}, {{ preheader }}, {{ lang }}, {{ dir }}, "
                    "{{ start }}",
                )
        if len(re.findall(r"\{\{\s*content\s*\}\}", source)) != 1:
            raise self._refused(1, "{{ content }} must stand exactly once", "put it in an mj-text")
        self._rendered(_PLACE.sub("x", self._source))

    def _refused(self, line: int, problem: str, cure: str) -> Refused:
        return Refused("the layout does not fit", [Finding(f"{self._shown}:{line}", problem, cure)])


def _merged(pieces: list[Piece]) -> Pieces:
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return tuple(merged)
