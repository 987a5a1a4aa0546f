"""Why somebody gets a service or security notice: its own block `{#why}`, or a line of ours.

Marketing says how to get no more of it instead, and cannot be composed without.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

from severally.model.languages import Step, negotiate
from severally.model.notice import Kind
from severally.notice.inline import Inline, Span
from severally.notice.source import Block
from severally.notice.writing import Filled

BLOCK = "why"
_SOURCE = "en"


@functools.cache
def _words() -> Mapping[str, Mapping[str, str]]:
    file = resources.files("severally.notice") / "why.toml"
    return tomllib.loads(file.read_text("utf-8"))


def lacks_reason(kind: Kind, blocks: Sequence[Block]) -> bool:
    """Whether a line of ours has to say why."""
    own = any(block.segment is not None and block.segment.id == BLOCK for block in blocks)
    return kind is not Kind.MARKETING and not own


def unspoken(locales: Sequence[str]) -> list[str]:
    """Those of the locales in which we have no words: they read the line in English."""
    words = _words()
    return [each for each in locales if negotiate(each, words, _SOURCE, {})[1] is Step.SOURCE]


def reason(kind: Kind, locale: str, blocks: Sequence[Block]) -> Iterator[Filled]:
    """The line in this language, in the small print: after a rule, which is there or is added."""
    if not _ends_in_small_print(blocks):
        yield Block("rule"), None
    words = _words()
    said = words[negotiate(locale, words, _SOURCE, {})[0]][kind.value]
    yield Block("paragraph"), Inline([Span("text", said)], words=said)


def _ends_in_small_print(blocks: Sequence[Block]) -> bool:
    kinds = [block.kind for block in blocks]
    while kinds and kinds[-1] == "paragraph":
        kinds.pop()
    return bool(kinds) and kinds[-1] == "rule"
