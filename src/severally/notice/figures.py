"""Numbers and dates that stand in a text, read as a person of that locale reads them.

Responsible for saying that a translation names another number or day than its source. What is
spelt out in words (`six`) is not read; where a translation writes such a word in digits, the
source language's words up to twelve are known for the languages below.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel import Locale

_SPACES = "\u00a0\u202f\u2009 '\u2019"
_NUMBER = re.compile(rf"\d+(?:[.,\u066b\u066c{_SPACES}]\d+)*")
_BIG = {"万": 4, "萬": 4, "만": 4, "億": 8, "亿": 8, "억": 8, "兆": 12, "조": 12}
_MIXED = re.compile(r"(\d+)[万萬만]\s?(\d{1,4})(?!\d)")
_CJK_DATE = re.compile(r"(?:(\d{4})\s?[年년]\s?)?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일号號]")
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_CLOCK = re.compile(r"\b([01]?\d|2[0-3])[:.h]([0-5]\d)\b(?:\s?([ap])\.?\s?m\b\.?)?", re.IGNORECASE)
_HALF_CLOCK = re.compile(r"\b(1[0-2]|[1-9])\s?([ap])\.?\s?m\b\.?", re.IGNORECASE)
_WORDS = {
    "en": "one two three four five six seven eight nine ten eleven twelve",
    "de": "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "fr": "un deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "un dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "pt": "um dois três quatro cinco seis sete oito nove dez onze doze",
    "it": "un due tre quattro cinque sei sette otto nove dieci undici dodici",
    "tr": "bir iki üç dört beş altı yedi sekiz dokuz on onbir oniki",
    "ru": "од дв тр четыр пят шест сем вос девят десят одиннадцат двенадцат",
    "zh": "一 二 三 四 五 六 七 八 九 十 十一 十二",
    "ja": "一 二 三 四 五 六 七 八 九 十 十一 十二",
}
"""Beginnings of the words for one to twelve."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, day or time of day as it was `written`, and every value it can have."""

    written: str
    values: frozenset[str]


def changed(source: str, source_locale: str, text: str, locale: str) -> list[str]:
    """What a translation changed, in words; empty where every figure is the source's."""
    wanted = list(_figures(source, source_locale))
    found = list(_figures(text, locale))
    for figure in list(wanted):
        same = next((each for each in found if each.values & figure.values), None)
        if same is not None:
            wanted.remove(figure)
            found.remove(same)
    spelt = _spelt(source, source_locale)
    found = [figure for figure in found if not figure.values & spelt]
    problems = [
        f"the source says {figure.written!r}, the translation {other.written!r}"
        for figure, other in zip(wanted, found, strict=False)
    ]
    shared = min(len(wanted), len(found))
    problems += [f"the source's {figure.written!r} is lost" for figure in wanted[shared:]]
    problems += [f"{figure.written!r} is not in the source" for figure in found[shared:]]
    return problems


def _spelt(source: str, locale: str) -> frozenset[str]:
    """The numbers that the source names in words."""
    words = _WORDS.get(locale.split("-")[0])
    if words is None:
        return frozenset(str(number) for number in range(1, 13))
    lower = source.lower()
    bounded = locale.split("-")[0] not in ("zh", "ja")
    return frozenset(
        str(number)
        for number, word in enumerate(words.split(), 1)
        if re.search((r"\b" if bounded else "") + re.escape(word), lower)
    )


def _figures(text: str, locale: str) -> Iterator[Figure]:
    """Days first, then times, then what is left of the digits."""
    text = _plain_digits(text)
    for pattern, reader in _readers(locale):
        for match in pattern.finditer(text):
            yield Figure(match[0].strip(), reader(match))
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    decimal, group = _signs(locale)
    for match in _NUMBER.finditer(text):
        following = text[match.end() :].lstrip()[:1]
        yield from _numbers(match[0], decimal, group, _BIG.get(following, 0))


def _plain_digits(text: str) -> str:
    """Digits of any script as ASCII; nothing else changes its place."""
    return "".join(
        str(unicodedata.digit(char)) if char.isdigit() and not char.isascii() else char
        for char in text
    )


@functools.lru_cache(maxsize=64)
def _signs(tag: str) -> tuple[str, str]:
    locale: Any = Locale.parse(tag, sep="-")
    symbols = locale.number_symbols.get("latn", locale.number_symbols)
    return symbols["decimal"], symbols["group"]


def _numbers(written: str, decimal: str, group: str, big: int) -> Iterator[Figure]:
    """One number, or several where what stands between them groups nothing."""
    for part in _split(written):
        plain = part
        for sign in (group, "\u066c", *(_SPACES if group in _SPACES or group == "." else "")):
            plain = re.sub(rf"(?<=\d){re.escape(sign)}(?=\d{{3}}(?!\d))", "", plain)
        plain = plain.replace(decimal, ".").replace("\u066b", ".").replace(",", ".")
        head, *rest = re.split(r"[^\d]", plain)
        value = Decimal(".".join([head, rest[0]]) if len(rest) == 1 else "".join([head, *rest]))
        yield Figure(part, frozenset({_canonical(value.scaleb(big)), _canonical(value)}))


def _split(written: str) -> list[str]:
    """`10 000` is one number, `30 12` two; `1.2.3` is a version and stays whole."""
    spaces = re.compile(rf"(?<=\d)[{_SPACES}](?!\d{{3}}(?!\d))")
    return [part for part in spaces.split(written) if part]


def _canonical(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- days and times


Reader = Callable[[re.Match[str]], frozenset[str]]


@functools.lru_cache(maxsize=64)
def _readers(tag: str) -> Sequence[tuple[re.Pattern[str], Reader]]:
    names = _months(tag)
    month = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    of = r"(?:\s?(?:de|of|del)\s?|\s)"

    worded = re.compile(
        rf"(?:\b(?P<d>\d{{1,2}})(?:\.|º|er|st|nd|rd|th)?{of}(?P<m>{month})\b\.?,?"
        rf"(?:{of}(?P<y>\d{{4}}))?)"
        rf"|(?:\b(?P<m2>{month})\.?\s(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<y2>\d{{4}}))?)",
        re.IGNORECASE,
    )

    def either(match: re.Match[str]) -> frozenset[str]:
        name = (match["m"] or match["m2"]).lower()
        return _day(match["y"] or match["y2"], names[name], match["d"] or match["d2"])

    return (
        (_ISO_DATE, lambda m: _day(m[1], int(m[2]), m[3])),
        (_CJK_DATE, lambda m: _day(m[1], int(m[2]), m[3])),
        (_MIXED, lambda m: frozenset({str(int(m[1]) * 10_000 + int(m[2]))})),
        (worded, either),
        (_CLOCK, lambda m: _time(int(m[1]), int(m[2]), m[3])),
        (_HALF_CLOCK, lambda m: _time(int(m[1]), 0, m[2])),
    )


@functools.lru_cache(maxsize=64)
def _months(tag: str) -> dict[str, int]:
    """Every name of a month, lower case; bare numbers are no names."""
    locale: Any = Locale.parse(tag, sep="-")
    return {
        name.lower().rstrip("."): number
        for context in ("format", "stand-alone")
        for width in ("wide", "abbreviated")
        for number, name in locale.months[context][width].items()
        if not any(char.isdigit() for char in name)
    } or {"\0": 0}


def _day(year: str | None, month: int, day: str) -> frozenset[str]:
    return frozenset({f"{year or ''}-{month}-{int(day)}"})


def _time(hour: int, minute: int, half: str | None) -> frozenset[str]:
    """`2 pm` is also 14 where a language writes no minutes; without a half it may be either."""
    if half is not None:
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    values = {f"{hour}:{minute:02}", f"{hour}.{minute:02}".rstrip("0").rstrip(".")}
    if minute:
        values.add(_canonical(Decimal(f"{hour}.{minute:02}")))
    return frozenset(values)
