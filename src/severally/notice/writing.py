"""Blocks of one locale as pieces: once as HTML, once as plain text, saying the same."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterable, Sequence

from severally.model.notice import ValueType, Variable
from severally.model.stencil import Landing, Piece, Pieces, Slot
from severally.notice.inline import Inline, Span, target_parts
from severally.notice.source import Block

_WIDTH = 72
_MARK = re.compile("\ue000(\\d+)\ue001")
_STYLES = {
    "h1": "margin:0 0 16px;font-size:24px;line-height:1.3;font-weight:700;",
    "h2": "margin:24px 0 12px;font-size:19px;line-height:1.35;font-weight:700;",
    "h3": "margin:20px 0 8px;font-size:17px;line-height:1.4;font-weight:700;",
    "p": "margin:0 0 16px;",
    "ul": "margin:0 0 16px;padding:0 24px;",
    "li": "margin:0 0 8px;",
    "table": "margin:0 0 16px;border-collapse:collapse;width:100%;",
    "cell": "padding:8px;border:1px solid #8a94a6;text-align:start;vertical-align:top;",
    "a": "color:#0b57d0;text-decoration:underline;",
    "button": (
        "display:inline-block;padding:12px 20px;border-radius:6px;background:#0b57d0;"
        "color:#ffffff;text-decoration:none;font-weight:700;"
    ),
    "hr": "margin:24px 0;border:0;border-top:1px solid #8a94a6;",
}

Filled = tuple[Block, Inline | None]
"""A block of the source with its segment in the locale's words."""


class _Joiner:
    """Collects pieces; neighbouring literals become one."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def add(self, *pieces: Piece) -> None:
        for piece in pieces:
            last = self._pieces[-1] if self._pieces else None
            if isinstance(piece, str) and isinstance(last, str):
                self._pieces[-1] = last + piece
            elif piece != "":
                self._pieces.append(piece)

    def done(self) -> Pieces:
        return tuple(self._pieces)


def plain_pieces(inline: Inline) -> Pieces:
    """A subject or preheader: words and slots."""
    joiner = _Joiner()
    for span in inline.spans:
        joiner.add(Slot(span.value) if span.kind == "slot" else span.value)
    return joiner.done()


# --- HTML


def html_pieces(blocks: Sequence[Filled], variables: dict[str, Variable], rtl: bool) -> Pieces:
    """The content of the frame; a line for each block and each slot's neighbourhood."""
    joiner = _Joiner()
    depth = 0
    for block, inline in blocks:
        depth = _lists(joiner, block, depth)
        _html_block(joiner, block, inline, variables, rtl)
    joiner.add("</li></ul>\n" * depth)
    return joiner.done()


def _lists(joiner: _Joiner, block: Block, depth: int) -> int:
    """Open and close lists so that an item stands at its level."""
    level = block.level if block.kind == "item" else 0
    while depth > level:
        joiner.add("</li></ul>\n")
        depth -= 1
    if level and depth == level:
        joiner.add("</li>\n")
    while depth < level:
        ordered = block.marker != "-" and depth == level - 1
        kind = "list-style-type:decimal;" if ordered else ""
        joiner.add(f'<ul style="{_STYLES["ul"]}{kind}">\n')
        depth += 1
    return depth


def _html_block(
    joiner: _Joiner,
    block: Block,
    inline: Inline | None,
    variables: dict[str, Variable],
    rtl: bool,
) -> None:
    inside = _html_inline(inline, variables, rtl, block.kind == "button") if inline else ()
    match block.kind:
        case "heading":
            tag = f"h{min(block.level, 3)}"
            joiner.add(f'<{tag} style="{_STYLES[tag]}">', *inside, f"</{tag}>\n")
        case "paragraph" | "button":
            joiner.add(f'<p style="{_STYLES["p"]}">', *inside, "</p>\n")
        case "item":
            joiner.add(f'<li style="{_STYLES["li"]}">', *inside)
        case "cell":
            tag = "th" if block.header else "td"
            joiner.add(f'<{tag} style="{_STYLES["cell"]}">', *inside, f"</{tag}>\n")
        case "rule":
            joiner.add(f'<hr style="{_STYLES["hr"]}">\n')
        case "table_open":
            joiner.add(f'<table role="presentation" style="{_STYLES["table"]}">\n')
        case "table_close":
            joiner.add("</table>\n")
        case "tr_open":
            joiner.add("<tr>\n")
        case "tr_close":
            joiner.add("</tr>\n")


def _html_inline(inline: Inline, variables: dict[str, Variable], rtl: bool, button: bool) -> Pieces:
    joiner = _Joiner()
    for span in inline.spans:
        joiner.add(*_html_span(span, inline, variables, rtl, button))
    return joiner.done()


def _html_span(
    span: Span, inline: Inline, variables: dict[str, Variable], rtl: bool, button: bool
) -> Iterable[Piece]:
    match span.kind, span.value:
        case "text", _:
            return (html.escape(span.value),)
        case "slot", _:
            slot = Slot(span.value, Landing.HTML)
            return ("<bdi>", slot, "</bdi>") if rtl else (slot,)
        case "code", _:
            return (f"<code>{html.escape(span.value)}</code>",)
        case "break", _:
            return ("<br>\n",)
        case "open", "link":
            style = _STYLES["button" if button else "a"]
            return ('<a href="', *_target(span, inline, variables), f'" style="{style}">')
        case "close", "link":
            return ("</a>",)
        case "open", name:
            return (f"<{name}>",)
        case _, name:
            return (f"</{name}>",)


def _target(span: Span, inline: Inline, variables: dict[str, Variable]) -> list[Piece]:
    parts = target_parts(span.target, inline.variables)
    whole = len(parts) == 1 and parts[0][1] and variables[parts[0][0]].type is ValueType.URL
    landing = Landing.URL if whole else Landing.URL_PART
    return [Slot(text, landing) if slot else html.escape(text) for text, slot in parts]


# --- plain text


def text_pieces(blocks: Sequence[Filled]) -> Pieces:
    """The same in plain text, wrapped at 72 where there are spaces to wrap at."""
    slots: list[Slot] = []
    parts: list[str] = []
    row: list[str] = []
    for block, inline in blocks:
        inside = _text_inline(inline, slots) if inline else ""
        match block.kind:
            case "heading":
                line = "=" if block.level == 1 else "-"
                parts.append(f"{inside}\n{line * min(_WIDTH, max(3, _length(inside)))}\n\n")
            case "paragraph" | "button":
                parts.append(_wrapped(inside) + "\n\n")
            case "item":
                indent = "  " * (block.level - 1)
                lead = f"{indent}{block.marker} "
                parts.append(_wrapped(inside, lead, " " * len(lead)) + "\n")
            case "rule":
                parts.append("-" * _WIDTH + "\n\n")
            case "cell":
                row.append(inside)
            case "tr_close":
                parts.append(" | ".join(row) + "\n")
                row = []
            case "table_close":
                parts.append("\n")
            case _:
                pass
        if block.kind == "item":
            continue
    return _unmarked(_spaced(parts), slots)


def _spaced(parts: list[str]) -> str:
    """A blank line after a list, one line end at the end."""
    text = ""
    for index, part in enumerate(parts):
        text += part
        following = parts[index + 1] if index + 1 < len(parts) else ""
        if _is_item(part) and following and not _is_item(following):
            text += "\n"
    return text.rstrip("\n") + "\n"


def _is_item(part: str) -> bool:
    return re.match(r" *(-|\d+\.) ", part) is not None and not part.endswith("\n\n")


def _text_inline(inline: Inline, slots: list[Slot]) -> str:
    text = ""
    links: list[tuple[str, int]] = []
    for span in inline.spans:
        match span.kind, span.value:
            case (("text" | "code"), value):
                text += value
            case "slot", name:
                text += _marked(Slot(name), slots)
            case "break", _:
                text += "\n"
            case "open", "link":
                links.append((_text_target(span, inline, slots), len(text)))
            case "close", "link":
                target, start = links.pop()
                words = text[start:]
                plain = target.removeprefix("mailto:")
                if words.strip() not in (target, plain):
                    text += f" ({plain})"
            case _:
                pass
    return text


def _text_target(span: Span, inline: Inline, slots: list[Slot]) -> str:
    """Percent-encoded as in HTML where the value is only a part of the link."""
    parts = target_parts(span.target, inline.variables)
    if len(parts) == 1 and parts[0][1]:
        return _marked(Slot(parts[0][0]), slots)
    return "".join(
        _marked(Slot(text, Landing.URL_PART), slots) if slot else text for text, slot in parts
    )


def _marked(slot: Slot, slots: list[Slot]) -> str:
    slots.append(slot)
    return f"\ue000{len(slots) - 1}\ue001"


def _unmarked(text: str, slots: list[Slot]) -> Pieces:
    joiner = _Joiner()
    at = 0
    for match in _MARK.finditer(text):
        joiner.add(text[at : match.start()], slots[int(match[1])])
        at = match.end()
    joiner.add(text[at:])
    return joiner.done()


def _length(marked: str) -> int:
    return len(_MARK.sub("x" * 8, marked))


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(
            line,
            _WIDTH,
            initial_indent=rest if lines else first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines)
