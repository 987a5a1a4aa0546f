"""A segment in one language's words: every alternative of it parsed and checked.

Responsible for plurals and genders fitting the variable's type and the language's own
categories (CLDR), for a number being shown wherever it is not certain, and for no value being
shown where a recipient may have none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from severally.model.choices import MISSING, OTHER, ChoiceKind, Selector, selector
from severally.model.notice import ValueType, Variable
from severally.model.stencil import Choice, Pieces
from severally.notice import cldr
from severally.notice.icu import Fork, IcuError, Worded, read_message
from severally.notice.inline import Inline, InlineParser
from severally.notice.naming import undeclared

Problem = tuple[str, str]
"""What is wrong, and what to do."""

_FITTING = {
    ChoiceKind.PLURAL: (ValueType.INTEGER, ValueType.DECIMAL),
    ChoiceKind.ORDINAL: (ValueType.INTEGER,),
    ChoiceKind.SELECT: (ValueType.TEXT, ValueType.CODE),
}


@dataclass(frozen=True, slots=True)
class Split:
    """Alternatives, one for each case of `question`."""

    question: Selector
    cases: dict[str, Tree]


Tree = Inline | Split


@dataclass(frozen=True, slots=True)
class Leaf:
    """One alternative. `certain` are values that its case already tells (`=1`, and `one` in
    English, and `missing`), so that the text need not show them."""

    inline: Inline
    certain: frozenset[str] = frozenset()


@dataclass(slots=True)
class Phrase:
    """The whole segment. `leaves` are all alternatives, one where nothing is chosen. Where the
    choices themselves are malformed it is not `readable`, and there is nothing to compare."""

    tree: Tree
    leaves: list[Leaf] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    deciding: list[str] = field(default_factory=list)
    readable: bool = True

    @property
    def used(self) -> set[str]:
        """Every variable that is shown or that decides."""
        shown = {name for leaf in self.leaves for name in leaf.inline.variables}
        return shown | set(self.deciding)

    @property
    def addresses(self) -> set[str]:
        """Mail addresses that stand in any alternative."""
        return {address for leaf in self.leaves for address in leaf.inline.addresses}


@dataclass(frozen=True, slots=True)
class _Known:
    """What the cases around a text tell: values that need not be shown, and those that are
    `there` whoever reads it."""

    certain: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()

    def further(self, fork: Fork, case: str, told: frozenset[str]) -> _Known:
        """Inside this case too."""
        there = self.there
        if case not in (MISSING, OTHER) or (case == OTHER and MISSING in fork.cases):
            there = there | {fork.name}
        return _Known(self.certain | told, there)


_NOTHING = _Known()


class PhraseParser:
    """`variables` are those declared, `hosts` those listed."""

    def __init__(self, variables: dict[str, Variable], hosts: tuple[str, ...]) -> None:
        self._variables = variables
        self._inline = InlineParser(variables, hosts)

    def parse(self, text: str, locale: str, kind: str = "paragraph") -> Phrase:
        """`kind` is the block's, or `plain` for a subject or preheader."""
        phrase = Phrase(Inline())
        try:
            worded = read_message(text)
        except IcuError as error:
            phrase.problems.append((error.problem, error.cure))
            phrase.leaves.append(Leaf(Inline()))
            phrase.readable = False
            return phrase
        phrase.tree = self._tree(worded, locale, kind, phrase, _NOTHING)
        phrase.problems = list(dict.fromkeys(phrase.problems))
        return phrase

    def _tree(self, worded: Worded, locale: str, kind: str, phrase: Phrase, known: _Known) -> Tree:
        if isinstance(worded, str):
            inline = self._inline.parse(worded, kind)
            if not worded.strip():
                inline.problems.append(("an empty text", "write what people shall read"))
            phrase.problems += [*inline.problems, *self._unsure(inline.variables, known)]
            phrase.leaves.append(Leaf(inline, known.certain))
            return inline
        rules = self._checked(worded, locale, phrase, known)
        told = functools.partial(_told, worded, locale, self._fractions(worded.name))
        question = selector(worded.name, worded.kind, tuple(worded.cases), rules)
        return Split(
            question,
            {
                case: self._tree(
                    inner, locale, kind, phrase, known.further(worded, case, told(case))
                )
                for case, inner in worded.cases.items()
            },
        )

    def _unsure(self, shown: Iterable[str], known: _Known) -> Iterator[Problem]:
        """Values that somebody may not have."""
        for name in dict.fromkeys(shown):
            variable = self._variables.get(name)
            if variable is None or not variable.optional or name in known.there:
                continue
            if name in known.certain:
                yield (
                    f"{{{{ {name} }}}} is shown in the case in which it is missing",
                    "say it without the value there",
                )
            else:
                yield (
                    f"{name} is optional, and nothing says what is read where it is missing",
                    f"write {{{name}, select, missing {{…}} other {{… {{{{ {name} }}}} …}}}}",
                )

    def _checked(
        self, fork: Fork, locale: str, phrase: Phrase, known: _Known
    ) -> tuple[tuple[str, str], ...]:
        """The language's rules; what does not fit is added to the phrase's problems."""
        variable = self._variables.get(fork.name)
        if variable is None:
            phrase.problems.append(undeclared(fork.name, self._variables))
        else:
            phrase.deciding.append(fork.name)
            phrase.problems += _unfitting(fork, variable)
            if fork.kind is not ChoiceKind.SELECT:
                phrase.problems += self._unsure((fork.name,), known)
        if fork.kind is ChoiceKind.SELECT:
            return ()
        phrase.problems += _categories(fork, locale, self._fractions(fork.name))
        return cldr.plural_rules(locale, fork.kind is ChoiceKind.ORDINAL)

    def _fractions(self, name: str) -> bool:
        variable = self._variables.get(name)
        return variable is not None and variable.type is ValueType.DECIMAL


def _unfitting(fork: Fork, variable: Variable) -> Iterator[Problem]:
    """A choice that this variable does not allow."""
    if fork.kind is ChoiceKind.SELECT and MISSING in fork.cases and not variable.optional:
        yield (
            f"the select of {fork.name} has the case 'missing', and {fork.name} never is",
            f"say optional = true under [variables.{fork.name}], or take the case out",
        )
    whether = fork.kind is ChoiceKind.SELECT and set(fork.cases) == {MISSING, OTHER}
    if variable.type not in _FITTING[fork.kind] and not whether:
        wanted = " or ".join(_FITTING[fork.kind])
        yield (
            f"a {fork.kind} of {fork.name}, which is of type {variable.type}",
            f"{fork.kind} chooses by a variable of type {wanted}",
        )


def _categories(fork: Fork, locale: str, fractions: bool) -> Iterator[Problem]:
    """A case the language does not have, or needs and is not there."""
    ordinal = fork.kind is ChoiceKind.ORDINAL
    known = cldr.plural_samples(locale, ordinal, fractions)
    existing = {OTHER, *(name for name, _ in cldr.plural_rules(locale, ordinal))}
    given = [case for case in fork.cases if not case.startswith("=")]
    for case in given:
        if case not in existing:
            yield (
                f"the {fork.kind} of {fork.name} has the case {case!r}, which {locale} does not",
                f"{locale} has {', '.join(_ordered(existing))}",
            )
    missing = [case for case in _ordered(set(known)) if case not in given]
    if missing:
        samples = "; ".join(f"{case} as in {', '.join(known[case][:3])}" for case in missing)
        yield (
            f"the {fork.kind} of {fork.name} lacks {', '.join(map(repr, missing))}",
            f"{locale} needs it ({samples})",
        )


def _ordered(cases: set[str]) -> list[str]:
    order = ("zero", "one", "two", "few", "many", OTHER)
    return [case for case in order if case in cases]


def _told(fork: Fork, locale: str, fractions: bool, case: str) -> frozenset[str]:
    """The value, where being in this case already says it."""
    if fork.kind is ChoiceKind.SELECT:
        return frozenset({fork.name}) if case == MISSING else frozenset()
    if case.startswith("="):
        return frozenset({fork.name})
    samples: Mapping[str, tuple[str, ...]] = cldr.plural_samples(
        locale, fork.kind is ChoiceKind.ORDINAL, fractions
    )
    exact = {label[1:] for label in fork.cases if label.startswith("=")}
    left = [number for number in samples.get(case, ()) if number not in exact]
    return frozenset({fork.name}) if len(left) == 1 else frozenset()


def spread(
    trees: Sequence[Tree | None], make: Callable[[Sequence[Inline | None]], Pieces]
) -> Pieces:
    """What `make` writes for texts without alternatives, for each combination of theirs."""
    return _spread(list(trees), {}, make)


def _spread(
    trees: list[Tree | None],
    decided: dict[str, str],
    make: Callable[[Sequence[Inline | None]], Pieces],
) -> Pieces:
    at = next((i for i, tree in enumerate(trees) if isinstance(tree, Split)), None)
    if at is None:
        return make([tree for tree in trees if not isinstance(tree, Split)])
    split = trees[at]
    assert isinstance(split, Split)
    key = split.question.key

    def with_case(case: str) -> Pieces:
        chosen = [*trees[:at], split.cases[case], *trees[at + 1 :]]
        return _spread(chosen, {**decided, key: case}, make)

    if key in decided:
        return with_case(decided[key])
    return (Choice(key, {case: with_case(case) for case in split.cases}),)
