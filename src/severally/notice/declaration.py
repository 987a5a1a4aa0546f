"""`notice.toml`: what a notice declares, read strictly."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from severally.model.errors import Finding, Refused
from severally.model.notice import Kind, SameAddress, ValueType, Variable
from severally.model.values import ValueRefused, parse_value, refuse_unlisted

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+|localhost")
RESERVED = frozenset({"id", "email", "locale", "timezone", "content", "title", "preheader"})


class _Variable(msgspec.Struct, forbid_unknown_fields=True):
    type: ValueType
    private: bool = False
    value: str | int | float | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    subject: str
    sender: str
    kind: Kind
    source_locale: str
    locales: list[str]
    preheader: str = ""
    link_hosts: list[str] = []
    layout: str = "default"
    same_address: SameAddress = SameAddress.ONCE
    event: str = ""
    variables: dict[str, _Variable] = {}


class Declaration(msgspec.Struct, frozen=True):
    """The file, checked. `lines` says where a key stands."""

    name: str
    title: str
    subject: str
    preheader: str
    sender: str
    kind: Kind
    source_locale: str
    locales: tuple[str, ...]
    link_hosts: tuple[str, ...]
    layout: str
    same_address: SameAddress
    variables: dict[str, Variable]
    file: str
    lines: dict[str, int]

    def where(self, key: str) -> str:
        """`notice.toml:12` for a key."""
        return f"{self.file}:{self.lines.get(key, 1)}"


def read_declaration(folder: Path, findings: list[Finding]) -> Declaration:
    """Problems of single settings are added to `findings`. Raises Refused where the file
    cannot be read at all."""
    path = folder / "notice.toml"
    shown = f"{folder.name}/notice.toml"
    try:
        text = path.read_text("utf-8")
        file = msgspec.convert(tomllib.loads(text), _File)
    except FileNotFoundError:
        raise Refused(
            f"there is no notice {folder.name!r}",
            [Finding(shown, "the file is missing", f"is it a folder below {folder.parent}?")],
        ) from None
    except UnicodeDecodeError:
        raise Refused("the notice cannot be read", [Finding(shown, "it is not UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise Refused("the notice cannot be read", [Finding(shown, f"not TOML: {error}")]) from None
    except msgspec.ValidationError as error:
        raise Refused("the notice cannot be read", [_invalid(shown, text, error)]) from None
    declaration = Declaration(
        folder.name,
        file.title,
        file.subject,
        file.preheader,
        file.sender,
        file.kind,
        file.source_locale,
        tuple(dict.fromkeys([file.source_locale, *file.locales])),
        tuple(host.lower() for host in file.link_hosts),
        file.layout,
        file.same_address,
        {},
        shown,
        _lines(text),
    )
    _check(declaration, file, findings)
    return declaration


def _check(declaration: Declaration, file: _File, findings: list[Finding]) -> None:
    for locale in declaration.locales:
        if _LOCALE.fullmatch(locale) is None:
            findings.append(
                Finding(
                    declaration.where("locales"),
                    f"{locale!r} is not a locale",
                    "write BCP 47, for example de, pt-BR or zh-Hans",
                )
            )
    for host in declaration.link_hosts:
        if _HOST.fullmatch(host) is None:
            findings.append(
                Finding(
                    declaration.where("link_hosts"),
                    f"{host!r} is not a host",
                    "write the host alone, for example exchange.example",
                )
            )
    for name, variable in file.variables.items():
        checked = _variable(declaration, name, variable, findings)
        if checked is not None:
            declaration.variables[name] = checked


def _variable(
    declaration: Declaration, name: str, variable: _Variable, findings: list[Finding]
) -> Variable | None:
    where = declaration.where(f"variables.{name}")
    if _NAME.fullmatch(name) is None or name in RESERVED:
        findings.append(
            Finding(where, f"{name!r} cannot be a variable", "use a-z, 0-9 and _, no own column")
        )
        return None
    if variable.value is None:
        return Variable(name, variable.type, variable.private)
    try:
        value = parse_value(variable.type, str(variable.value))
        if variable.type is ValueType.URL:
            refuse_unlisted(value, declaration.link_hosts)
    except ValueRefused as error:
        findings.append(Finding(where, f"the value of {name} is refused: {error}"))
        return None
    return Variable(name, variable.type, variable.private, value)


def _invalid(shown: str, text: str, error: msgspec.ValidationError) -> Finding:
    message = str(error)
    match = re.search(r"`\$\.?([^`]*)`", message)
    key = match[1] if match else ""
    plain = re.sub(r" - at `[^`]*`", "", message).replace("Object", "it")
    named = re.search(r"unknown field `([^`]*)`", message)
    if named:
        key = f"{key}.{named[1]}".strip(".")
        plain = f"{named[1]!r} is not a setting of a notice"
    line = _lines(text).get(re.sub(r"\[\.\.\.\]", "", key), 1)
    return Finding(f"{shown}:{line}", f"{key}: {plain}" if key else plain)


def _lines(text: str) -> dict[str, int]:
    """Key -> line, for tables and plain keys as people write them."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([A-Za-z0-9_.\"-]+)\]", line):
            table = match[1].replace('"', "")
            lines.setdefault(table, number)
        elif match := re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line):
            lines.setdefault(f"{table}.{match[1]}" if table else match[1], number)
    return lines
