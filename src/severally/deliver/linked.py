"""The links of what arrived that are the same for everybody: those can be tried out. Pure.

A link with a person's own values in it is made up in a sentinel's message and leads nowhere; the
way out of a list would be taken. Both are compared with what was approved and not followed.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from html.parser import HTMLParser

from severally.model.mailing import Frozen
from severally.model.stencil import Choice, Pieces

_SLOT = "\0"
_TARGETS = {"a": "href", "img": "src"}


def common_links(raw: bytes, locale: str, frozen: Frozen) -> list[str]:
    """Every http link of the HTML part that stands so in this locale's stencil, each once."""
    stencil = frozen.stencils.get(locale)
    if stencil is None:
        return []
    literal = set(_links("".join(_literal(stencil.html))))
    way_out = frozen.sender.unsubscribe_url
    return [
        link
        for link in dict.fromkeys(_links(_html(raw)))
        if link in literal and not (way_out and link.startswith(way_out))
    ]


def _literal(pieces: Pieces) -> Iterator[str]:
    """The text with a mark for every slot; of a choice, all cases."""
    for piece in pieces:
        if isinstance(piece, str):
            yield piece
        elif isinstance(piece, Choice):
            for case in piece.cases.values():
                yield from _literal(case)
        else:
            yield _SLOT


def _html(raw: bytes) -> str:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("html",))
    text: str = part.get_content() if part is not None else ""
    return text


def _links(page: str) -> list[str]:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return [link for link in reader.found if _SLOT not in link]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = _TARGETS.get(tag)
        for name, value in attrs:
            if name == wanted and value and value.startswith(("http://", "https://")):
                self.found.append(value)
