"""What a bounce means: by its words first, then the enhanced code, then the digit.

The rules are data (`bounces/words.toml`, `bounces/codes.toml`). What nobody understands is soft:
it counts against an address only when it adds up.
"""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources
from typing import NamedTuple

import msgspec

from severally.model.event import EventKind

_LONGEST = 2_000
"""Characters of a receiver's words that are looked at."""


class WordRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of `words.toml`, which says what the fields mean."""

    id: str
    kind: EventKind
    pattern: str
    sample: str
    source: str


class Codes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`codes.toml`: kinds by `subject.detail`, and by subject alone."""

    code: dict[str, EventKind]
    subject: dict[str, EventKind]


class Class(NamedTuple):
    """What was found, and which rule found it: `unknown`, `code 5.1.1`, `digit`."""

    kind: EventKind
    rule: str


@functools.cache
def word_rules() -> tuple[WordRule, ...]:
    """The rules for words, in order."""
    return tuple(msgspec.convert(_toml("words.toml")["rule"], list[WordRule]))


@functools.cache
def codes() -> Codes:
    """The rules for enhanced codes."""
    return msgspec.convert(_toml("codes.toml"), Codes)


def classify(words: str, status: str) -> Class:
    """The class of a bounce. `status` is an enhanced code such as `5.1.1`, or empty."""
    folded = " ".join(words[:_LONGEST].split())
    for pattern, rule in _compiled():
        if pattern.search(folded):
            return Class(rule.kind, rule.id)
    _, _, rest = status.partition(".")
    kind = codes().code.get(rest) or codes().subject.get(rest.partition(".")[0])
    if kind is not None:
        return Class(kind, f"code {status}")
    return Class(EventKind.SOFT, "digit")


@functools.cache
def _compiled() -> tuple[tuple[re.Pattern[str], WordRule], ...]:
    return tuple((re.compile(rule.pattern, re.IGNORECASE), rule) for rule in word_rules())


def _toml(name: str) -> dict[str, object]:
    file = resources.files("severally.feedback") / "bounces" / name
    return tomllib.loads(file.read_text("utf-8"))
