"""Blocks of one locale as plain text, saying the same as the HTML.

Responsible for the text alternative: made from the source, not from the HTML; wrapped
(`wrapping`), and each link numbered, with the addresses listed at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from severally.model.notice import ValueType, Variable
from severally.model.stencil import Landing, Pieces, Slot
from severally.notice.inline import Inline, Span, target_parts
from severally.notice.phrase import Tree, spread
from severally.notice.source import Block
from severally.notice.wrapping import SLOT, WIDTH, columns, wrapped
from severally.notice.writing import Filled, Joiner, Table, gathered

_RULE = "-" * WIDTH


_WIDE = {
    ValueType.TEXT: 12,
    ValueType.INTEGER: 8,
    ValueType.DECIMAL: 10,
    ValueType.MONEY: 14,
    ValueType.DATE: 18,
    ValueType.DATETIME: 30,
    ValueType.EMAIL: 24,
    ValueType.URL: 40,
    ValueType.CODE: 14,
}
"""Columns a value of a type mostly needs."""


def text_pieces(blocks: Sequence[Filled], variables: dict[str, Variable]) -> Pieces:
    """The whole text alternative, ending with one line end."""
    return _Text(variables).pieces(blocks)


class _Text:
    def __init__(self, variables: dict[str, Variable]) -> None:
        self._variables = variables
        self._slots: list[Slot] = []
        self._links: dict[str, int] = {}
        self._shown: list[str] = []

    def pieces(self, blocks: Sequence[Filled]) -> Pieces:
        joiner, item = Joiner(), False
        for at, part in enumerate(gathered(blocks)):
            was_item, item = item, not isinstance(part, Table) and part[0].kind == "item"
            if at:
                joiner.add("\n" if item and was_item else "\n\n")
            if isinstance(part, Table):
                self._table(part, joiner)
            else:
                joiner.add(*self._block(*part))
        joiner.add("\n")
        if self._shown:
            numbered = (f"[{at}] {target}" for at, target in enumerate(self._shown, 1))
            joiner.add(*self._unmarked("\n" + "\n".join(numbered) + "\n"))
        return joiner.done()

    def _block(self, block: Block, tree: Tree | None) -> Pieces:
        return spread([tree], lambda one: self._unmarked(self._words(block, one[0])))

    def _words(self, block: Block, inline: Inline | None) -> str:
        inside = self._inside(inline) if inline else ""
        match block.kind:
            case "heading":
                shown = wrapped(inside)
                wide = max(columns(line) for line in shown.split("\n"))
                line = "=" if block.level == 1 else "-"
                return f"{shown}\n{line * min(WIDTH, max(3, wide))}"
            case "item":
                lead = "  " * (block.level - 1) + f"{block.marker} "
                return wrapped(inside, lead, " " * len(lead))
            case "rule":
                return _RULE
            case _:
                return wrapped(inside)

    def _table(self, table: Table, joiner: Joiner) -> None:
        """`Amount: 12.50 USD` where rows have headings; cells between bars where columns do."""
        between = ": " if table.facts else " | "

        def line(cells: Sequence[Inline | None]) -> Pieces:
            inside = [self._inside(cell) if cell else "" for cell in cells]
            return self._unmarked(wrapped(between.join(inside), rest="  "))

        for at, row in enumerate(table.rows):
            joiner.add("\n" if at else "", *spread(row.cells, line))

    def _inside(self, inline: Inline) -> str:
        text = ""
        links: list[tuple[str, int]] = []
        for span in inline.spans:
            match span.kind, span.value:
                case (("text" | "code"), value):
                    text += value
                case "slot", name:
                    text += self._marked(Slot(name))
                case "break", _:
                    text += "\n"
                case "image", words:
                    text += f"[{self._marked_words(words, inline)}]"
                case "open", "link":
                    links.append((self._target(span, inline), len(text)))
                case "close", "link":
                    target, start = links.pop()
                    text += self._number(target, text[start:])
                case _:
                    pass
        return text

    def _marked_words(self, words: str, inline: Inline) -> str:
        parts = target_parts(words, inline.variables)
        return "".join(self._marked(Slot(text)) if slot else text for text, slot in parts)

    def _target(self, span: Span, inline: Inline) -> str:
        """Percent-encoded as in HTML where the value is only a part of the link."""
        parts = target_parts(span.target, inline.variables)
        if len(parts) == 1 and parts[0][1]:
            return self._marked(Slot(parts[0][0]))
        return "".join(
            self._marked(Slot(text, Landing.URL_PART)) if slot else text for text, slot in parts
        )

    def _number(self, target: str, words: str) -> str:
        """` [2]`; nothing where the words are the address itself."""
        plain = target.removeprefix("mailto:")
        if self._named(words.strip()) in (self._named(target), self._named(plain)):
            return ""
        key = self._named(plain)
        if key not in self._links:
            self._shown.append(plain)
            self._links[key] = len(self._shown)
        return f" [{self._links[key]}]"

    def _named(self, marked: str) -> str:
        return SLOT.sub(lambda match: f"{{{self._slots[int(match[1])].name}}}", marked)

    def _marked(self, slot: Slot) -> str:
        self._slots.append(slot)
        return f"\ue000{len(self._slots) - 1}:{_WIDE[self._variables[slot.name].type]}\ue001"

    def _unmarked(self, text: str) -> Pieces:
        joiner = Joiner()
        at = 0
        for match in SLOT.finditer(text):
            joiner.add(text[at : match.start()], self._slots[int(match[1])])
            at = match.end()
        joiner.add(text[at:])
        return joiner.done()
