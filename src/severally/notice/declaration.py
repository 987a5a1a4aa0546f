"""`notice.toml`: what a notice declares, read strictly, and everything wrong with it at once."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from enum import EnumMeta
from pathlib import Path
from typing import Any

import msgspec

from severally.model.errors import Finding, Refused
from severally.model.languages import ANYBODY
from severally.model.notice import Kind, SameAddress, ValueType, Variable
from severally.model.values import ValueRefused, parse_value, refuse_unlisted
from severally.notice import cldr
from severally.notice.naming import near, shown_path
from severally.notice.times import Times, read_times

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+|localhost")
EXPIRES_S = 3600.0
"""How long a message of an urgent notice makes sense, where it does not say."""
_EXPIRES = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 3 * 86_400
RESERVED = frozenset({"id", "email", "locale", "timezone", "content", "title", "preheader"})


class _Variable(msgspec.Struct, forbid_unknown_fields=True):
    type: ValueType
    private: bool = False
    optional: bool = False
    value: str | int | float | None = None
    sample: str | int | float | None = None


_SETTINGS: dict[str, Any] = {
    "title": str,
    "subject": str,
    "preheader": str,
    "sender": str,
    "kind": Kind,
    "source_locale": str,
    "locales": list[str],
    "link_hosts": list[str],
    "layout": str,
    "same_address": SameAddress,
    "event": str,
    "expires": str,
    "fallback": dict[str, str],
    "schedule": dict[str, str],
    "variables": dict[str, Any],
}
_NEEDED = ("title", "subject", "sender", "kind", "source_locale", "locales")


class Declaration(msgspec.Struct, frozen=True):
    """The file, checked. `lines` says where a key stands, `samples` what stands for a variable
    in previews. What could not be read has a harmless value and a finding."""

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
    fallback: dict[str, str]
    variables: dict[str, Variable]
    samples: dict[str, str]
    file: str
    lines: dict[str, int]
    event: str = ""
    expires_s: float = EXPIRES_S
    times: Times = Times()

    def where(self, key: str) -> str:
        """`notice.toml:12` for a key, or for the table around it."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.file}:{self.lines.get(key, 1)}"

    @property
    def sent(self) -> tuple[str, ...]:
        """The locales that are sent: those declared without a fallback of their own."""
        return tuple(locale for locale in self.locales if locale not in self.fallback)

    @property
    def targets(self) -> tuple[str, ...]:
        """The locales that are translated into, those not sent yet included."""
        return tuple(locale for locale in self.locales if locale != self.source_locale)


def read_declaration(folder: Path, findings: list[Finding]) -> Declaration:
    """Problems of single settings are added to `findings`. Raises Refused where the file
    cannot be read at all."""
    shown = shown_path(folder, "notice.toml")
    text = _text(folder, shown)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{shown}:{line[1] if line else text.count(chr(10)) + 1}"
        raise Refused(
            "the notice cannot be read", [Finding(where, f"not TOML: {error}", "correct the line")]
        ) from None
    lines = _lines(text)
    settings = _settings(tables, shown, lines, findings)
    source = settings.get("source_locale", "en")
    declaration = Declaration(
        folder.name,
        settings.get("title", ""),
        settings.get("subject", ""),
        settings.get("preheader", ""),
        settings.get("sender", ""),
        settings.get("kind", Kind.SERVICE),
        source,
        tuple(dict.fromkeys([source, *settings.get("locales", ())])),
        tuple(host.lower() for host in settings.get("link_hosts", ())),
        settings.get("layout", "default"),
        settings.get("same_address", SameAddress.ONCE),
        settings.get("fallback", {}),
        {},
        {},
        shown,
        lines,
        _event(settings, shown, lines, findings),
        _expires(settings, shown, lines, findings),
        read_times(settings.get("schedule", {}), shown, lines, findings),
    )
    _check_names(declaration, findings)
    _check_fallback(declaration, findings)
    for name, table in settings.get("variables", {}).items():
        checked = _variable(declaration, name, table, findings)
        if checked is not None:
            declaration.variables[name] = checked
    return declaration


def _event(
    settings: Mapping[str, Any], shown: str, lines: Mapping[str, int], findings: list[Finding]
) -> str:
    event: str = settings.get("event", "")
    if event and not _NAME.fullmatch(event):
        where = f"{shown}:{lines.get('event', 1)}"
        findings.append(Finding(where, "event is no name", 'for example event = "password_reset"'))
    return event


def _expires(
    settings: Mapping[str, Any], shown: str, lines: Mapping[str, int], findings: list[Finding]
) -> float:
    if "expires" not in settings:
        return EXPIRES_S
    match = _EXPIRES.fullmatch(settings["expires"])
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 60 <= seconds <= _LONGEST_S:
        where = f"{shown}:{lines.get('expires', 1)}"
        cure = 'write how long a message makes sense: "30m", "1h", three days at most'
        findings.append(Finding(where, "expires is no length of time from 1m to 72h", cure))
        return EXPIRES_S
    return float(seconds)


def _text(folder: Path, shown: str) -> str:
    try:
        return (folder / "notice.toml").read_text("utf-8")
    except FileNotFoundError:
        raise Refused(
            f"there is no notice {folder.name!r}",
            [Finding(shown, "the file is missing", f"is it a folder below {folder.parent}?")],
        ) from None
    except UnicodeDecodeError:
        raise Refused(
            "the notice cannot be read", [Finding(f"{shown}:1", "it is not UTF-8")]
        ) from None


def _settings(
    tables: Mapping[str, Any], shown: str, lines: Mapping[str, int], findings: list[Finding]
) -> dict[str, Any]:
    """Each setting that is well formed. One that is not leaves the others alone."""
    settings: dict[str, Any] = {}
    for key, value in tables.items():
        where = f"{shown}:{lines.get(key, 1)}"
        if key not in _SETTINGS:
            findings.append(Finding(where, f"{key!r} is not a setting of a notice", _meant(key)))
            continue
        try:
            settings[key] = msgspec.convert(value, _SETTINGS[key])
        except msgspec.ValidationError as error:
            findings.append(Finding(where, f"{key}: {_plain(error)}", _allowed(_SETTINGS[key])))
            settings.pop(key, None)
    findings += [
        Finding(f"{shown}:1", f"{key} is missing", f"write {key} = …")
        for key in _NEEDED
        if key not in tables
    ]
    return settings


def _allowed(type: Any) -> str:
    """What a setting of this type may be."""
    if isinstance(type, EnumMeta):
        return f"write one of {', '.join(type)}"
    return "write it as the other settings are written: text in quotes, lists in [ ]"


def _meant(key: str) -> str:
    meant = near(key, _SETTINGS)
    return f"did you mean {meant!r}?" if meant else "take it out"


def _plain(error: msgspec.ValidationError) -> str:
    return re.sub(r" - at `[^`]*`", "", str(error)).replace("Object", "it")


def _check_names(declaration: Declaration, findings: list[Finding]) -> None:
    for locale in declaration.locales:
        problem = _locale_problem(locale)
        if problem:
            key = "source_locale" if locale == declaration.source_locale else "locales"
            cure = "write BCP 47, for example de, pt-BR or zh-Hans"
            findings.append(Finding(declaration.where(key), problem, cure))
    for host in declaration.link_hosts:
        if _HOST.fullmatch(host) is None:
            findings.append(
                Finding(
                    declaration.where("link_hosts"),
                    f"{host!r} is not a host",
                    "write the host alone, for example exchange.example",
                )
            )


def _locale_problem(locale: str) -> str:
    if _LOCALE.fullmatch(locale) is None:
        return f"{locale!r} is not a locale"
    return "" if cldr.locale_exists(locale) else f"CLDR knows no locale {locale!r}"


def _check_fallback(declaration: Declaration, findings: list[Finding]) -> None:
    """Who reads what instead: a locale, or everybody else, to a locale that is really sent."""
    for wanted, read in declaration.fallback.items():
        problem = ""
        if wanted != ANYBODY:
            problem = _locale_problem(wanted)
        if wanted == declaration.source_locale:
            problem = f"{wanted} is the source: it is always there and needs no fallback"
        elif not problem and read not in declaration.sent:
            problem = f"{wanted} would read {read}, which is not sent itself"
        if problem:
            where = declaration.where(f"fallback.{wanted}")
            cure = f"fall back on one of {', '.join(declaration.sent)}"
            findings.append(Finding(where, problem, cure))


def _variable(
    declaration: Declaration, name: str, table: Any, findings: list[Finding]
) -> Variable | None:
    where = declaration.where(f"variables.{name}")
    if _NAME.fullmatch(name) is None or name in RESERVED:
        findings.append(
            Finding(where, f"{name!r} cannot be a variable", "use a-z, 0-9 and _, no own column")
        )
        return None
    if isinstance(table, dict):
        table = {key: _written(each) for key, each in table.items()}
    try:
        variable = msgspec.convert(table, _Variable)
    except msgspec.ValidationError as error:
        further = ", ".join(f for f in _Variable.__struct_fields__ if f != "type")
        wrong = re.search(r"`\$\.(\w+)`|unknown field `(\w+)`", str(error))
        if wrong is not None:
            where = declaration.where(f"variables.{name}.{wrong[1] or wrong[2]}")
        cure = f"types are {', '.join(ValueType)}; besides there are {further}"
        findings.append(Finding(where, f"variable {name}: {_plain(error)}", cure))
        return Variable(name, ValueType.TEXT)  # so that its uses are not wrong as well
    if variable.optional and variable.value is not None:
        problem = f"{name} has a value for everybody and is optional"
        findings.append(Finding(where, problem, "take one of them out"))
    try:
        value = _value(declaration, variable.type, variable.value)
    except ValueRefused as error:
        where = declaration.where(f"variables.{name}.value")
        findings.append(Finding(where, f"the value of {name} is refused: {error}", "correct it"))
        return Variable(name, variable.type, variable.private, None, variable.optional)
    try:
        sample = _value(declaration, variable.type, variable.sample)
    except ValueRefused as error:
        where = declaration.where(f"variables.{name}.sample")
        findings.append(Finding(where, f"the sample of {name} is refused: {error}", "correct it"))
        return Variable(name, variable.type, variable.private, value, variable.optional)
    if sample is not None:
        declaration.samples[name] = sample
    return Variable(name, variable.type, variable.private, value, variable.optional)


def _written(value: object) -> object:
    """TOML's own dates and times as the text they were written as."""
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _value(declaration: Declaration, type: ValueType, raw: str | float | None) -> str | None:
    """The canonical text. Raises ValueRefused."""
    if raw is None:
        return None
    value = parse_value(type, str(raw))
    if type is ValueType.URL:
        refuse_unlisted(value, declaration.link_hosts)
    return value


def _lines(text: str) -> dict[str, int]:
    """Key -> line, for tables and plain keys as people write them."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([A-Za-z0-9_.\"-]+)\]", line):
            table = match[1].replace('"', "")
            lines.setdefault(table, number)
        elif match := re.match(r"\s*\"?([A-Za-z0-9_*-]+)\"?\s*=", line):
            lines.setdefault(f"{table}.{match[1]}" if table else match[1], number)
    return lines
