"""A notice's folder while it is read: every language's words, and everything wrong with them.

Findings come in the order in which a person mends them: notice.toml, the text, then each
language in the order it was declared, from top to bottom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from severally.model.errors import Finding, Refused
from severally.notice import why
from severally.notice.catalogue import Translations, catalogue_path, shown_catalogue
from severally.notice.comparing import differences
from severally.notice.declaration import read_declaration
from severally.notice.naming import shown_path
from severally.notice.phrase import Phrase, PhraseParser, Problem
from severally.notice.source import Block, Segment, Source, read_source

Words = dict[str, Phrase]
"""Segment id -> the segment in one language's words."""


class Draft:
    """A notice being checked; problems are added to `findings` as they are found.

    Raises Refused where notice.toml cannot be read at all.
    """

    def __init__(self, folder: Path, findings: list[Finding]) -> None:
        self.folder = folder
        self.declaration = read_declaration(folder, findings)
        self.addresses: set[str] = set()
        self._findings = findings
        self._parser = PhraseParser(self.declaration.variables, self.declaration.link_hosts)
        self._used: set[str] = set()
        heads = self._head_segments()
        self.body = ""
        self.source = self._read_body()
        self.segments = [*heads, *self.source.segments]
        """Subject and preheader first, then the body's."""
        self.words = {segment.id: self._source_words(segment) for segment in self.segments}
        """The source's."""

    def locale(self, locale: str) -> Words | None:
        """Every segment in this language's words, checked; None without a catalogue."""
        if locale == self.declaration.source_locale:
            return self.words
        path = catalogue_path(self.folder, locale)
        if not path.exists():
            self._findings.append(
                Finding(
                    shown_catalogue(path),
                    f"there is no catalogue for {locale}",
                    f"run `severally translate update {self.folder.name}`, or say under "
                    "[fallback] in notice.toml what they read until there is one",
                    locale=locale,
                )
            )
            return None
        try:
            return self._translated(Translations(path, locale))
        except Refused as refused:
            self._findings += refused.findings
            return None

    def judged(self, segment: Segment, text: str, locale: str) -> tuple[Phrase, list[Problem]]:
        """A translation of one segment, and everything wrong with it that is not wrong with
        the source already."""
        phrase = self._parser.parse(text, locale, segment.kind)
        source = self.words[segment.id]
        problems = [each for each in phrase.problems if each not in source.problems]
        if segment.kind == "plain":
            problems += header_problems(text)
        if not source.problems and phrase.readable:
            problems += _told_once(
                phrase.problems,
                differences(source, self.declaration.source_locale, phrase, locale),
            )
        return phrase, problems

    def warnings(self) -> Iterator[Finding]:
        """What does not stop a send."""
        for name in self.declaration.variables:
            if name not in self._used:
                yield Finding(
                    self.declaration.where(f"variables.{name}"),
                    f"the variable {name} is declared and never used",
                    "take it out, and its column is not needed",
                    warning=True,
                )
        yield from self._unexplained()

    def _unexplained(self) -> Iterator[Finding]:
        declaration = self.declaration
        if not why.lacks_reason(declaration.kind, self.source.blocks):
            return
        for locale in why.unspoken(declaration.sent):
            yield Finding(
                declaration.where("kind"),
                f"why it is sent is said in English to those who read {locale}",
                "say it yourself, in a paragraph with the id {#why}",
                warning=True,
                locale=locale,
            )

    # --- reading

    def _read_body(self) -> Source:
        shown = shown_path(self.folder, "body.md")
        try:
            self.body = (self.folder / "body.md").read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            self._say(shown, "the text is missing or not UTF-8", "write body.md")
            return Source([Block("rule")], [])
        source = read_source(self.body, shown)
        for line, problem, cure in source.problems:
            self._say(f"{shown}:{line}", problem, cure)
        if not source.segments:
            self._say(shown, "the text is empty", "write what people shall read")
        return source

    def _head_segments(self) -> list[Segment]:
        d = self.declaration
        heads = [Segment("subject", d.subject, d.file, d.lines.get("subject", 1), kind="plain")]
        if "subject" in d.lines and not d.subject.strip():
            self._say(d.where("subject"), "the subject is empty", "write it")
        if d.preheader:
            line = d.lines.get("preheader", 1)
            heads.append(Segment("preheader", d.preheader, d.file, line, kind="plain"))
        return heads

    def _source_words(self, segment: Segment) -> Phrase:
        phrase = self._parser.parse(segment.text, self._source_locale(), segment.kind)
        problems = list(phrase.problems) if segment.text.strip() else []
        if segment.kind == "plain":
            problems += header_problems(segment.text)
        for problem, cure in problems:
            where = f"{segment.file}:{segment.line}"
            self._say(where, f"segment {segment.id!r}: {problem}", cure, segment=segment.id)
        self._used |= phrase.used
        self.addresses |= phrase.addresses
        return phrase

    def _source_locale(self) -> str:
        return self.declaration.source_locale

    def _translated(self, translations: Translations) -> Words:
        words: Words = {}
        counts = Counter(segment.id for segment in self.segments)
        for segment in self.segments:
            if counts[segment.id] > 1:
                continue  # said where the id stands twice
            text, state, line = translations.find(segment)
            if state != "done" or text is None:
                self._findings.append(translations.finding(segment, state, line))
                continue
            phrase, problems = self.judged(segment, text, translations.locale)
            for problem, cure in problems:
                self._findings.append(translations.refusal(segment, line, problem, cure))
            self._used |= phrase.used
            words[segment.id] = phrase
        return words

    def _say(self, where: str, problem: str, cure: str = "", segment: str = "") -> None:
        self._findings.append(Finding(where, problem, cure, segment=segment))


def header_problems(text: str) -> Iterator[Problem]:
    """What cannot stand in a header field."""
    if "=?" in text:
        yield "'=?' would be read as an encoded word (RFC 2047)", "write the text itself"
    if any(c in text for c in "\r\n\t"):
        yield "a line break or tab", "write one line"


def _told_once(known: list[Problem], further: Iterator[Problem]) -> list[Problem]:
    """A name that nobody declared is not also lost or invented."""
    unreadable = any(problem.startswith("nobody declared") for problem, _ in known)
    return [
        each for each in further if not (unreadable and each[0].startswith("the translation lost"))
    ]
