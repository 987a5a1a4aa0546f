"""A notice's folder -> its declaration and one stencil per locale, or everything wrong with it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from severally.model.choices import Selector
from severally.model.errors import Finding, Refused
from severally.model.notice import Notice
from severally.model.stencil import Choice, Landing, Piece, Pieces, Slot, Stencil
from severally.notice import cldr, why
from severally.notice.declaration import Declaration, read_declaration
from severally.notice.draft import Draft, Words
from severally.notice.frame import Frame
from severally.notice.phrase import Split, Tree
from severally.notice.plaintext import text_pieces
from severally.notice.times import Times
from severally.notice.writing import Filled, html_pieces, plain_pieces


@dataclass(frozen=True, slots=True)
class Compiled:
    """A notice that can be sent, and what a person might still want to know.

    `stencils` are those of the locales that are sent; one that `notice.fallback` maps to
    another is not among them. `samples` stand for variables in previews and are not frozen;
    `times` are what it says of when it may leave.
    """

    notice: Notice
    stencils: dict[str, Stencil]
    warnings: tuple[Finding, ...]
    samples: Mapping[str, str] = field(default_factory=dict)
    times: Times = field(default_factory=Times)


def compile_notice(folder: Path, layouts: Path) -> Compiled:
    """Raises Refused with everything that is wrong, in the order a person would mend it."""
    findings: list[Finding] = []
    draft = Draft(folder, findings)
    frame: Frame | None = None
    try:
        frame = Frame(layouts / f"{draft.declaration.layout}.mjml")
    except Refused as refused:
        findings += refused.findings
    locales = {
        locale: words
        for locale in draft.declaration.sent
        if cldr.locale_exists(locale) and (words := draft.locale(locale)) is not None
    }
    if findings or frame is None:
        raise Refused(f"the notice {folder.name!r} cannot be sent as it is", findings)
    stencils = {locale: _stencil(draft, locale, words, frame) for locale, words in locales.items()}
    samples = draft.declaration.samples
    notice = _notice(draft.declaration, draft.addresses | frame.addresses)
    times = draft.declaration.times
    return Compiled(notice, stencils, tuple(draft.warnings()), samples, times)


def declared_notice(folder: Path) -> Notice | None:
    """What notice.toml declares, whatever else is wrong with the notice: enough to look at its
    sender and its audience with. None where it cannot be read."""
    try:
        return _notice(read_declaration(folder, []), set())
    except Refused:
        return None


def _stencil(draft: Draft, locale: str, words: Words, frame: Frame) -> Stencil:
    """The locale's stencil; everything in it was checked."""
    variables = draft.declaration.variables
    direction = cldr.direction(locale)
    blocks: list[Filled] = [
        (block, words[block.segment.id].tree if block.segment else None)
        for block in draft.source.blocks
    ]
    if why.lacks_reason(draft.declaration.kind, draft.source.blocks):
        blocks += why.reason(draft.declaration.kind, locale, draft.source.blocks)
    subject = plain_pieces(words["subject"].tree)
    preheader = words.get("preheader")
    document = frame.pieces(
        html_pieces(blocks, variables),
        _title(words["subject"].tree),
        _landing_in_html(plain_pieces(preheader.tree)) if preheader else (),
        locale,
        direction,
    )
    return Stencil(
        locale,
        direction,
        subject,
        text_pieces(blocks, variables),
        document,
        tuple(sorted({name for phrase in words.values() for name in phrase.used})),
        cldr.locale_format(locale),
        _selectors(words),
    )


def _selectors(words: Words) -> tuple[Selector, ...]:
    """Every question that is asked anywhere, once."""
    asked = {
        question.key: question for phrase in words.values() for question in _questions(phrase.tree)
    }
    return tuple(asked[key] for key in sorted(asked))


def _questions(tree: Tree) -> Iterator[Selector]:
    if isinstance(tree, Split):
        yield tree.question
        for inner in tree.cases.values():
            yield from _questions(inner)


def _notice(d: Declaration, addresses: set[str]) -> Notice:
    """What the mailing freezes."""
    return Notice(
        d.name,
        d.title,
        d.kind,
        d.sender,
        d.source_locale,
        d.locales,
        tuple(d.variables.values()),
        d.link_hosts,
        tuple(sorted(addresses)),
        d.same_address,
        d.fallback,
    )


def _landing_in_html(pieces: Pieces) -> Pieces:
    return tuple(map(_in_html, pieces))


def _in_html(piece: Piece) -> Piece:
    match piece:
        case Slot():
            return Slot(piece.name, Landing.HTML)
        case Choice():
            cases = {case: _landing_in_html(inner) for case, inner in piece.cases.items()}
            return Choice(piece.key, cases)
        case _:
            return html.escape(piece)


def _title(tree: Tree) -> str:
    """The document's title cannot hold a recipient's values, nor choose by them."""
    while isinstance(tree, Split):
        tree = tree.cases["other"]
    spans = (span.value if span.kind == "text" else "…" for span in tree.spans)
    return html.escape("".join(spans))
