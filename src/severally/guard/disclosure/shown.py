"""Addresses as they stand in requests and messages: in text, in lists, in any JSON value.

Common to the modules of this folder and needs nothing else. Where something cannot be
understood it raises `NotUnderstood`: what is not understood is never called private.
"""

from __future__ import annotations

import base64
import binascii
import email.utils
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from severally.guard.disclosure import Disclosure, NotUnderstood

_EDGES = r"\s<>\"'(),:;=&?/\[\]\\"
_EDGE = re.compile(f"[{_EDGES}]")
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")
_REST = re.compile(f"[^{_EDGES}]*")
_ONE = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@[^\s@<>\"(),:;\[\]\\]+")


def in_text(text: str) -> Iterator[str]:
    """Every address a person could read out of a text, entities and percent signs undone."""
    forms = {text, html.unescape(text)} if "&" in text else {text}
    forms.update([urllib.parse.unquote(form) for form in forms if _PERCENT.search(form)])
    for form in forms:
        for word in _words(form):
            yield word.strip(".!*-").removeprefix("mailto").lower()


def _words(text: str) -> Iterator[str]:
    """Every run without an edge that has an '@' with something on both sides. Looks at what
    stands around each '@' alone: texts are long, and addresses in them few."""
    at = text.find("@")
    while at >= 0:
        start = at
        while start and _EDGE.match(text, start - 1) is None:
            start -= 1
        rest = _REST.match(text, at)
        end = rest.end() if rest else at + 1
        if "@" in text[start + 1 : end - 1]:
            yield text[start:end]
        at = text.find("@", end)


def in_value(value: Any) -> Iterator[str]:
    """Every address anywhere in a JSON value, keys included."""
    match value:
        case str():
            yield from in_text(value)
        case dict():
            for key, inner in value.items():
                yield from in_text(str(key))
                yield from in_value(inner)
        case list():
            for inner in value:
                yield from in_value(inner)
        case _:
            pass


def in_attachments(attachments: Any, key: str) -> Iterator[str]:
    """Every address in attached files, whose base64 stands under `key`. Raises NotUnderstood."""
    for raw in rows(attachments, "attachments"):
        try:
            content = base64.b64decode(str(table(raw, "an attachment").get(key) or ""))
        except (binascii.Error, ValueError):
            raise NotUnderstood("an attachment that is not base64") from None
        yield from in_text(content.decode("utf-8", "replace"))


def listed(text: str) -> list[str]:
    """The mailboxes of a header-like list: `"A" <a@x.example>, b@x.example`.

    Raises NotUnderstood for anything that is not only mailboxes.
    """
    boxes = [address.lower() for _, address in email.utils.getaddresses([text]) if address]
    if text.strip() and (not boxes or len(boxes) < text.count("@") - _quoted_ats(text)):
        raise NotUnderstood("a list of addresses that cannot be read")
    for box in boxes:
        if _ONE.fullmatch(box) is None:
            raise NotUnderstood("an address that cannot be read")
    return boxes


def _quoted_ats(text: str) -> int:
    """'@' inside quoted display names, which are no addresses."""
    return sum(part.count("@") for part in re.findall(r'"(?:[^"\\]|\\.)*"', text))


def json_body(body: bytes) -> Any:
    """The body as JSON in which no name stands twice. Raises NotUnderstood."""
    try:
        return json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise NotUnderstood("a body that is not JSON") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotUnderstood("a name that stands twice: readers disagree about which one holds")
    return found


def table(value: Any, what: str) -> dict[str, Any]:
    """A JSON object, or {} for nothing. Raises NotUnderstood for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotUnderstood(f"{what} is not an object")
    return value


def rows(value: Any, what: str) -> list[Any]:
    """A JSON array, or [] for nothing. Raises NotUnderstood for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise NotUnderstood(f"{what} is not a list")
    return value


def name_of(fields: Mapping[str, Any], *names: str) -> Any:
    """A field whatever its letters' case, as lenient readers take it. Raises NotUnderstood where
    it stands in two spellings."""
    wanted = {name.lower() for name in names}
    found = [value for key, value in fields.items() if key.lower() in wanted]
    if len(found) > 1:
        raise NotUnderstood(f"{names[0]} stands in two spellings")
    return found[0] if found else None


class Visible:
    """Collects what each mailbox will see, message by message."""

    def __init__(self) -> None:
        self._visible: dict[str, set[str]] = {}
        self._messages: dict[str, int] = {}
        self._addressed: set[str] = set()

    def message(
        self, seen_by: Iterable[str], visible: Iterable[str], blind: Iterable[str] = ()
    ) -> None:
        """One message: `seen_by` stand in it, `blind` get it without standing there; all of them
        see `visible` and who stands in it."""
        standing = [box.lower() for box in seen_by]
        shown = {*standing, *visible}
        for box in (*standing, *(each.lower() for each in blind)):
            self._visible.setdefault(box, set()).update(shown | {box})
            self._messages[box] = self._messages.get(box, 0) + 1

    def addressed(self, boxes: Iterable[str]) -> None:
        """Whom a finished message names as written to."""
        self._addressed.update(boxes)

    def disclosure(self) -> Disclosure:
        """Everything seen. Raises NotUnderstood where nobody would get anything."""
        if not self._visible:
            raise NotUnderstood("nobody is written to")
        visible = {box: frozenset(shown) for box, shown in self._visible.items()}
        return Disclosure(visible, dict(self._messages), frozenset(self._addressed))
