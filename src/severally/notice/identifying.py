"""Ids for blocks that have none: written into body.md once, and kept when the block moves.

Responsible for changing nothing else of the author's text.
"""

from __future__ import annotations

import re

from severally.notice.source import RESERVED, Segment, Source

_NOISE = re.compile(r"\]\([^)]*\)|\{\{.*?\}\}|\{[^{}]*,[^{}]*|[^A-Za-z0-9 ]+")
_LONGEST = 24
_CELL_END = re.compile(r"(?<!\\)\|")


def with_ids(text: str, source: Source) -> tuple[str, dict[str, str]]:
    """The body with an id on each block, and new id -> the one that was made of the text."""
    fresh = [segment for segment in source.segments if segment.derived]
    taken = {segment.id for segment in source.segments if not segment.derived} | RESERVED
    lines = text.splitlines(keepends=True)
    named: dict[str, str] = {}
    # from the end, so that no cell that is still to be named moves
    for segment in fresh:
        named[_unused(segment, taken)] = segment.id
    for id_, segment in reversed(list(zip(named, fresh, strict=True))):
        at = segment.last - 1
        lines[at] = _marked(lines[at], id_, segment.cell)
    return "".join(lines), named


def _unused(segment: Segment, taken: set[str]) -> str:
    words = _NOISE.sub(" ", segment.text).lower().split()
    id_ = ""
    for word in words:
        if len(id_) + len(word) >= _LONGEST:
            break
        id_ += f"-{word}" if id_ else word
    id_ = id_ or segment.kind
    number, unique = 1, id_
    while unique in taken:
        number += 1
        unique = f"{id_}-{number}"
    taken.add(unique)
    return unique


def _marked(line: str, id_: str, cell: int) -> str:
    body = line.rstrip("\r\n")
    ending = line[len(body) :]
    if cell < 0:
        return f"{body.rstrip()} {{#{id_}}}{ending}"
    bars = [match.start() for match in _CELL_END.finditer(body)]
    starts_with_bar = body.lstrip().startswith("|")
    number = cell + 1 if starts_with_bar else cell
    end = bars[number] if number < len(bars) else len(body)
    return f"{body[:end].rstrip()} {{#{id_}}} {body[end:]}".rstrip() + ending
