"""`body.md` as blocks: what a reader sees in order, one segment each.

Responsible for the structure (headings, paragraphs, lists, tables, buttons) and for the ids
by which translations are found. Not for the inside of a block (`inline`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_ID = re.compile(r"\s*\{#([A-Za-z0-9][A-Za-z0-9._-]{0,63})\}\s*$")
_COMMENT = re.compile(r"<!--\s*(translators:)?(.*?)-->", re.DOTALL)
_BUTTON = re.compile(r"(\[[^\]]*\]\([^)]*\))\{\.button\}")


@dataclass(frozen=True, slots=True)
class Segment:
    """One translatable unit. `id` is its msgctxt; `line` where it stands in its file."""

    id: str
    text: str
    file: str
    line: int
    comment: str = ""
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A segment in its place. `kind`: heading, paragraph, button, item, cell, rule, row, table.

    `level` is the heading's level or the list's depth; `marker` `-` or the item's number;
    `opens` how many of a list or table start here; `header` a table's heading cell.
    """

    kind: str
    segment: Segment | None = None
    level: int = 0
    marker: str = ""
    header: bool = False


@dataclass(slots=True)
class Source:
    """The blocks of a body, and problems as (line, problem, cure)."""

    blocks: list[Block]
    problems: list[tuple[int, str, str]]

    @property
    def segments(self) -> list[Segment]:
        """All segments in order."""
        return [block.segment for block in self.blocks if block.segment is not None]


def read_source(text: str, file: str) -> Source:
    """Parse a body. Nothing is raised: what is wrong is in `problems`."""
    return _Walk(file).walk(text)


class _Walk:
    def __init__(self, file: str) -> None:
        self._file = file
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        self._source = Source([], [])
        self._seen: dict[str, int] = {}
        self._comment = ""
        self._lists: list[tuple[str, int]] = []
        self._context: list[str] = []

    def walk(self, text: str) -> Source:
        tokens = self._markdown.parse(text)
        for token in tokens:
            self._token(token)
        return self._source

    def _token(self, token: Token) -> None:
        line = (token.map[0] + 1) if token.map else 1
        match token.type:
            case "heading_open":
                self._context.append(f"heading{token.tag[1]}")
            case "paragraph_open":
                self._context.append("item" if self._lists else "paragraph")
            case "th_open" | "td_open":
                self._context.append("th" if token.type == "th_open" else "td")
            case "heading_close" | "paragraph_close" | "th_close" | "td_close":
                self._context.pop()
            case "bullet_list_open":
                self._lists.append(("-", 0))
            case "ordered_list_open":
                self._lists.append(("1", int(token.attrs.get("start", 1)) - 1))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                marker, number = self._lists[-1]
                self._lists[-1] = (marker, number + 1)
            case "table_open" | "table_close" | "tr_open" | "tr_close":
                self._source.blocks.append(Block(token.type))
            case "hr":
                self._source.blocks.append(Block("rule"))
            case "inline":
                self._inline(token.content, line)
            case "fence" | "code_block" | "blockquote_open" | "html_block":
                self._problem(line, f"{token.type.split('_')[0]} blocks are not available")
            case _:
                pass

    def _inline(self, content: str, line: int) -> None:
        context = self._context[-1] if self._context else "paragraph"
        comment = _COMMENT.fullmatch(content.strip())
        if comment is not None:
            self._comment = comment[2].strip()
            return
        if not content.strip():
            self._source.blocks.append(Block("cell", None, header=context == "th"))
            return
        button = _BUTTON.fullmatch(_ID.sub("", content).strip())
        segment = self._segment(_BUTTON.sub(r"\1", content) if button else content, line)
        self._source.blocks.append(self._block(context, segment, button is not None))

    def _block(self, context: str, segment: Segment, button: bool) -> Block:
        if context.startswith("heading"):
            return Block("heading", segment, int(context[-1]))
        if context in ("th", "td"):
            return Block("cell", segment, header=context == "th")
        if context == "item":
            marker, number = self._lists[-1]
            shown = "-" if marker == "-" else f"{number}."
            return Block("item", segment, len(self._lists), shown)
        return Block("button" if button else "paragraph", segment)

    def _segment(self, content: str, line: int) -> Segment:
        match = _ID.search(content)
        text = " ".join(_ID.sub("", content).split())
        derived = match is None
        id_ = match[1] if match else hashlib.sha256(text.encode()).hexdigest()[:10]
        if id_ in self._seen and not derived:
            self._problem(line, f"the id {id_!r} is used again (first in line {self._seen[id_]})")
        while id_ in self._seen and derived:
            id_ += "x"
        self._seen[id_] = line
        comment, self._comment = self._comment, ""
        return Segment(id_, text, self._file, line, comment, derived)

    def _problem(self, line: int, problem: str) -> None:
        self._source.problems.append((line, problem, "write headings, paragraphs, lists or tables"))
