"""A locale's conventions from CLDR (through Babel), as the plain data that is frozen."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_precision

from severally.model.choices import Rules, category
from severally.model.formats import LocaleFormat

_NUMBER = re.compile(r"[#0][#0,.]*")
_FIELDS = re.compile(r"'([^']*)'|([a-zA-Z])\2*|([^'a-zA-Z]+)")
_KNOWN = frozenset("yMLdHhmab")
_NARROW, _NBSP = "\u202f", "\u00a0"
_ISO_DATE = ("y", "'-", "MM", "'-", "dd")


def locale_exists(tag: str) -> bool:
    """Whether CLDR knows this BCP 47 tag."""
    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True


def direction(tag: str) -> str:
    """`ltr` or `rtl`."""
    return str(Locale.parse(tag, sep="-").text_direction)


@functools.lru_cache(maxsize=256)
def locale_format(tag: str) -> LocaleFormat:
    """Long dates, short times, standard currency pattern, Latin digits.

    CLDR's narrow no-break space (`8:14 AM`, `1 234`) is an ordinary one here: spam filters take
    it for an invisible character (Rspamd's bad_unicode, with a Bitcoin address 7 points of 6).
    """
    locale: Any = Locale.parse(tag, sep="-")
    symbols = locale.number_symbols
    symbols = symbols.get("latn", symbols)
    grouping = locale.decimal_formats[None].grouping
    months = locale.months["format"]
    halves = _halves(locale.day_periods["format"])
    return LocaleFormat(
        tag,
        symbols["decimal"],
        symbols["group"].replace(_NARROW, _NBSP),
        symbols["minusSign"],
        (grouping[0], grouping[1]),
        1,
        _money(locale.currency_formats["standard"].pattern),
        _signs(locale.currency_symbols, direction(tag) == "rtl"),
        {code: digits for code in locale.currencies if (digits := get_currency_precision(code))},
        tuple(months["wide"][month] for month in range(1, 13)),
        tuple(months["abbreviated"][month] for month in range(1, 13)),
        (halves["am"], halves["pm"]),
        _tokens(locale.date_formats["long"].pattern) or _ISO_DATE,
        _tokens(locale.time_formats["short"].pattern) or ("HH", "':", "mm"),
        _joined(str(locale.datetime_formats["long"])),
    )


def _money(pattern: str) -> str:
    positive = pattern.split(";")[0].replace(_NARROW, _NBSP)
    return _NUMBER.sub("{n}", positive, count=1).replace("\u00a4", "{c}")


def _halves(periods: Mapping[str, Any]) -> Mapping[str, str]:
    """Of the day, abbreviated; where that is the Latin AM and PM and the language has words of
    its own (Korean), those."""
    short, wide = periods["abbreviated"], periods["wide"]
    latin = short["am"].isascii() and not wide.get("am", "").isascii()
    return wide if latin else short  # type: ignore[no-any-return]


def _signs(symbols: Mapping[str, str], rtl: bool) -> dict[str, str]:
    """Signs that differ from the code. In a text from the right `US$` would read `$US`: the
    dollar has no direction of its own, so a mark (LRM) keeps it with its letters."""
    return {
        code: f"{sign}\u200e" if rtl and sign[0].isascii() and sign[0].isalpha() else sign
        for code, sign in symbols.items()
        if sign != code
    }


def _joined(pattern: str) -> str:
    plain = re.sub(r"'([^']*)'", r"\1", pattern).replace(_NARROW, _NBSP)
    return plain.replace("{1}", "{date}").replace("{0}", "{time}")


def _tokens(pattern: str) -> tuple[str, ...]:
    """Fields and literals; empty where a field is not known (another calendar's era)."""
    tokens: list[str] = []
    for match in _FIELDS.finditer(pattern.replace(_NARROW, _NBSP)):
        if match[2] is not None:
            if match[2] not in _KNOWN:
                return ()
            tokens.append(match[0])
        else:
            tokens.append("'" + (match[1] if match[1] is not None else match[3]))
    return tuple(tokens)


@functools.lru_cache(maxsize=512)
def plural_rules(tag: str, ordinal: bool = False) -> Rules:
    """(category, condition) of a language, in a fixed order, without `other`."""
    locale: Any = Locale.parse(tag, sep="-")
    form = locale.ordinal_form if ordinal else locale.plural_form
    return tuple(sorted(form.rules.items()))


@functools.lru_cache(maxsize=512)
def plural_samples(tag: str, ordinal: bool, fractions: bool) -> Mapping[str, tuple[str, ...]]:
    """The categories that numbers up to a thousand fall into, each with its numbers in order.

    Categories of round millions (Spanish, French) are not here: nobody has to write them.
    """
    rules = plural_rules(tag, ordinal)
    numbers = [str(n) for n in range(1_001)]
    if fractions:
        numbers += [f"{whole}.{part}" for whole in (0, 1, 2, 5, 10) for part in (0, 1, 5, 25)]
    found: dict[str, list[str]] = {}
    for number in numbers:
        found.setdefault(category(number, rules), []).append(number)
    return {name: tuple(those) for name, those in found.items()}
