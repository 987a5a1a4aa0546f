"""XLIFF 1.2 and 2.0: a locale's segments as a translator's desktop tool wants them, both ways.

Responsible for the two formats and nothing else. Variables and link targets travel as
placeholders (`ph`), so that a tool keeps them whole; emphasis and plurals travel as text. No
entity is expanded, no document type is read, nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from lxml import etree

from severally.model.errors import Finding, Refused
from severally.notice.unit import Package, State, Unit

V12 = "urn:oasis:names:tc:xliff:document:1.2"
V20 = "urn:oasis:names:tc:xliff:document:2.0"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_WHOLE = re.compile(r"(\{\{.*?\}\}|\]\([^()\s]*\))")
_OPEN_12 = frozenset(
    {"new", "needs-translation", "needs-adaptation", "needs-l10n", "needs-review-translation"}
    | {"needs-review-adaptation", "needs-review-l10n"}
)
_DONE_12 = frozenset({"translated", "final", "signed-off"})
_MOST_BYTES = 20_000_000


# --- writing


def write_xliff(package: Package, version: str) -> bytes:
    """`version` is 1.2 or 2.0. The same package gives the same bytes."""
    root = _file_12(package) if version == "1.2" else _file_20(package)
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return data + b"\n"


def _file_12(package: Package) -> Any:
    root = etree.Element(f"{{{V12}}}xliff", {"version": "1.2"}, {None: V12})
    file = _under(
        root,
        "file",
        original=f"notices/{package.notice}",
        datatype="x-markdown",
        **{
            "source-language": package.source_locale,
            "target-language": package.locale,
            "tool-id": "severally",
        },
    )
    tool = {"tool-id": "severally", "tool-name": "Severally"}
    _under(_under(file, "header"), "tool", **tool)
    body = _under(file, "body")
    for unit in package.units:
        _unit_12(body, unit)
    return _indented(root)


def _unit_12(body: Any, unit: Unit) -> None:
    done = unit.state is State.DONE
    attributes = {"approved": "yes" if done else "no"} if unit.text else {}
    element = _under(body, "trans-unit", id=unit.id, resname=unit.id, **attributes)
    element.set(_SPACE, "preserve")
    names = _Places()
    _fill_12(_under(element, "source"), unit.source, names)
    if unit.text:
        state = "translated" if done else "needs-review-translation"
        _fill_12(_under(element, "target", state=state), unit.text, names.again())
    for note in unit.notes:
        _under(element, "note", **{"from": "developer"}).text = note
    if unit.previous:
        note = _under(element, "note", **{"from": "severally"})
        note.text = f"translated from: {unit.previous}"
    if unit.offer is not None:
        quality = {"match-quality": str(unit.offer.quality), "origin": unit.offer.place}
        offer = _under(element, "alt-trans", **quality)
        _fill_12(_under(offer, "source"), unit.offer.source, _Places())
        _fill_12(_under(offer, "target"), unit.offer.text, _Places())


def _fill_12(element: Any, text: str, places: _Places) -> None:
    for part in _WHOLE.split(text):
        if _WHOLE.fullmatch(part):
            kind = "x-variable" if part.startswith("{{") else "x-link"
            _under(element, "ph", id=places.id(part), ctype=kind).text = part
        else:
            _append(element, part)


def _file_20(package: Package) -> Any:
    root = etree.Element(
        f"{{{V20}}}xliff",
        {"version": "2.0", "srcLang": package.source_locale, "trgLang": package.locale},
        {None: V20},
    )
    file = _under(root, "file", id=package.notice, original=f"notices/{package.notice}")
    for unit in package.units:
        _unit_20(file, unit)
    return _indented(root)


def _unit_20(file: Any, unit: Unit) -> None:
    element = _under(file, "unit", id=unit.id, name=unit.id)
    element.set(_SPACE, "preserve")
    notes = [("translators", note) for note in unit.notes]
    if unit.previous:
        notes.append(("previous", f"translated from: {unit.previous}"))
    if unit.offer is not None:
        offered = f"{unit.offer.quality} % from {unit.offer.place}: {unit.offer.text}"
        notes.append(("memory", offered))
    if notes:
        group = _under(element, "notes")
        for category, note in notes:
            _under(group, "note", category=category).text = note
    places = _Places()
    source = [(part, places.id(part)) for part in _WHOLE.findall(unit.source)]
    again = places.again()
    target = [(part, again.id(part)) for part in _WHOLE.findall(unit.text)]
    data = {f"d{id_}": part for part, id_ in [*source, *target]}
    if data:
        group = _under(element, "originalData")
        for key, part in data.items():
            _under(group, "data", id=key).text = part
    state = "translated" if unit.state is State.DONE else "initial"
    segment = _under(element, "segment", id="s1", state=state)
    _fill_20(_under(segment, "source"), unit.source, iter(source))
    if unit.text:
        _fill_20(_under(segment, "target"), unit.text, iter(target))


def _fill_20(element: Any, text: str, ids: Iterator[tuple[str, str]]) -> None:
    for part in _WHOLE.split(text):
        if _WHOLE.fullmatch(part):
            id_ = next(ids)[1]
            _under(element, "ph", id=id_, dataRef=f"d{id_}", equiv=part)
        else:
            _append(element, part)


class _Places:
    """Ids of placeholders: each its own in a text, the same for the same in source and target."""

    def __init__(self, known: Sequence[tuple[str, str]] = (), last: int = 0) -> None:
        self._free = list(known)
        self._all = list(known)
        self._last = last

    def id(self, part: str) -> str:
        """The next id for this placeholder."""
        for at, (known, id_) in enumerate(self._free):
            if known == part:
                del self._free[at]
                return id_
        self._last += 1
        self._all.append((part, str(self._last)))
        return str(self._last)

    def again(self) -> _Places:
        """For the target of the source that was numbered."""
        return _Places(self._all, self._last)


def _under(parent: Any, name: str, /, **attributes: str) -> Any:
    space = etree.QName(parent).namespace
    return etree.SubElement(parent, f"{{{space}}}{name}", attributes)


def _append(element: Any, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


_MIXED = frozenset({"source", "target", "note", "data", "ph", "tool"})


def _indented(element: Any, depth: int = 0) -> Any:
    """Line breaks between elements, none inside a text."""
    if etree.QName(element).localname in _MIXED or not len(element):
        return element
    element.text = "\n" + "  " * (depth + 1)
    for child in element:
        _indented(child, depth + 1)
        child.tail = "\n" + "  " * (depth + 1)
    element[-1].tail = "\n" + "  " * depth
    return element


# --- reading


def read_xliff(data: bytes, shown: str) -> Package:
    """Either version. Raises Refused with the line."""
    if len(data) > _MOST_BYTES:
        raise _refused(shown, 1, "larger than 20 MB", "export one notice and one locale to a file")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _refused(shown, error.lineno or 1, f"not XML: {error.msg}", "export anew") from None
    if root.getroottree().docinfo.doctype:
        raise _refused(shown, 1, "a document type declaration", "XLIFF has none: remove it")
    if root.tag == f"{{{V12}}}xliff":
        return _read_12(root, shown)
    if root.tag == f"{{{V20}}}xliff":
        return _read_20(root, shown)
    raise _refused(shown, 1, "neither XLIFF 1.2 nor XLIFF 2.0", "export anew")


def _read_12(root: Any, shown: str) -> Package:
    files = root.findall(f"{{{V12}}}file")
    if len(files) != 1:
        raise _refused(shown, 1, f"{len(files)} <file> elements", "one file holds one locale")
    file = files[0]
    units = [_read_unit_12(each, shown) for each in file.iter(f"{{{V12}}}trans-unit")]
    original = file.get("original", "").removeprefix("notices/")
    locale = file.get("target-language", "") or _target_language(file)
    return Package(original, file.get("source-language", ""), locale, tuple(units))


def _target_language(file: Any) -> str:
    """Some tools say it on each target."""
    return next((t.get(_LANG) for t in file.iter(f"{{{V12}}}target") if t.get(_LANG)), "")


def _read_unit_12(element: Any, shown: str) -> Unit:
    source = element.find(f"{{{V12}}}source")
    target = element.find(f"{{{V12}}}target")
    places = _placeholders(source)
    text = _text(target, places, shown) if target is not None else ""
    state = State.OPEN
    if text.strip() and _confirmed_12(element, target):
        state = State.DONE
    return Unit(
        element.get("resname") or element.get("id", ""),
        _text(source, places, shown),
        text.strip(),
        state,
        line=element.sourceline,
    )


def _confirmed_12(unit: Any, target: Any) -> bool:
    """A tool that says nothing about a text that is there means it."""
    state = target.get("state", "")
    if state in _DONE_12 or unit.get("approved") == "yes":
        return True
    return state not in _OPEN_12 and unit.get("approved") != "no"


def _read_20(root: Any, shown: str) -> Package:
    files = root.findall(f"{{{V20}}}file")
    if len(files) != 1:
        raise _refused(shown, 1, f"{len(files)} <file> elements", "one file holds one locale")
    units = [_read_unit_20(each, shown) for each in files[0].iter(f"{{{V20}}}unit")]
    name = files[0].get("original", "").removeprefix("notices/") or files[0].get("id", "")
    return Package(name, root.get("srcLang", ""), root.get("trgLang", ""), tuple(units))


def _read_unit_20(element: Any, shown: str) -> Unit:
    """A tool may have cut the text into several segments; `ignorable` is the space between."""
    parts = [e for e in element if etree.QName(e).localname in ("segment", "ignorable")]
    data = {d.get("id"): d.text or "" for d in element.iter(f"{{{V20}}}data")}
    source = text = ""
    done = True
    for part in parts:
        own = part.find(f"{{{V20}}}source")
        target = part.find(f"{{{V20}}}target")
        places = _placeholders(own, data)
        said = _text(own, places, shown)
        source += said
        if etree.QName(part).localname == "ignorable":
            text += _text(target, places, shown) if target is not None else said
            continue
        text += _text(target, places, shown) if target is not None else ""
        done = done and target is not None and part.get("state", "translated") != "initial"
    state = State.DONE if done and text.strip() else State.OPEN
    name = element.get("name") or element.get("id", "")
    return Unit(name, source, text.strip(), state, line=element.sourceline)


def _placeholders(source: Any, data: dict[str, str] | None = None) -> dict[str, str]:
    """What a placeholder stands for: its own text, the unit's data, or what it is equal to."""
    found = dict(data or {})
    for element in source.iter() if source is not None else ():
        if etree.QName(element).localname in ("ph", "x") and element is not source:
            said = element.text or found.get(element.get("dataRef", "")) or element.get("equiv")
            found[f"#{element.get('id')}"] = said or ""
    return found


def _text(element: Any, places: dict[str, str], shown: str) -> str:
    if element is None:
        return ""
    text = element.text or ""
    for child in element:
        if not isinstance(child.tag, str):
            raise _refused(shown, child.sourceline, "an entity or instruction", "write the text")
        name = etree.QName(child).localname
        if name in ("ph", "x"):
            said = child.text or places.get(child.get("dataRef", ""))
            text += said or places.get(f"#{child.get('id')}") or child.get("equiv", "")
        elif name in ("mrk", "g", "pc"):
            text += _text(child, places, shown)
        elif name == "cp":
            text += chr(int(child.get("hex", "FFFD"), 16))
        elif name not in ("sm", "em"):
            raise _refused(
                shown, child.sourceline, f"<{name}> inside a text", "keep the source's placeholders"
            )
        text += child.tail or ""
    return text


def _refused(shown: str, line: int, problem: str, cure: str) -> Refused:
    return Refused("the file cannot be read", [Finding(f"{shown}:{line}", problem, cure)])
