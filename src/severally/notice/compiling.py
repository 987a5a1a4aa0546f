"""A notice's folder -> its declaration and one stencil per locale, or everything wrong with it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from severally.model.errors import Finding, Refused
from severally.model.notice import Notice
from severally.model.stencil import Choice, Landing, Piece, Pieces, Slot, Stencil
from severally.notice import cldr
from severally.notice.catalogue import (
    Status,
    Translations,
    catalogue_path,
    status_of,
    update_catalogue,
)
from severally.notice.declaration import read_declaration
from severally.notice.frame import Frame
from severally.notice.inline import Inline, InlineParser
from severally.notice.plaintext import text_pieces
from severally.notice.source import Block, Segment, Source, read_source
from severally.notice.writing import Filled, html_pieces, plain_pieces


@dataclass(frozen=True, slots=True)
class Compiled:
    """A notice that can be sent, and what a person might still want to know."""

    notice: Notice
    stencils: dict[str, Stencil]
    warnings: tuple[Finding, ...]


def compile_notice(folder: Path, layouts: Path) -> Compiled:
    """Raises Refused with everything that is wrong, in the order a person would mend it."""
    findings: list[Finding] = []
    draft = _Draft(folder, findings)
    frame: Frame | None = None
    try:
        frame = Frame(layouts / f"{draft.declaration.layout}.mjml")
    except Refused as refused:
        findings += refused.findings
    locales = {
        locale: inlines
        for locale in draft.declaration.locales
        if (inlines := draft.locale(locale)) is not None
    }
    if findings or frame is None:
        raise Refused(f"the notice {folder.name!r} cannot be sent as it is", findings)
    stencils = {
        locale: draft.stencil(locale, inlines, frame) for locale, inlines in locales.items()
    }
    return Compiled(draft.notice(frame), stencils, tuple(draft.warnings()))


def notice_segments(folder: Path) -> list[Segment]:
    """Every translatable unit of the source. Raises Refused."""
    findings: list[Finding] = []
    draft = _Draft(folder, findings)
    if findings:
        raise Refused(f"the notice {folder.name!r} is not well formed", findings)
    return draft.segments


def update_catalogues(folder: Path) -> list[Status]:
    """Write every declared locale's catalogue anew from the source; how far each is."""
    segments = notice_segments(folder)
    for locale in _target_locales(folder):
        update_catalogue(catalogue_path(folder, locale), locale, segments)
    return catalogue_status(folder)


def catalogue_status(folder: Path) -> list[Status]:
    """How far each declared locale is."""
    segments = notice_segments(folder)
    return [
        status_of(catalogue_path(folder, locale), locale, segments)
        for locale in _target_locales(folder)
    ]


def _target_locales(folder: Path) -> list[str]:
    declaration = read_declaration(folder, [])
    return [each for each in declaration.locales if each != declaration.source_locale]


class _Draft:
    """A notice while it is being compiled; problems are added to `findings` as they are found."""

    def __init__(self, folder: Path, findings: list[Finding]) -> None:
        self._folder = folder
        self._findings = findings
        self.declaration = read_declaration(folder, findings)
        self._parser = InlineParser(self.declaration.variables, self.declaration.link_hosts)
        self._source = self._read_body()
        self._heads = self._head_segments()
        self._inlines: dict[str, dict[str, Inline]] = {}
        self._used: set[str] = set()
        self._addresses: set[str] = set()

    @property
    def segments(self) -> list[Segment]:
        """Subject and preheader first, then the body's."""
        return [*self._heads, *self._source.segments]

    def locale(self, locale: str) -> dict[str, Inline] | None:
        """Every segment in this locale's words, parsed and checked; None without a catalogue."""
        if not cldr.locale_exists(locale):
            self._say(self.declaration.where("locales"), f"CLDR knows no locale {locale!r}")
            return None
        if locale == self.declaration.source_locale:
            return {s.id: self._parse(s, s.text, s.file, s.line) for s in self.segments}
        path = catalogue_path(self._folder, locale)
        if not path.exists():
            self._say(
                f"{self._folder.name}/locales/{path.name}",
                f"there is no catalogue for {locale}",
                "run `severally translate update`, or take the locale out of notice.toml",
            )
            return None
        try:
            return self._translated(Translations(path, locale))
        except Refused as refused:
            self._findings += refused.findings
            return None

    def stencil(self, locale: str, inlines: dict[str, Inline], frame: Frame) -> Stencil:
        """The locale's stencil; everything in it was checked."""
        declaration = self.declaration
        rtl = cldr.direction(locale) == "rtl"
        blocks: list[Filled] = [
            (block, inlines[block.segment.id] if block.segment else None)
            for block in self._source.blocks
        ]
        subject = plain_pieces(inlines["subject"])
        preheader = inlines.get("preheader")
        content = html_pieces(blocks, declaration.variables)
        document = frame.pieces(
            content,
            _words(subject),
            _landing_in_html(plain_pieces(preheader)) if preheader else (),
            locale,
            "rtl" if rtl else "ltr",
        )
        text = text_pieces(blocks, declaration.variables)
        names = sorted(
            {p.name for pieces in (subject, text, document) for p in pieces if isinstance(p, Slot)}
        )
        return Stencil(
            locale,
            "rtl" if rtl else "ltr",
            subject,
            text,
            document,
            tuple(names),
            cldr.locale_format(locale),
        )

    def notice(self, frame: Frame) -> Notice:
        """What the mailing freezes."""
        d = self.declaration
        return Notice(
            d.name,
            d.title,
            d.kind,
            d.sender,
            d.source_locale,
            d.locales,
            tuple(d.variables.values()),
            d.link_hosts,
            tuple(sorted(self._addresses | frame.addresses)),
            d.same_address,
        )

    def warnings(self) -> list[Finding]:
        """What does not stop a send."""
        return [
            Finding(
                self.declaration.where(f"variables.{name}"),
                f"the variable {name} is declared and never used",
                "",
                (),
                True,
            )
            for name in self.declaration.variables
            if name not in self._used
        ]

    # --- reading

    def _read_body(self) -> Source:
        path = self._folder / "body.md"
        shown = f"{self._folder.name}/body.md"
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            self._say(shown, "the text is missing or not UTF-8")
            return Source([Block("paragraph")], [])
        source = read_source(text, shown)
        for line, problem, cure in source.problems:
            self._say(f"{shown}:{line}", problem, cure)
        if not source.segments:
            self._say(shown, "the text is empty")
        return source

    def _head_segments(self) -> list[Segment]:
        d = self.declaration
        heads = [Segment("subject", d.subject, d.file, d.lines.get("subject", 1))]
        if not d.subject.strip():
            self._say(d.where("subject"), "the subject is empty")
        if d.preheader:
            line = d.lines.get("preheader", 1)
            heads.append(Segment("preheader", d.preheader, d.file, line))
        return heads

    def _translated(self, translations: Translations) -> dict[str, Inline]:
        inlines: dict[str, Inline] = {}
        for segment in self.segments:
            text, state, line = translations.find(segment)
            if state != "done" or text is None:
                self._findings.append(translations.finding(segment, state, line))
                continue
            inline = self._parse(segment, text, translations.shown, line)
            self._compare(segment, inline, translations, line)
            inlines[segment.id] = inline
        return inlines

    def _parse(self, segment: Segment, text: str, file: str, line: int) -> Inline:
        plain = segment.id in ("subject", "preheader")
        inline = self._parser.parse(text, plain)
        if plain:
            _refuse_encoded_words(text, inline)
        for problem, cure in inline.problems:
            self._say(f"{file}:{line}", f"segment {segment.id!r}: {problem}", cure)
        self._used.update(inline.variables)
        if file == segment.file:
            self._addresses |= inline.addresses
        return inline

    def _compare(
        self, segment: Segment, inline: Inline, translations: Translations, line: int
    ) -> None:
        """A translation may move variables and links, not lose, add or change them."""
        source = self._parser.parse(segment.text, segment.id in ("subject", "preheader"))
        where = f"{translations.shown}:{line}"
        lost = set(source.variables) - set(inline.variables)
        added = set(inline.variables) - set(source.variables)
        for name in sorted(lost):
            self._say(where, f"segment {segment.id!r}: the translation lost {{{{ {name} }}}}")
        for name in sorted(added):
            self._say(where, f"segment {segment.id!r}: the translation invented {{{{ {name} }}}}")
        if sorted(source.targets) != sorted(inline.targets):
            self._say(
                where,
                f"segment {segment.id!r}: the translation changed a link target",
                "links lead to the same place in every language",
            )
        foreign = inline.addresses - source.addresses
        if foreign:
            self._say(where, f"segment {segment.id!r}: an address the source does not have")

    def _say(self, where: str, problem: str, cure: str = "") -> None:
        self._findings.append(Finding(where, problem, cure))


def _refuse_encoded_words(text: str, inline: Inline) -> None:
    if "=?" in text:
        inline.problems.append(
            ("'=?' would be read as an encoded word (RFC 2047)", "write the text itself")
        )
    if any(c in text for c in "\r\n\t"):
        inline.problems.append(("a line break or tab", "write one line"))


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


def _words(pieces: Pieces) -> str:
    """The document's title cannot hold a recipient's values."""
    return html.escape("".join(p if isinstance(p, str) else "…" for p in pieces))
