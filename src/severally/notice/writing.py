"""Blocks of one locale as HTML: what a notice says, in tags that say what each part is.

Responsible for structure alone: real headings, lists, tables with headings, links. How it
looks is the layout's business (`frame`), which finds the classes named here: `button`,
`facts` and `grid` (tables), `quiet` (the small print after the last rule), `code` (a value that
is not broken at its hyphens).
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from severally.model.notice import ValueType, Variable
from severally.model.stencil import Landing, Piece, Pieces, Slot
from severally.notice.inline import Inline, Span, target_parts
from severally.notice.phrase import Tree, spread
from severally.notice.source import Block

Filled = tuple[Block, Tree | None]
"""A block of the source with its segment in the locale's words."""


class Joiner:
    """Collects pieces; neighbouring literals become one."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def add(self, *pieces: Piece) -> None:
        """Nothing is made of an empty literal."""
        for piece in pieces:
            last = self._pieces[-1] if self._pieces else None
            if isinstance(piece, str) and isinstance(last, str):
                self._pieces[-1] = last + piece
            elif piece != "":
                self._pieces.append(piece)

    def done(self) -> Pieces:
        """All of them."""
        return tuple(self._pieces)


def plain_pieces(tree: Tree) -> Pieces:
    """A subject or preheader: words and slots."""
    return spread([tree], _plain)


def _plain(inlines: Sequence[Inline | None]) -> Pieces:
    joiner = Joiner()
    for inline in inlines:
        for span in inline.spans if inline else ():
            joiner.add(Slot(span.value) if span.kind == "slot" else span.value)
    return joiner.done()


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row. `heads`: its cells are headings of their columns."""

    cells: tuple[Tree | None, ...]
    heads: bool


@dataclass(frozen=True, slots=True)
class Table:
    """`facts`: its columns have no headings, so the first cell of a row is the row's."""

    rows: tuple[Row, ...]

    @property
    def facts(self) -> bool:
        """Markdown asks for a heading row; one without words was left out."""
        return not any(row.heads for row in self.rows)


def gathered(blocks: Sequence[Filled]) -> Iterator[Filled | Table]:
    """The blocks in order, each table's in one."""
    rows: list[Row] | None = None
    cells: list[Filled] = []
    for block, inline in blocks:
        match block.kind:
            case "table_open":
                rows = []
            case "cell":
                cells.append((block, inline))
            case "tr_close" if rows is not None:
                heads = any(cell.header for cell, _ in cells)
                if not heads or any(words for _, words in cells):
                    rows.append(Row(tuple(words for _, words in cells), heads))
                cells = []
            case "table_close":
                yield Table(tuple(rows or ()))
                rows = None
            case _ if rows is None:
                yield block, inline


def html_pieces(blocks: Sequence[Filled], variables: dict[str, Variable]) -> Pieces:
    """The content of the frame; a line for each block."""
    return _Page(blocks, variables).pieces()


class _Page:
    def __init__(self, blocks: Sequence[Filled], variables: dict[str, Variable]) -> None:
        self._parts = list(gathered(blocks))
        self._variables = variables
        self._joiner = Joiner()
        self._lists: list[str] = []
        self._last_rule = _last_rule(self._parts)

    def pieces(self) -> Pieces:
        for at, part in enumerate(self._parts):
            if isinstance(part, Table):
                self._to_level(0, "")
                self._table(part)
            else:
                self._block(*part, quiet=at > self._last_rule)
        self._to_level(0, "")
        return self._joiner.done()

    def _block(self, block: Block, inline: Tree | None, quiet: bool) -> None:
        add = self._joiner.add
        if block.kind == "item":
            self._to_level(block.level, block.marker)
            add("<li>", *self._inside(inline))
            return
        self._to_level(0, "")
        match block.kind:
            case "heading":
                tag = f"h{min(block.level, 3)}"
                add(f"<{tag}>", *self._inside(inline), f"</{tag}>\n")
            case "paragraph":
                add('<p class="quiet">' if quiet else "<p>", *self._inside(inline), "</p>\n")
            case "image":
                add('<p class="picture">', *self._inside(inline), "</p>\n")
            case "button":
                add(_BUTTON_OPENS, *self._inside(inline), _BUTTON_CLOSES)
            case "rule":
                add("<hr>\n")
            case _:
                pass

    def _to_level(self, level: int, marker: str) -> None:
        """Open and close lists so that the next item stands at its level."""
        add = self._joiner.add
        while len(self._lists) > level:
            add(f"</li></{self._lists.pop()}>\n")
        if level and len(self._lists) == level:
            add("</li>\n")
        while len(self._lists) < level:
            ordered = marker != "-" and len(self._lists) == level - 1
            start = marker.rstrip(".")
            add(f'<ol start="{start}">\n' if ordered and start != "1" else f"<{_tag(ordered)}>\n")
            self._lists.append(_tag(ordered))

    def _table(self, table: Table) -> None:
        add = self._joiner.add
        add(f'<table class="{"facts" if table.facts else "grid"}">\n')
        for row in table.rows:
            add("<tr>")
            for column, cell in enumerate(row.cells):
                opens, tag = "<td>", "td"
                if row.heads or (table.facts and column == 0):
                    opens, tag = f'<th scope="{"col" if row.heads else "row"}">', "th"
                add(opens, *self._inside(cell), f"</{tag}>")
            add("</tr>\n")
        add("</table>\n")

    def _inside(self, tree: Tree | None) -> Pieces:
        return spread([tree], self._spans)

    def _spans(self, inlines: Sequence[Inline | None]) -> Pieces:
        joiner = Joiner()
        for inline in inlines:
            if inline is not None:
                for span in inline.spans:
                    joiner.add(*self._span(span, inline))
        return joiner.done()

    def _span(self, span: Span, inline: Inline) -> Iterable[Piece]:
        match span.kind, span.value:
            case "text", _:
                return (html.escape(span.value),)
            case "slot", _:
                # a value has its own direction, whatever stands around it (HTML 4.5.24)
                code = self._variables[span.value].type is ValueType.CODE
                opens = '<bdi class="code">' if code else "<bdi>"
                return (opens, Slot(span.value, Landing.HTML), "</bdi>")
            case "code", _:
                return (f"<code>{html.escape(span.value)}</code>",)
            case "break", _:
                return ("<br>\n",)
            case "image", _:
                return self._image(span, inline)
            case "open", "link":
                return ('<a href="', *self._target(span, inline), '">')
            case "close", "link":
                return ("</a>",)
            case "open", name:
                return (f"<{name}>",)
            case _, name:
                return (f"</{name}>",)

    def _image(self, span: Span, inline: Inline) -> list[Piece]:
        """Its text is for those who do not see it: most mail programs load pictures on request."""
        words: list[Piece] = [
            Slot(text, Landing.HTML) if slot else html.escape(text)
            for text, slot in target_parts(span.value, inline.variables)
        ]
        source = self._target(span, inline)
        return ['<img src="', *source, '" alt="', *words, '" style="max-width:100%;height:auto;">']

    def _target(self, span: Span, inline: Inline) -> list[Piece]:
        parts = target_parts(span.target, inline.variables)
        url = ValueType.URL
        whole = len(parts) == 1 and parts[0][1] and self._variables[parts[0][0]].type is url
        landing = Landing.URL if whole else Landing.URL_PART
        return [Slot(text, landing) if slot else html.escape(text) for text, slot in parts]


_BUTTON_OPENS = '<table class="button" role="presentation"><tr><td>'
"""A cell has padding and a background in every client; a link has them in most."""
_BUTTON_CLOSES = "</td></tr></table>\n"


def _tag(ordered: bool) -> str:
    return "ol" if ordered else "ul"


def _last_rule(parts: Sequence[Filled | Table]) -> int:
    """The rule with nothing but paragraphs after it, or where there is none the end."""
    for at in range(len(parts) - 1, -1, -1):
        part = parts[at]
        kind = "table" if isinstance(part, Table) else part[0].kind
        if kind != "paragraph":
            return at if kind == "rule" else len(parts)
    return len(parts)
