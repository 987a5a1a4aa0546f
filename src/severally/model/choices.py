"""Plurals, ordinals and genders: which of a translation's cases a value falls into.

The rules are CLDR's, taken when a notice is compiled (`notice.cldr`) and frozen with it as
their own text; Babel evaluates them. Nothing here knows a sentence.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from enum import StrEnum

import msgspec
from babel.plural import PluralRule

Rules = tuple[tuple[str, str], ...]
"""(category, condition in CLDR's syntax, UTS #35 part 3, 5); `other` has no condition."""
OTHER = "other"
MISSING = "missing"
"""The case of a select for recipients without the value (`Variable.optional`); no value is it."""


class ChoiceKind(StrEnum):
    """What decides, by the names ICU gives them."""

    PLURAL = "plural"
    ORDINAL = "selectordinal"
    SELECT = "select"


class Selector(msgspec.Struct, frozen=True):
    """A question about one value. `key` is the answer's name among a message's values; it
    holds a space, so it is never a variable's. `cases` hold `other`, and `=0` for exactly 0."""

    key: str
    name: str
    kind: ChoiceKind
    cases: tuple[str, ...]
    rules: Rules = ()


def selector(name: str, kind: ChoiceKind, cases: tuple[str, ...], rules: Rules) -> Selector:
    """The selector for these cases; equal arguments give an equal key."""
    return Selector(f"{kind} {name} {' '.join(cases)}", name, kind, cases, rules)


def case_of(question: Selector, text: str | None) -> str:
    """The case that a canonical value (`model.values`) falls into; `other` where none does.
    None is the value of a recipient who has none."""
    if text is None:
        return MISSING if MISSING in question.cases else OTHER
    if question.kind is ChoiceKind.SELECT:
        return text if text in question.cases and text != MISSING else OTHER
    exact = f"={text}"
    if exact in question.cases:
        return exact
    found = category(text, question.rules)
    return found if found in question.cases else OTHER


@functools.lru_cache(maxsize=16384)
def category(text: str, rules: Rules) -> str:
    """The category of a number as it is written: `1.0` is not `1` in every language."""
    return str(_rule(rules)(Decimal(text)))


@functools.lru_cache(maxsize=256)
def _rule(rules: Rules) -> PluralRule:
    return PluralRule(dict(rules))
