"""Plural, selectordinal and select (ICU MessageFormat) inside a segment: its alternatives.

`Dear {sex, select, female {Ms} other {Mr}} {{ name }}` becomes two whole sentences, so that
each can be checked and compiled as if it stood alone. Responsible for the syntax only: not
for names, types or a language's categories (`phrase`). An apostrophe is an apostrophe; a
brace that is meant as one is written `&#123;`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from severally.model.choices import OTHER, ChoiceKind

_HEAD = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*,\s*([A-Za-z]+)\s*(,?)")
_LABEL = re.compile(
    r"\s*(=[0-9]{1,9}|[A-Za-z0-9_.-]+)\s*\{(?!\{\s*[A-Za-z_][A-Za-z0-9_.]*\s*(?:\||\}\}(?!\})))"
)
"""`one {`, but not `one {{ name }}`, which lacks the braces of its case."""
_OFFSET = re.compile(r"\s*offset\s*:")
_FOREIGN = re.compile(r"\{%.*?(?:%\}|$)|\{#.*?#\}", re.DOTALL)
"""A template language's statement or comment."""
_KINDS = {kind.value: kind for kind in ChoiceKind}
_MOST_LEAVES = 100
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Fork:
    """Several texts, one for each case; `cases` keep their order and hold `other`."""

    name: str
    kind: ChoiceKind
    cases: Mapping[str, Worded]


Worded = Fork | str
"""A text with nothing but `{{ name }}` in it, or a choice of such."""


class IcuError(ValueError):
    """What is wrong with the syntax, and what to do."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.cure = cure


@dataclass(frozen=True, slots=True)
class _Choice:
    name: str
    kind: ChoiceKind
    cases: dict[str, list[_Part]]


_Part = str | _Choice


def read_message(text: str) -> Worded:
    """The text with every choice moved to the front. Raises IcuError."""
    if "{" not in text and "}" not in text:
        return text
    reader = _Reader(text)
    parts = reader.parts(0, "")
    leaves = [0]
    return _lifted(parts, {}, leaves)


class _Reader:
    """Recursive descent over the text; `at` is where it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parts(self, depth: int, plural: str) -> list[_Part]:
        """Up to the end, or to the brace that closes this case."""
        if depth > _DEEPEST:
            raise IcuError("choices inside choices, too deep", "split the sentence")
        found: list[_Part] = []
        text = self._text
        while self._at < len(text):
            at = self._at
            if text.startswith("{{", at) and not (depth == 0 and _HEAD.match(text, at + 1)):
                end = text.find("}}", at)
                self._at = end + 2 if end >= 0 else len(text)
                found.append(text[at : self._at])
            elif text[at] == "{":
                found.append(self._brace(depth))
            elif text[at] == "}" and depth:
                return found
            elif text[at] == "}":
                found.append(self._closing())
            elif text[at] == "#" and plural:
                found.append("{{ " + plural + " }}")
                self._at += 1
            else:
                found.append(text[at])
                self._at += 1
        if depth:
            raise IcuError("a choice that is not closed", "count the braces: { opens, } closes")
        return found

    def _closing(self) -> str:
        if self._text.startswith("}}", self._at):
            self._at += 2
            return "}}"  # reported where {{ names }} are read
        raise IcuError("a single '}'", "count the braces: {{ name }} has two on each side")

    def _brace(self, depth: int) -> _Part:
        head = _HEAD.match(self._text, self._at)
        if head is None:
            if foreign := _FOREIGN.match(self._text, self._at):
                self._at = foreign.end()
                return foreign[0]  # reported where names are read
            raise IcuError("a single '{'", "a variable has two braces on each side: {{ name }}")
        name, word, comma = head[1], head[2], head[3]
        kind = _KINDS.get(word)
        if kind is None:
            raise IcuError(
                f"{{{name}, {word}}} is not available",
                "a value is formatted by its type: write {{ " + name + " }}",
            )
        self._at = head.end()
        if not comma or _OFFSET.match(self._text, self._at):
            raise IcuError(
                f"{{{name}, {word}, …}} without cases, or with an offset",
                f"write {{{name}, {word}, one {{…}} other {{…}}}}",
            )
        return self._choice(name, kind, depth)

    def _choice(self, name: str, kind: ChoiceKind, depth: int) -> _Choice:
        cases: dict[str, list[_Part]] = {}
        while label := _LABEL.match(self._text, self._at):
            self._at = label.end()
            if label[1] in cases:
                raise IcuError(f"the case {label[1]!r} of {name} is there twice", "remove one")
            number = name if kind is not ChoiceKind.SELECT else ""
            cases[label[1]] = self.parts(depth + 1, number)
            self._at += 1
        rest = self._text[self._at :].lstrip()
        if not rest.startswith("}"):
            raise IcuError(
                f"the {kind} of {name} has something that is no case",
                "each case is a word and a text in braces: one {…}",
            )
        self._at = len(self._text) - len(rest) + 1
        if OTHER not in cases:
            raise IcuError(f"the {kind} of {name} has no case 'other'", "write other {…}")
        return _Choice(name, kind, cases)


_Decided = dict[tuple[str, ChoiceKind, tuple[str, ...]], str]


def _lifted(parts: list[_Part], decided: _Decided, leaves: list[int]) -> Worded:
    """The first choice is made first, around the whole text; the same question is asked once."""
    at = next((i for i, part in enumerate(parts) if isinstance(part, _Choice)), None)
    if at is None:
        leaves[0] += 1
        if leaves[0] > _MOST_LEAVES:
            raise IcuError(
                f"more than {_MOST_LEAVES} combinations of cases in one segment",
                "split the sentence, so that each has its own choice",
            )
        return _spaced("".join(part for part in parts if isinstance(part, str)))
    choice = parts[at]
    assert isinstance(choice, _Choice)
    question = (choice.name, choice.kind, tuple(choice.cases))

    def with_case(case: str) -> list[_Part]:
        return [*parts[:at], *choice.cases[case], *parts[at + 1 :]]

    if question in decided:
        return _lifted(with_case(decided[question]), decided, leaves)
    return Fork(
        choice.name,
        choice.kind,
        {
            case: _lifted(with_case(case), {**decided, question: case}, leaves)
            for case in choice.cases
        },
    )


def _spaced(text: str) -> str:
    """An empty case leaves no double space."""
    return re.sub(" {2,}", " ", text).strip(" ")
