"""An audience's worst cases for the look of a notice, found by reading all of it once.

Responsible for who is worth a preview and why. It names cases and ids, never values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from severally.audience.reading import BadRow, GoodRow
from severally.model.formats import LocaleFormat, show
from severally.model.languages import Step, negotiate
from severally.model.mailing import Frozen
from severally.model.notice import ValueType
from severally.model.recipient import Recipient

_AMOUNTS = (ValueType.MONEY, ValueType.DECIMAL, ValueType.INTEGER)
_STEPS = list(Step)


@dataclass(frozen=True, slots=True)
class Worst:
    """`case`: longest-name, longest-text, longest-amount, right-to-left-name, missing-value or
    farthest-fallback. `why` says it without a value."""

    case: str
    why: str
    recipient: Recipient


def worst_cases(rows: Iterable[GoodRow | BadRow], frozen: Frozen) -> list[Worst]:
    """One recipient for each case that the audience has; the first of equals."""
    search = _Search(frozen)
    best: dict[str, tuple[int, Worst]] = {}
    for row in rows:
        if isinstance(row, BadRow):
            continue
        for case, measure in search.measures.items():
            size, why = measure(row)
            if size > best.get(case, (0, None))[0]:
                best[case] = (size, Worst(case, why, row.recipient))
    return [best[case][1] for case in search.measures if case in best]


Measure = Callable[[GoodRow], tuple[int, str]]


class _Search:
    def __init__(self, frozen: Frozen) -> None:
        self._notice = frozen.notice
        self._formats = {locale: each.format for locale, each in frozen.stencils.items()}
        self._rtl = {tag for tag, each in frozen.stencils.items() if each.direction == "rtl"}
        own = [variable for variable in frozen.notice.variables if variable.value is None]
        self._texts = [v.name for v in own if v.type is ValueType.TEXT]
        self._names = [name for name in self._texts if "name" in name] or self._texts
        self._others = [name for name in self._texts if name not in self._names]
        self._optional = [v.name for v in own if v.optional]
        self._amounts = {v.name: v.type for v in own if v.type in _AMOUNTS}
        self.measures: Mapping[str, Measure] = {
            "longest-name": lambda row: _longest(row, self._names),
            "longest-text": lambda row: _longest(row, self._others),
            "longest-amount": self._long_amount,
            "right-to-left-name": self._rtl_name,
            "missing-value": self._missing,
            "farthest-fallback": self._fallback,
        }

    def _long_amount(self, row: GoodRow) -> tuple[int, str]:
        person = row.recipient
        fmt = self._format(person)
        shown = (
            (len(show(type, person.values[name], fmt, person.timezone)), name)
            for name, type in self._amounts.items()
            if name in person.values
        )
        long, name = max(shown, default=(0, ""))
        return long, f"{name} has {long} characters"

    def _rtl_name(self, row: GoodRow) -> tuple[int, str]:
        """Hardest in a text that runs the other way."""
        values = row.recipient.values
        name = next((n for n in self._texts if _is_rtl(values.get(n, ""))), "")
        if not name:
            return 0, ""
        other = self._locale(row.recipient)[0] not in self._rtl
        return 1 + other, f"{name} is written from the right" + (
            ", the text from the left" if other else ""
        )

    def _missing(self, row: GoodRow) -> tuple[int, str]:
        """The most values; with as many, locale and time zone too."""
        missing = [name for name in self._optional if name not in row.recipient.values]
        why = [f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"]
        if row.defaulted:
            why.append("locale or time zone is missing: the workspace's own is taken")
        return 2 * len(missing) + row.defaulted, "; ".join(why if missing else why[1:])

    def _fallback(self, row: GoodRow) -> tuple[int, str]:
        locale, step = self._locale(row.recipient)
        return _STEPS.index(step), f"asked for {row.recipient.locale}, reads {locale} ({step})"

    def _locale(self, person: Recipient) -> tuple[str, Step]:
        notice = self._notice
        return negotiate(person.locale, self._formats.keys(), notice.source_locale, notice.fallback)

    def _format(self, person: Recipient) -> LocaleFormat:
        return self._formats[self._locale(person)[0]]


def _longest(row: GoodRow, names: Iterable[str]) -> tuple[int, str]:
    values = row.recipient.values
    there = ((_wide(values[name]), name) for name in names if name in values)
    wide, name = max(there, default=(0, ""))
    return wide, f"{name} is {wide} columns wide"


def _wide(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _is_rtl(text: str) -> bool:
    if text.isascii():
        return False
    return any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)
