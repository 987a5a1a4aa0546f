"""Names: hosts that a reader or a mail program would take for a link; misspelt names; files."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_STOP = re.compile("(?<=[A-Za-z0-9])[\u3002\uff61](?=[A-Za-z])")  # UTS 46: separates labels
_LETTER = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""Not of the scripts that put no spaces between words."""
_HOST = re.compile(
    rf"(?<![A-Za-z0-9.@-])(?P<scheme>[a-z][a-z0-9+.-]*://)?(?:[^\s/@]*@)?"
    rf"(?P<host>(?:(?:{_LETTER}|-)+\.)+(?P<top>xn--[a-z0-9-]+|(?:(?![\d_]){_LETTER}){{2,24}}))"
    r"(?![A-Za-z0-9@-])",
    re.IGNORECASE,
)
_FILES = frozenset(
    {"csv", "doc", "docx", "eml", "gif", "htm", "html", "jpeg", "jpg", "js", "json", "md", "pdf"}
    | {"png", "py", "svg", "toml", "txt", "xls", "xlsx", "xml", "zip"}
)
"""What a last label mostly is when it is not a domain."""


def shown_path(folder: Path, file: str) -> str:
    """A notice's file as a finding names it: from the workspace, for editors and CI."""
    return f"{folder.parent.name}/{folder.name}/{file}"


def hosts_in(text: str) -> Iterator[tuple[str, bool]]:
    """`(host, whether a scheme or www. stands before it)` for each host that can be read in
    the text, as it would be looked up: lower case, IDNA, nothing invisible."""
    plain = _STOP.sub(".", _UNSEEN.sub("", unicodedata.normalize("NFKC", text)))
    for match in _HOST.finditer(plain):
        named = match["scheme"] is not None or match["host"].lower().startswith("www.")
        if named or _like_a_domain(match["host"], match["top"]):
            yield looked_up(match["host"]), named


def _like_a_domain(host: str, top: str) -> bool:
    """`z.B`, `e.g` and `report.pdf` are not; neither is a sentence that lacks its space."""
    labels = host.split(".")
    return top.lower() not in _FILES and max(map(len, labels[:-1])) > 1 and top.islower()


def looked_up(host: str) -> str:
    """A host as the name system knows it; unchanged where it is no valid name."""
    host = host.lower().rstrip(".")
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return host


def near(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, or nothing."""
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return found[0] if found else ""


def undeclared(name: str, variables: Iterable[str]) -> tuple[str, str]:
    """A variable that nobody declared, and what to do about it."""
    meant = near(name, variables)
    cure = (
        f"did you mean {meant!r}?"
        if meant
        else f"declare [variables.{name}] in notice.toml, or correct the name"
    )
    return f"nobody declared the variable {name!r}", cure
