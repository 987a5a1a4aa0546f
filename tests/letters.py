"""Who can read which address out of a message? An oracle of its own: the standard library's
`email`, and regular expressions; nothing of `src/` is imported.

It decodes generously (any reader's decoding on top of any other's), where the guard reads
strictly: the two can only agree for the right reasons.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.header
import email.policy
import functools
import html
import quopri
import re
import unicodedata
import urllib.parse
from collections.abc import Iterator
from email.message import Message

ADDRESS = re.compile(r"[A-Za-z0-9._%+~'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{11,}={0,2}")
_TAG_END = re.compile("(?<=[>\n])")
_TAG = re.compile("<[^>]*>")
_READABLE = re.compile(rb"[\t\r\n -~]{6,}")
_INVISIBLE = dict.fromkeys([0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])


def addresses(raw: bytes) -> set[str]:
    """Every ASCII address that anybody could read out of these bytes, lower case."""
    found = set(_in_chunk(raw.replace(b"=\r\n", b"").decode("utf-8", "replace")))
    for text in texts(raw):
        for chunk in _TAG_END.split(text):
            found |= _in_chunk_kept(chunk)
        found |= _in_chunk(_TAG.sub("", text))
    return found


def shows(raw: bytes, address: str) -> bool:
    """Whether this very address can be read out of these bytes."""
    wanted = address.lower()
    if wanted in raw.decode("utf-8", "replace").lower():
        return True
    return any(wanted in form.lower() for text in texts(raw) for form in forms(text))


def texts(raw: bytes) -> Iterator[str]:
    """Every header decoded, every part decoded, at any depth."""
    yield from _of(email.message_from_bytes(raw, policy=email.policy.compat32))


def _in_chunk(text: str) -> frozenset[str]:
    return frozenset(match[0].lower().strip(".-_'") for match in ADDRESS.finditer(text))


@functools.lru_cache(maxsize=200_000)
def _in_chunk_kept(chunk: str) -> frozenset[str]:
    """The same of all that a line or a tag decodes to; most are the same in every message."""
    return frozenset(each for form in forms(chunk) for each in _in_chunk(form))


def _of(message: Message) -> Iterator[str]:
    for part in message.walk():
        for _, value in part.raw_items():
            yield _header(str(value))
        yield str(part.preamble or "")
        yield str(part.epilogue or "")
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield payload.decode("utf-8", "replace")
            yield quopri.decodestring(payload).decode("utf-8", "replace")


def _header(value: str) -> str:
    pieces: list[str] = []
    try:
        for text, charset in email.header.decode_header(value):
            if isinstance(text, bytes):
                try:
                    pieces.append(text.decode(charset or "latin-1", "replace"))
                except LookupError:
                    pieces.append(text.decode("latin-1"))
            else:
                pieces.append(text)
    except (ValueError, binascii.Error):
        return value
    return "".join(pieces)


def forms(text: str) -> set[str]:
    """A text and whatever it decodes to, to a fixed point (or eight rounds)."""
    found = {text}
    fresh = {text}
    for _ in range(8):
        fresh = {other for form in fresh for other in _decodings(form)} - found
        if not fresh:
            break
        found |= fresh
    return found


def _decodings(form: str) -> Iterator[str]:
    yield html.unescape(form)
    yield urllib.parse.unquote(form)
    if not form.isascii():
        yield unicodedata.normalize("NFKC", form).translate(_INVISIBLE)
    for match in _ENCODED.finditer(form):
        yield from _unpacked(match[0])


@functools.lru_cache(maxsize=100_000)
def _unpacked(token: str) -> tuple[str, ...]:
    """What base64 (either alphabet, any alignment) or hexadecimal hides, where that is readable."""
    plain = token.rstrip("=").replace("-", "+").replace("_", "/")
    found: list[str] = []
    for start in range(4):
        part = plain[start:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        data = base64.b64decode(part + "=" * (-len(part) % 4))
        if b"@" in data or _READABLE.fullmatch(data):
            found.append(data.decode("ascii", "replace"))
    if re.fullmatch("(?:[0-9A-Fa-f]{2})+", token):
        data = bytes.fromhex(token)
        found.append(data.decode("utf-8", "replace"))
    return tuple(found)
