"""The parts of a message that came back: its own words, and what it brings back of ours."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from email.message import Message

from severally.feedback.fields import plain

_MOST_PARTS = 50
_DEEPEST = 8
_MOST_WORDS = 4_000
_MOST_ORIGINAL = 32_000
_TAG = re.compile(r"<[^>]{0,500}>")
_OURS_BEGINS = re.compile(
    r"\n[ \t>]*(-{2,} ?(this is a copy|original message|below this line|begin(ning)? of|the header|"
    r"forwarded|ursprüngliche|message d'origine|mensaje original|returned message)|"
    r"-{3,} *\n *return-path:|received: from|return-path: <|message-id: <)",
    re.IGNORECASE,
)
"""Where a bounce that is one text begins to quote what was sent."""


def parts_of(message: Message, depth: int = 0) -> Iterator[Message]:
    """Every part in order, without going into messages that are brought back."""
    return itertools.islice(_walk(message, depth), _MOST_PARTS)


def _walk(message: Message, depth: int) -> Iterator[Message]:
    yield message
    if depth < _DEEPEST and message.get_content_maintype() == "multipart":
        payload = message.get_payload()
        for part in payload if isinstance(payload, list) else ():
            if isinstance(part, Message):
                yield from _walk(part, depth + 1)


def field(message: Message, name: str) -> str:
    """A header field as text, encoded words read, folded to one line; empty where it is not
    there."""
    return " ".join(plain(str(message.get(name, ""))).split())


def beginning(parts: Sequence[Message]) -> str:
    """What is said to people, up to where our own message is quoted."""
    text = f"\n{body_text(parts)}"
    found = _OURS_BEGINS.search(text)
    return " ".join(text[: found.start() if found else None].split())[:_MOST_WORDS]


def body_text(parts: Sequence[Message]) -> str:
    """The first part that is text, as text."""
    for part in parts:
        if part.get_content_maintype() == "text":
            text = _decoded(part)
            if part.get_content_subtype() == "html":
                text = _TAG.sub(" ", text)
            if text.strip():
                return text[:_MOST_ORIGINAL]
    return ""


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    try:
        return payload.decode(charset, "replace").replace("\r\n", "\n")
    except LookupError:
        return payload.decode("utf-8", "replace").replace("\r\n", "\n")


def headers_of_original(parts: Sequence[Message]) -> str:
    """The header fields of the message that is brought back, as `name: value` lines."""
    for part in parts:
        kind = part.get_content_type()
        if kind not in _WHOLE and kind not in _HEADERS:
            continue
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        if isinstance(inner, Message):
            return "\n".join(f"{n}: {v}" for n, v in inner.items())[:_MOST_ORIGINAL]
        if kind in _HEADERS:
            return _decoded(part)[:_MOST_ORIGINAL]
    return ""


_WHOLE = ("message/rfc822", "message/global", "message/partial")
_HEADERS = ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
