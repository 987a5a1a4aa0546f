"""How a locale writes numbers, amounts and dates: plain data, and the fast way to apply it.

The data is taken from CLDR when a notice is compiled (`notice.cldr`) and frozen with it, so
that what a recipient reads does not change with a library. Digits are Latin everywhere.
"""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo

import msgspec

from severally.model.notice import ValueType

NBSP = "\u00a0"
RLM = "\u200f"


class LocaleFormat(msgspec.Struct, frozen=True):
    """One locale's conventions.

    `grouping` is (size of the first group, size of the further ones), `least_grouped` how many
    digits must stand before the first separator. `money` is a pattern with `{n}` and `{c}`,
    `symbols` currency code -> sign. `date` and `time` are token lists: a string of one repeated
    field letter (`d`, `dd`, `MMMM`, `y`, `HH`, `h`, `mm`, `a`) or a literal prefixed by `'`.
    `datetime` is a pattern with `{date}` and `{time}`. `currency_digits`: how many decimals an
    amount has at least, where the currency has any.
    """

    locale: str
    decimal: str = "."
    group: str = ","
    minus: str = "-"
    grouping: tuple[int, int] = (3, 3)
    least_grouped: int = 1
    money: str = "{n} {c}"
    symbols: dict[str, str] = {}
    currency_digits: dict[str, int] = {}
    months: tuple[str, ...] = ()
    months_short: tuple[str, ...] = ()
    day_halves: tuple[str, str] = ("AM", "PM")
    date: tuple[str, ...] = ("y", "'-", "MM", "'-", "dd")
    time: tuple[str, ...] = ("HH", "':", "mm")
    datetime: str = "{date} {time}"


def show(type: ValueType, text: str, fmt: LocaleFormat, timezone: str) -> str:
    """A canonical value (`model.values`) as this locale writes it.

    `timezone` is the recipient's IANA zone; a moment is shown in it, with its abbreviation.
    Amounts keep the decimals they came with: 0.0001 BTC is never 0,00 BTC.
    """
    match type:
        case ValueType.INTEGER | ValueType.DECIMAL:
            return number(text, fmt)
        case ValueType.MONEY:
            return money(text, fmt)
        case ValueType.DATE:
            return _shown_date(text, _Key(fmt))
        case ValueType.DATETIME:
            return _shown_datetime(text, timezone, _Key(fmt))
        case _:
            return text


def number(text: str, fmt: LocaleFormat) -> str:
    """`-1234567.50` grouped and with this locale's signs."""
    sign = ""
    if text[0] == "-":
        sign, text = fmt.minus, text[1:]
    whole, dot, fraction = text.partition(".")
    first, further = fmt.grouping
    if first and len(whole) >= first + fmt.least_grouped:
        groups = [whole[-first:]]
        whole = whole[:-first]
        while len(whole) > further:
            groups.append(whole[-further:])
            whole = whole[:-further]
        groups.append(whole)
        groups.reverse()
        whole = fmt.group.join(groups)
    return f"{sign}{whole}{fmt.decimal}{fraction}" if dot else f"{sign}{whole}"


def money(text: str, fmt: LocaleFormat) -> str:
    """`1234.56 USD` with the currency's sign, or its code where it has none of its own.

    `12.5 USD` gets the second decimal its readers expect; no decimal is ever taken away, and
    crypto assets, which have no such custom, keep exactly those they came with.
    """
    amount, _, code = text.partition(" ")
    least = fmt.currency_digits.get(code, 0)
    if least:
        dot = amount.find(".")
        written = len(amount) - dot - 1 if dot >= 0 else 0
        if written < least:
            amount += ("" if dot >= 0 else ".") + "0" * (least - written)
    negative = amount[0] == "-"
    shown = number(amount[1:] if negative else amount, fmt)
    pattern = fmt.money
    sign = fmt.symbols.get(code, code)
    if sign[-1].isalpha() and pattern.startswith("{c}{n}"):
        sign += NBSP  # CLDR currencySpacing: a letter never touches a digit
    elif sign[0].isalpha() and pattern.endswith("{n}{c}"):
        sign = NBSP + sign
    if negative and pattern[0] == RLM:
        # the locale's minus turns what follows to the left; the sign stays on its side
        return pattern.replace("{n}", f"{fmt.minus}{shown}{RLM}").replace("{c}", sign)
    shown = pattern.replace("{n}", shown).replace("{c}", sign)
    return fmt.minus + shown if negative else shown


class _Key:
    """A format as a cache key: formats are few and live as long as their mailing."""

    __slots__ = ("fmt", "hash")

    def __init__(self, fmt: LocaleFormat) -> None:
        self.fmt = fmt
        self.hash = hash((fmt.locale, fmt.date, fmt.time))

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and (self.fmt is other.fmt or self.fmt == other.fmt)


@functools.lru_cache(maxsize=4096)
def _shown_date(text: str, key: _Key) -> str:
    moment = dt.datetime.fromisoformat(text)
    return _fields(moment, key.fmt.date, key.fmt)


@functools.lru_cache(maxsize=16384)
def _shown_datetime(text: str, timezone: str, key: _Key) -> str:
    fmt = key.fmt
    moment = dt.datetime.fromisoformat(text).astimezone(zoneinfo.ZoneInfo(timezone))
    shown = fmt.datetime.replace("{date}", _fields(moment, fmt.date, fmt)).replace(
        "{time}", _fields(moment, fmt.time, fmt)
    )
    return f"{shown} {zone_name(moment)}"


def zone_name(moment: dt.datetime) -> str:
    """`UTC`, `CET`, or `UTC+3` where the zone has no abbreviation of its own."""
    name = moment.tzname() or "UTC"
    if name[0] not in "+-":
        return name
    sign, digits = name[0], name[1:]
    hours, minutes = int(digits[:2]), digits[2:4]
    return f"UTC{sign}{hours}:{minutes}" if minutes and minutes != "00" else f"UTC{sign}{hours}"


def _fields(moment: dt.datetime, tokens: tuple[str, ...], fmt: LocaleFormat) -> str:
    return "".join(_field(moment, token, fmt) for token in tokens)


def _field(moment: dt.datetime, token: str, fmt: LocaleFormat) -> str:
    letter, width = token[0], len(token)
    match letter:
        case "'":
            return token[1:]
        case "y":
            return str(moment.year)
        case "M" | "L":
            if width >= 4:
                return fmt.months[moment.month - 1]
            if width == 3:
                return fmt.months_short[moment.month - 1]
            return str(moment.month).zfill(width)
        case "d":
            return str(moment.day).zfill(width)
        case "H":
            return str(moment.hour).zfill(width)
        case "h":
            return str(moment.hour % 12 or 12).zfill(width)
        case "m":
            return str(moment.minute).zfill(width)
        case "a" | "b" | "B":
            return fmt.day_halves[moment.hour >= 12]
    raise ValueError(f"no such field: {token!r}")
