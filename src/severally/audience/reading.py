"""A CSV file as checked rows, streaming: each row is good, or bad with all its reasons.

Responsible for what a row must be. Not for duplicates (they need the whole file: `importing`)
nor for where the rows go.
"""

from __future__ import annotations

import csv
import functools
import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from severally.model.address import Address, AddressError, parse_address
from severally.model.errors import Finding, Refused
from severally.model.notice import ValueType, Variable
from severally.model.recipient import Recipient
from severally.model.values import ValueRefused, parse_value, refuse_unlisted

_OPTIONAL = ("locale", "timezone")
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Spec(msgspec.Struct, frozen=True):
    """How to read a file. `columns` maps our names to the file's headings; `variables` are
    those that need a column of their own; links in values lead to `link_hosts` alone."""

    variables: tuple[Variable, ...] = ()
    delimiter: str = ","
    columns: dict[str, str] = {}
    default_locale: str = "en"
    default_timezone: str = "UTC"
    link_hosts: tuple[str, ...] = ()

    def heading(self, name: str) -> str:
        """What the file calls our column."""
        return self.columns.get(name, name)


@dataclass(frozen=True, slots=True)
class GoodRow:
    """`row` is the line where it begins; the heading is line 1. `defaulted`: a locale or
    time zone was left out, and the workspace's own stands for it."""

    row: int
    recipient: Recipient
    address: Address
    defaulted: bool = False


@dataclass(frozen=True, slots=True)
class BadRow:
    """Why it is rejected, and the fields as they stood. `id` is empty where it has none."""

    row: int
    reasons: tuple[str, ...]
    fields: tuple[str, ...]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading, understood: our column -> index; and the headings nobody asked for."""

    names: tuple[str, ...]
    index: Mapping[str, int]
    ignored: tuple[str, ...]


class Reader:
    """One pass over a file. `heading` is known at once; iterate for the rows.

    Raises Refused for what makes the file as a whole unreadable: its encoding, its quoting,
    its heading. The line is named.
    """

    def __init__(self, source: BinaryIO, spec: Spec, name: str) -> None:
        self._spec = spec
        self._name = name
        self._line = 0
        self._start = 1
        self._rows = csv.reader(self._lines(source), delimiter=spec.delimiter, strict=True)
        first = self._next()
        if first is None:
            raise self._refused(1, "the file is empty", "it needs a heading and rows")
        self.heading = self._heading(first)

    def __iter__(self) -> Iterator[GoodRow | BadRow]:
        while (fields := self._next()) is not None:
            yield self._row(self._start, fields)

    # --- lines

    def _lines(self, source: BinaryIO) -> Iterator[str]:
        for raw in source:
            self._line += 1
            if self._line == 1:
                raw = self._without_bom(raw)
            if b"\0" in raw:
                raise self._refused(
                    self._line, "a NUL byte", "the file is UTF-16 or damaged; save it as UTF-8"
                )
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError:
                raise self._refused(
                    self._line, "not UTF-8", "save the file with the encoding UTF-8"
                ) from None

    def _without_bom(self, raw: bytes) -> bytes:
        for bom, encoding in _BOMS.items():
            if raw.startswith(bom):
                raise self._refused(1, f"the file is {encoding}", "save it with the encoding UTF-8")
        return raw.removeprefix(b"\xef\xbb\xbf")

    def _next(self) -> list[str] | None:
        self._start = self._line + 1
        try:
            return next(self._rows, None)
        except csv.Error as error:
            text = str(error)
            if "unexpected end" in text:
                problem = "a quote that is opened here and never closed"
            elif "field larger" in text:
                problem = "a field of more than 128 KiB, perhaps an unclosed quote"
            else:
                problem = "quoting that cannot be read"
            raise self._refused(
                self._start, problem, "write a quote inside a quoted field twice"
            ) from None

    def _refused(self, line: int, problem: str, cure: str) -> Refused:
        return Refused(
            f"{self._name} cannot be read", [Finding(f"{self._name}:{line}", problem, cure)]
        )

    # --- heading and rows

    def _heading(self, first: Sequence[str]) -> Heading:
        names = tuple(name.strip() for name in first)
        spec = self._spec
        wanted = ["id", "email", *_OPTIONAL, *(v.name for v in spec.variables)]
        findings = [
            Finding(f"{self._name}:1", f"the heading {name!r} stands twice", "rename one of them")
            for name in sorted({n for n in names if n and names.count(n) > 1})
        ]
        for name in wanted:
            theirs = spec.heading(name)
            if theirs not in names and (name not in _OPTIONAL or name in spec.columns):
                have = ", ".join(names)
                cure = f"the file has: {have}. Map it in severally.toml: [audience] columns"
                if len(names) == 1 and spec.delimiter not in first[0]:
                    cure = f"nothing is separated by {spec.delimiter!r}: set [audience] delimiter"
                findings.append(
                    Finding(f"{self._name}:1", f"there is no column {theirs!r} ({name})", cure)
                )
        if findings:
            raise Refused(f"{self._name} does not fit", findings)
        index = {
            name: names.index(spec.heading(name)) for name in wanted if spec.heading(name) in names
        }
        used = set(index.values())
        ignored = tuple(name for i, name in enumerate(names) if i not in used)
        return Heading(names, index, ignored)

    def _row(self, row: int, fields: list[str]) -> GoodRow | BadRow:
        if not any(field.strip() for field in fields):
            return BadRow(row, ("blank row",), tuple(fields))
        if len(fields) != len(self.heading.names):
            reason = f"{len(fields)} fields where the heading has {len(self.heading.names)}"
            return BadRow(row, (reason,), tuple(fields))
        reasons: list[str] = []
        recipient, address = self._recipient(fields, reasons)
        if reasons or recipient is None or address is None:
            id_ = fields[self.heading.index["id"]].strip()
            return BadRow(row, tuple(reasons), tuple(fields), id_ if ID.fullmatch(id_) else "")
        return GoodRow(row, recipient, address, self._defaulted(fields))

    def _recipient(
        self, fields: Sequence[str], reasons: list[str]
    ) -> tuple[Recipient | None, Address | None]:
        index, spec = self.heading.index, self._spec
        id_ = fields[index["id"]].strip()
        if ID.fullmatch(id_) is None:
            reasons.append("id: 1 to 64 of A-Z a-z 0-9 . _ - are needed")
        address: Address | None = None
        try:
            address = parse_address(fields[index["email"]].strip(" "))
        except AddressError as error:
            reasons.append(f"email: {error}")
        locale = self._optional(fields, "locale", spec.default_locale, canonical_locale, reasons)
        zone = self._optional(fields, "timezone", spec.default_timezone, known_zone, reasons)
        values: dict[str, str] = {}
        for variable in spec.variables:
            if variable.optional and not fields[index[variable.name]].strip():
                continue
            try:
                values[variable.name] = self._value(variable, fields[index[variable.name]])
            except ValueRefused as error:
                reasons.append(f"{variable.name}: {error}")
        if address is None or locale is None or zone is None:
            return None, address
        return Recipient(id_, str(address), locale, zone, values), address

    def _value(self, variable: Variable, text: str) -> str:
        value = parse_value(variable.type, text)
        if variable.type is ValueType.URL:
            refuse_unlisted(value, self._spec.link_hosts)
        return value

    def _defaulted(self, fields: Sequence[str]) -> bool:
        index = self.heading.index
        return not all(name in index and fields[index[name]].strip() for name in _OPTIONAL)

    def _optional(
        self,
        fields: Sequence[str],
        name: str,
        default: str,
        read: functools._lru_cache_wrapper[str | None],
        reasons: list[str],
    ) -> str | None:
        at = self.heading.index.get(name)
        text = fields[at].strip() if at is not None else ""
        value = read(text or default)
        if value is None:
            reasons.append(f"{name}: not known ({_SHAPES[name]})")
        return value


_SHAPES = {
    "locale": "BCP 47, for example de or pt-BR",
    "timezone": "an IANA name, for example Europe/Berlin",
}


@functools.lru_cache(maxsize=4096)
def canonical_locale(text: str) -> str | None:
    """`PT_br` as `pt-BR`; None where it is no locale (BCP 47: language, script, region)."""
    match = _LOCALE.fullmatch(text)
    if match is None:
        return None
    language, script, region = match[1].lower(), match[2], match[3]
    parts = [language, *([script.title()] if script else []), *([region.upper()] if region else [])]
    return "-".join(parts)


@functools.lru_cache(maxsize=4096)
def known_zone(text: str) -> str | None:
    """The IANA zone, or None."""
    try:
        return zoneinfo.ZoneInfo(text).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def only_good(rows: Iterable[GoodRow | BadRow]) -> Iterator[GoodRow]:
    """The good ones."""
    return (row for row in rows if isinstance(row, GoodRow))
