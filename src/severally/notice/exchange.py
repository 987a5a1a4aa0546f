"""`translate export` and `import`: catalogues as files for translators' tools, and back.

Responsible for an import being taken whole or not at all: each line of a file is checked as
if it were to be sent, and one that does not fit refuses the file with every reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from babel.messages import Catalog, Message

from severally.model.errors import Finding, Refused
from severally.notice.catalogue import (
    MEMORY,
    catalogue_path,
    is_offer,
    parse_catalogue,
    read_catalogue,
    write_catalogue,
)
from severally.notice.draft import Draft
from severally.notice.memory import Match, Memory
from severally.notice.naming import near
from severally.notice.source import Segment, flat
from severally.notice.unit import Package, State, Unit
from severally.notice.updating import merged, save, sound_draft
from severally.notice.xliff import read_xliff, write_xliff


class Format(StrEnum):
    """The files there are."""

    PO = "po"
    XLIFF_1_2 = "xliff1.2"
    XLIFF_2_0 = "xliff2.0"


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import brought: how many texts were new or changed, and how many are open."""

    file: str
    locale: str
    changed: int
    same: int
    open: int


# --- export


def export(
    folder: Path, out: Path, format: Format, locales: Sequence[str], now: dt.datetime
) -> list[Path]:
    """Write `NOTICE.LOCALE.po` or `.xlf` for these locales, all of them without any.

    Raises Refused where blocks have no ids yet: a file must find its way back.
    """
    draft = sound_draft(folder)
    _refuse_nameless(draft)
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for locale in locales or draft.declaration.targets:
        path = catalogue_path(folder, locale)
        old = read_catalogue(path) if path.exists() else None
        memory = Memory(folder.parent, locale)
        catalogue = merged(old, locale, draft, memory, {}, {}, now)
        ending = "po" if format is Format.PO else "xlf"
        file = out / f"{folder.name}.{locale}.{ending}"
        if format is Format.PO:
            write_catalogue(file, catalogue)
        else:
            units = tuple(_unit_of(message, memory) for message in catalogue if message.context)
            package = Package(folder.name, draft.declaration.source_locale, locale, units)
            file.write_bytes(write_xliff(package, format.value.removeprefix("xliff")))
        written.append(file)
    return written


def _refuse_nameless(draft: Draft) -> None:
    nameless = [segment for segment in draft.segments if segment.derived]
    if nameless:
        raise Refused(
            "the notice cannot be exported",
            [
                Finding(
                    f"{segment.file}:{segment.line}",
                    "a block without an id",
                    f"run: severally translate update {draft.folder.name}",
                )
                for segment in nameless
            ],
        )


def _unit_of(message: Message, memory: Memory) -> Unit:
    assert isinstance(message.id, str)
    assert message.context is not None
    notes = tuple(c for c in message.auto_comments if not c.startswith(MEMORY))
    offered: Match | None = None
    text = str(message.string)
    if is_offer(message):
        offered, text = memory.best(message.id), ""
    state = State.DONE if text and not message.fuzzy else State.OPEN
    previous = str(message.previous_id[0]) if message.previous_id and text else ""
    return Unit(message.context, message.id, text, state, notes, previous, offered)


# --- import


def take_in(
    folder: Path, files: Sequence[Path], locale: str | None, now: dt.datetime
) -> list[Taken]:
    """Check every file, then keep them all. Raises Refused with every line that does not fit;
    then nothing of any of them is kept."""
    draft = sound_draft(folder)
    _refuse_nameless(draft)
    findings: list[Finding] = []
    read: list[tuple[Path, str, dict[str, Unit]]] = []
    for file in files:
        try:
            package = _read(file)
        except Refused as refused:
            findings += refused.findings
            continue
        wanted = locale or package.locale
        before = len(findings)
        findings += _misplaced(draft, file, package, wanted)
        if len(findings) == before:
            findings += _misfits(draft, file, package, wanted)
        read.append((file, wanted, {unit.id: unit for unit in package.units}))
    if findings:
        raise Refused("nothing was imported", findings)
    return [_keep(draft, file, wanted, units, now) for file, wanted, units in read]


def _read(file: Path) -> Package:
    try:
        data = file.read_bytes()
    except OSError as error:
        finding = Finding(file.name, error.strerror or "unreadable")
        raise Refused("nothing was imported", [finding]) from None
    if file.suffix.lower() == ".po":
        return _package_of(parse_catalogue(data, file.name))
    if file.suffix.lower() in (".xlf", ".xliff"):
        return read_xliff(data, file.name)
    raise Refused(
        "nothing was imported",
        [Finding(file.name, "neither .po, .xlf nor .xliff", "name it after its format")],
    )


def _package_of(catalogue: Catalog) -> Package:
    units = tuple(
        Unit(
            message.context or "",
            str(message.id),
            text,
            State.OPEN if message.fuzzy or not text else State.DONE,
            offered=is_offer(message),
            line=message.lineno or 1,
        )
        for message in catalogue
        if message.id
        for text in [message.string if isinstance(message.string, str) else ""]
    )
    language = str(catalogue.locale_identifier or "").replace("_", "-")
    return Package("", "", language, units, str(catalogue.project or ""))


def _misplaced(draft: Draft, file: Path, package: Package, locale: str) -> Iterator[Finding]:
    """Another notice's file, or another language's."""
    where = f"{file.name}:1"
    d = draft.declaration
    if package.notice and package.notice != draft.folder.name:
        yield Finding(where, f"it is of the notice {package.notice!r}", "import it there")
    elif package.units and not any(_is_todays(draft, unit) for unit in package.units):
        called = f" (it calls itself {package.title!r})" if package.title else ""
        yield Finding(
            where,
            f"none of its texts is in {draft.folder.name} today{called}",
            "import it into the notice it is of, or export anew",
        )
    if locale not in d.targets:
        known = ", ".join(d.targets) or "none"
        said = f"{locale!r}, which" if locale else "no language, and"
        yield Finding(
            where,
            f"it says {said} {draft.folder.name} is not translated into that",
            f"there are {known}; --locale says which",
        )
    elif package.locale and package.locale != locale:
        yield Finding(where, f"it is in {package.locale}, not {locale}", "leave --locale away")
    if not package.units:
        yield Finding(where, "there is nothing in it", "export anew")


def _is_todays(draft: Draft, unit: Unit) -> bool:
    source = flat(unit.source)
    return any(segment.id == unit.id and segment.text == source for segment in draft.segments)


def _misfits(draft: Draft, file: Path, package: Package, locale: str) -> Iterator[Finding]:
    """Every line that could not be sent as it is."""
    segments = {segment.id: segment for segment in draft.segments}
    seen: set[str] = set()
    for unit in package.units:
        for problem, cure in _problems(draft, segments, seen, unit, locale):
            yield Finding(
                f"{file.name}:{unit.line}",
                f"{locale}, segment {unit.id!r}: {problem}",
                cure,
                locale=locale,
                segment=unit.id,
            )
        seen.add(unit.id)


def _problems(
    draft: Draft, segments: Mapping[str, Segment], seen: Iterable[str], unit: Unit, locale: str
) -> Iterator[tuple[str, str]]:
    segment = segments.get(unit.id)
    if segment is None:
        meant = near(unit.id, segments)
        cure = f"did you mean {meant!r}?" if meant else "export anew; the text is not in the notice"
        yield "there is no such segment", cure
    elif unit.id in seen:
        yield "it stands there twice", "keep one"
    elif flat(unit.source) != segment.text:
        yield "its source is not today's", "export anew and translate what changed"
    elif unit.text and unit.state is State.DONE:
        yield from draft.judged(segment, unit.text, locale)[1]


def _keep(draft: Draft, file: Path, locale: str, units: dict[str, Unit], now: dt.datetime) -> Taken:
    path = catalogue_path(draft.folder, locale)
    old = read_catalogue(path) if path.exists() else None
    before = {m.context: (m.string, m.fuzzy) for m in old} if old is not None else {}
    memory = Memory(draft.folder.parent, locale)
    units = {id_: unit for id_, unit in units.items() if not _untouched(unit, memory)}
    catalogue = merged(old, locale, draft, memory, {}, units, now)
    save(path, catalogue, old, now)
    after = {message.context: (message.string, message.fuzzy) for message in catalogue}
    changed = sum(after[id_] != before.get(id_) for id_ in units)
    open_ = sum(unit.state is State.OPEN for unit in units.values())
    return Taken(file.name, locale, changed, len(units) - changed, open_)


def _untouched(unit: Unit, memory: Memory) -> bool:
    """An offer that came back as it went out is still nobody's translation."""
    match = memory.best(unit.source) if unit.offered else None
    return match is not None and match.text == unit.text
