"""Which of a notice's languages somebody reads: BCP 47 lookup with CLDR's knowledge, never silent.

Responsible for the choice and for the name of the step that made it, so that a plan can say
how many people read what, and why. Scripts are never crossed: `zh-Hant` is not `zh-Hans`.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from babel.core import get_global

ANYBODY = "*"
"""The fallback of everybody who has no other."""


class Step(StrEnum):
    """How a language was found, best first."""

    EXACT = "exact"
    """The notice has what was asked for."""
    BROADER = "broader"
    """Less of it, or CLDR's parent: `zh-Hant-HK` reads `zh-Hant`, `pt-AO` reads `pt-PT`."""
    RELATED = "related"
    """The same language and script of another region: `pt` reads `pt-BR`."""
    DECLARED = "declared"
    """What notice.toml says under `[fallback]`."""
    SOURCE = "source"
    """The source language, because nothing else is there and nobody declared anything."""


def pick_locale(
    wanted: str, available: Collection[str], source: str, fallback: Mapping[str, str]
) -> str:
    """The locale that a recipient who asked for `wanted` reads."""
    return wanted if wanted in available else negotiate(wanted, available, source, fallback)[0]


def negotiate(
    wanted: str, available: Collection[str], source: str, fallback: Mapping[str, str]
) -> tuple[str, Step]:
    """The locale, and the step that found it. `fallback` maps locales or `*` to available ones."""
    if wanted in available:
        return wanted, Step.EXACT
    return _negotiated(wanted, tuple(available), source, tuple(fallback.items()))


@functools.lru_cache(maxsize=4096)
def _negotiated(
    wanted: str, available: tuple[str, ...], source: str, declared: tuple[tuple[str, str], ...]
) -> tuple[str, Step]:
    fallback = dict(declared)
    for tag in _chain(wanted):
        if tag in available:
            return tag, Step.BROADER
        if tag in fallback:
            return fallback[tag], Step.DECLARED
    same = [tag for tag in available if _written(tag) == _written(wanted)]
    if same:
        home = _maximal("-".join(_written(wanted)))
        return next((tag for tag in same if _maximal(tag) == home), same[0]), Step.RELATED
    if ANYBODY in fallback:
        return fallback[ANYBODY], Step.DECLARED
    return source, Step.SOURCE


def _chain(wanted: str) -> Iterator[str]:
    """The tag and its parents, with and without the script it implies, in its own script."""
    seen: set[str] = set()
    for start in (wanted, "-".join(_maximal(wanted))):
        tag = start
        while tag and tag not in seen:
            seen.add(tag)
            if _written(tag) == _written(wanted):
                yield tag
            tag = _parent(tag)


def _parent(tag: str) -> str:
    exceptions: Mapping[str, str] = get_global("parent_exceptions")
    parent = exceptions.get(tag.replace("-", "_"), "")
    return parent.replace("_", "-") if parent not in ("", "root") else tag.rpartition("-")[0]


def _written(tag: str) -> tuple[str, str]:
    """Language and script."""
    language, script, _ = _maximal(tag)
    return language, script


@functools.lru_cache(maxsize=4096)
def _maximal(tag: str) -> tuple[str, str, str]:
    """(language, script, region) with what the tag implies filled in (UTS #35, likely subtags)."""
    language, *rest = tag.split("-")
    script = next((part for part in rest if len(part) == 4 and part.isalpha()), "")
    region = next((part for part in rest if len(part) == 2 or part.isdigit()), "")
    likely: Mapping[str, str] = get_global("likely_subtags")
    for key in ((language, script, region), (language, region), (language, script), (language,)):
        found = likely.get("_".join(part for part in key if part))
        if found is not None:
            parts = found.split("_")
            return language, script or parts[1], region or parts[-1]
    return language, script, region
