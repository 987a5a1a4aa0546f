"""Strict reading of a TOML file: every unknown key and wrong type named, with its line.

Responsible for turning tables into structs and mistakes into findings. Not for what the
tables mean.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from severally.model.errors import Finding, UsageError

S = TypeVar("S", bound=msgspec.Struct)

_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*=""")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SECRETS = frozenset({"password", "secret", "api_key", "token", "data_key", "index_key"})


class TomlFile:
    """One parsed file; collects findings while its tables are read."""

    def __init__(self, path: Path, shown: str) -> None:
        self.shown = shown
        self.findings: list[Finding] = []
        try:
            text = path.read_text("utf-8-sig")
        except FileNotFoundError:
            raise UsageError(f"{path}: there is no such file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {_plain(error)}") from None
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"line (\d+)", str(error))
            line = at[1] if at else text.count("\n") + 1
            raise UsageError(f"{shown}:{line}: not valid TOML: {error}") from None
        self._lines = _line_numbers(text)

    def where(self, path: str) -> str:
        """`severally.toml:12 (routes.main.port)`, as near as the line can be told."""
        at: int | None = None
        part = path
        while part and at is None:
            at = self._lines.get(part)
            part = part.rpartition(".")[0]
        place = f"{self.shown}:{at or 1}"
        return f"{place} ({path})" if path else place

    def problem(self, path: str, problem: str, cure: str = "") -> None:
        """One more thing that is wrong with the file."""
        self.findings.append(Finding(self.where(path), problem, cure))

    def sections(self, known: Iterable[str]) -> None:
        """Find top-level tables nobody reads."""
        for name in self.data:
            if name not in known:
                self.problem(name, f"there is no section [{name}]", _nearest(name, known))

    def table(self, path: str, raw: object, form: type[S], ignore: Iterable[str] = ()) -> S | None:
        """The struct a table stands for, or None where it had findings."""
        if not isinstance(raw, dict):
            self.problem(path, "must be a table", f"write [{path}] and its settings below it")
            return None
        fields = {field.encode_name: field for field in msgspec.structs.fields(form)}
        before = len(self.findings)
        for key, value in raw.items():
            if key in ignore:
                continue
            if key in fields:
                self._typed(f"{path}.{key}", value, fields[key].type)
            else:
                self._unknown(f"{path}.{key}", key, fields)
        for name, field in fields.items():
            if field.required and name not in raw:
                self.problem(path, f"{name} is missing", f'write {name} = "…" under [{path}]')
        if len(self.findings) > before:
            return None
        kept = {key: value for key, value in raw.items() if key not in ignore}
        return msgspec.convert(kept, form, strict=True)

    def duration(self, path: str, text: str) -> float:
        """Seconds of `90s`, `15m`, `4h` or `3d`; anything else is a finding."""
        match = _DURATION.fullmatch(text)
        if match is None or float(match[1]) == 0:
            cure = "write for example 90s, 15m, 4h, 3d"
            self.problem(path, f"{text!r} is no length of time", cure)
            return 1.0
        return float(match[1]) * _SECONDS[match[2]]

    def raise_findings(self) -> None:
        """All of them at once. Raises UsageError where there are any."""
        if self.findings:
            lines = "\n".join(f"  {finding}" for finding in self.findings)
            count = len(self.findings)
            things = "one mistake" if count == 1 else f"{count} mistakes"
            raise UsageError(f"{self.shown} has {things}:\n{lines}")

    def _typed(self, path: str, value: object, form: Any) -> None:
        try:
            msgspec.convert(value, form, strict=True)
        except msgspec.ValidationError as error:
            self.problem(path, _reason(str(error)))

    def _unknown(self, path: str, key: str, known: Iterable[str]) -> None:
        if key in _SECRETS:
            cure = (
                "put it into a file of its own (mode 0600) and name it with password_file, "
                "or into an environment variable and name it with password_env"
            )
            self.problem(path, "secrets do not belong into this file", cure)
        else:
            self.problem(path, "there is no such setting", _nearest(key, known))


def named_tables(file: TomlFile, section: str) -> Mapping[str, object]:
    """The tables of `[section.NAME]`, by name."""
    raw = file.data.get(section, {})
    if isinstance(raw, dict):
        return raw
    file.problem(section, "must be tables with names", f"write [{section}.NAME]")
    return {}


def _line_numbers(text: str) -> dict[str, int]:
    """Dotted path to line number, for headers and the keys under them."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = header[1].replace('"', "").replace(" ", "")
            for depth in range(section.count(".") + 1, 0, -1):
                found.setdefault(".".join(section.split(".")[:depth]), number)
        elif key := _KEY.match(line):
            name = key[1] or key[2] or key[3]
            found.setdefault(f"{section}.{name}" if section else name, number)
    return found


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"


def _reason(text: str) -> str:
    """msgspec's words in ours: `must be a whole number, not text`."""
    said, _, place = text.partition(" - at `$")
    inside = f" (in entry {place.rstrip('`')})" if place else ""
    if kinds := _KINDS.fullmatch(said):
        return f"must be {_kind(kinds[1])}, not {_kind(kinds[2])}{inside}"
    reason = said.replace("`", "")
    return reason[:1].lower() + reason[1:] + inside


def _kind(names: str) -> str:
    return " or ".join(_KIND.get(name, name) for name in names.split(" | ") if name != "null")


_KINDS = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_KIND = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def _plain(error: Exception) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "it is not UTF-8"
