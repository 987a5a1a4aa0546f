"""`body.md` as blocks: what a reader sees in order, one segment each.

Responsible for the structure (headings, paragraphs, lists, tables, buttons, pictures) and for
the ids by which translations are found. Not for the inside of a block (`inline`).
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
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_SPACES = re.compile("[ \t\r\n]+")
RESERVED = frozenset({"subject", "preheader"})


@dataclass(frozen=True, slots=True)
class Segment:
    """One translatable unit. `id` is its msgctxt; `line` where it stands in its file.

    `kind` is its block's, or `plain` for subject and preheader. `derived`: the author gave it no
    id, so one was made of its text; `last` is its last line, `cell` its number in a table's row.
    """

    id: str
    text: str
    file: str
    line: int
    comment: str = ""
    derived: bool = False
    kind: str = "paragraph"
    last: int = 0
    cell: int = -1


@dataclass(frozen=True, slots=True)
class Block:
    """A segment in its place. `kind`: heading, paragraph, button, image, item, cell, rule, row,
    table.

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


def flat(text: str) -> str:
    """One line, as it stands in a catalogue; a space that does not break stays one."""
    return _SPACES.sub(" ", text).strip(" ")


class _Walk:
    def __init__(self, file: str) -> None:
        self._file = file
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        self._source = Source([], [])
        self._seen: dict[str, int] = {}
        self._comments: list[str] = []
        self._lists: list[tuple[str, int]] = []
        self._context: list[str] = []
        self._row = (0, -1)

    def walk(self, text: str) -> Source:
        tokens = self._markdown.parse(text)
        for token in tokens:
            self._token(token)
        if self._comments:
            self._problem(1, "a comment for translators with no text after it", "move or remove it")
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
                self._row = (self._row[0], self._row[1] + 1)
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
                self._row = (line, -1)
                self._source.blocks.append(Block(token.type))
            case "hr":
                self._source.blocks.append(Block("rule"))
            case "inline":
                self._inline(token, line)
            case "fence" | "code_block" | "blockquote_open" | "html_block":
                kind = token.type.split("_")[0]
                self._problem(
                    line,
                    f"{kind} blocks are not available",
                    "write headings, paragraphs, lists or tables",
                )
            case _:
                pass

    def _inline(self, token: Token, line: int) -> None:
        context = self._context[-1] if self._context else "paragraph"
        in_table = context in ("th", "td")
        first = self._row[0] if in_table else line
        last = first if in_table or token.map is None else token.map[1]
        content = self._without_comments(token.content)
        if not content.strip():
            if in_table:
                self._source.blocks.append(Block("cell", None, header=context == "th"))
            return
        kind = self._kind(context, content)
        if kind == "button":
            content = _BUTTON.sub(r"\1", content)
        cell = self._row[1] if in_table else -1
        segment = self._segment(content, kind, first, last, cell)
        self._source.blocks.append(self._block(context, kind, segment))

    def _without_comments(self, content: str) -> str:
        for comment in _COMMENT.finditer(content):
            if comment[1]:
                self._comments.append(flat(comment[2]))
        return _COMMENT.sub("", content)

    def _kind(self, context: str, content: str) -> str:
        plain = _ID.sub("", content).strip()
        if context.startswith("heading"):
            return "heading"
        if context == "paragraph" and _BUTTON.fullmatch(plain):
            return "button"
        if context == "paragraph" and _IMAGE.fullmatch(plain):
            return "image"
        return "cell" if context in ("th", "td") else context

    def _block(self, context: str, kind: str, segment: Segment) -> Block:
        if kind == "heading":
            return Block("heading", segment, int(context[-1]))
        if kind == "item":
            marker, number = self._lists[-1]
            shown = "-" if marker == "-" else f"{number}."
            return Block("item", segment, len(self._lists), shown)
        return Block(kind, segment, header=context == "th")

    def _segment(self, content: str, kind: str, line: int, last: int, cell: int) -> Segment:
        match = _ID.search(content)
        text = flat(_ID.sub("", content))
        derived = match is None
        id_ = match[1] if match else hashlib.sha256(text.encode()).hexdigest()[:10]
        if id_ in RESERVED:
            self._problem(line, f"the id {id_!r} is the {id_}'s own", "give the block another id")
        if id_ in self._seen and not derived:
            self._problem(
                line,
                f"the id {id_!r} is used again (first in line {self._seen[id_]})",
                "give each block an id of its own",
            )
        while id_ in self._seen and derived:
            id_ += "x"
        self._seen[id_] = line
        comment, self._comments = " ".join(self._comments), []
        return Segment(id_, text, self._file, line, comment, derived, kind, last, cell)

    def _problem(self, line: int, problem: str, cure: str) -> None:
        self._source.problems.append((line, problem, cure))
