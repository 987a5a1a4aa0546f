"""A strict reading of message bytes: one header block, one multipart/alternative, two parts.

Whatever a lenient reader could take in another way is refused here, so that all readers
agree about what a message says. Shares no code with `compose`.
"""

from __future__ import annotations

import binascii
import functools
import re
from typing import NamedTuple

_NAME = re.compile(rb"[!-9;-~]+")  # RFC 5322 3.6.8 ftext
_WORD = re.compile(rb"=\?([A-Za-z0-9_-]+)(?:\*[A-Za-z-]+)?\?([bBqQ])\?([!->@-~]*)\?=")
_BETWEEN = re.compile(rb"(\?=)[ \t\r\n]+(?==\?[A-Za-z0-9_-]+(?:\*[A-Za-z-]+)?\?[bBqQ]\?)")
_BOUNDARY = re.compile(rb'multipart/alternative;\s*boundary="([A-Za-z0-9=_.-]{10,70})"')
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BLANK_FOLD = re.compile(rb"\r\n[ \t]\s*(?:\r\n|\Z)")
_PART_TYPE = re.compile(rb"text/(plain|html); charset=utf-8")
LONGEST = 998  # RFC 5322 2.1.1
_QP_BAD = re.compile(rb"=(?![0-9A-F]{2}|\n)")


class Unreadable(Exception):
    """Why these bytes are not a message as ours are; holds nothing of their content."""


class Message(NamedTuple):
    """Fields in order (lower-case name, raw value with folds as they stand); decoded parts in
    UTF-8.

    `fresh_text` and `fresh_html` are what of the parts has to be scanned: all of them, or
    (`familiar`) all but chunks that were scanned before.
    """

    fields: list[tuple[bytes, bytes]]
    text: bytes
    html: bytes
    fresh_text: str
    fresh_html: str


def read(message: bytes, utf8_head: bool) -> Message:
    """Raises Unreadable."""
    flat = checked(message, utf8_head)
    head, found, _ = message.partition(b"\r\n\r\n")
    if not found:
        raise Unreadable("no body")
    fields = read_fields(head)
    boundary = boundary_of(fields)
    body = flat[flat.index(b"\n\n") + 2 :]
    parts = _parts(body, boundary)
    if [kind for kind, _ in parts] != [b"plain", b"html"]:
        raise Unreadable("parts other than one text and one HTML")
    (_, text), (_, html) = parts
    return Message(fields, text.encode(), html.encode(), text, html)


def boundary_of(fields: list[tuple[bytes, bytes]]) -> bytes:
    """The one of multipart/alternative, which is all a message may be. Raises Unreadable."""
    kinds = [value for name, value in fields if name == b"content-type"]
    match = _BOUNDARY.fullmatch(b" ".join(kinds[0].split())) if len(kinds) == 1 else None
    if match is None:
        raise Unreadable("not exactly one multipart/alternative")
    if any(name == b"content-transfer-encoding" for name, _ in fields):
        raise Unreadable("a transfer encoding of the whole")
    return match[1]


def checked(message: bytes, utf8_head: bool) -> bytes:
    """The message with LF line ends, which says the same: every line ended with CRLF."""
    flat = message.replace(b"\r\n", b"\n")
    if b"\r" in flat or flat.count(b"\n") != len(message) - len(flat):
        raise Unreadable("a bare CR or LF")
    if b"\0" in message:
        raise Unreadable("a NUL byte")
    if not message.isascii() and not (
        utf8_head and message[message.index(b"\r\n\r\n") :].isascii()
    ):
        raise Unreadable("8-bit bytes")
    if _has_long_line(flat):
        raise Unreadable("a line over 998 octets")
    return flat


def _has_long_line(flat: bytes) -> bool:
    """Looks back from the farthest place where a line may end, so it sees few of them."""
    start, end = 0, len(flat)
    while end - start > LONGEST:
        start = flat.rfind(b"\n", start, start + LONGEST + 1) + 1
        if not start:
            return True
    return False


def read_fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """A header block without its last line end. Raises Unreadable."""
    if head[:1] in (b" ", b"\t") or _BLANK_FOLD.search(head) is not None:
        raise Unreadable("a fold without a field")
    fields: list[tuple[bytes, bytes]] = []
    for line in _FIELD_END.split(head):
        name, colon, value = line.partition(b":")
        if not colon:
            raise Unreadable("a line that is no header field")
        fields.append((_field_name(name), value))
    return fields


@functools.lru_cache(maxsize=256)
def _field_name(name: bytes) -> bytes:
    if _NAME.fullmatch(name) is None:
        raise Unreadable("a line that is no header field")
    return name.lower()


def decoded(value: bytes) -> str:
    """A field's value with folds and encoded words undone (RFC 2047). Raises Unreadable."""
    if b"=?" not in value:
        return b" ".join(value.split()).decode("utf-8")
    flat = b" ".join(_BETWEEN.sub(rb"\1", value).split())
    text = ""
    at = 0
    for match in _WORD.finditer(flat):
        text += flat[at : match.start()].decode("utf-8") + _word(match)
        at = match.end()
    return text + flat[at:].decode("utf-8")


def _word(match: re.Match[bytes]) -> str:
    if match[1].lower() not in (b"utf-8", b"us-ascii"):
        raise Unreadable("an encoded word in an unusual character set")
    if match[2] in b"bB":
        raw = binascii.a2b_base64(match[3], strict_mode=True)
    else:
        raw = binascii.a2b_qp(match[3], header=True)
    text = raw.decode("utf-8")
    if any(ord(c) < 32 or c in "\x7f\x85\u2028\u2029" for c in text):
        raise Unreadable("an encoded word with a control character")
    return text


def _parts(body: bytes, boundary: bytes) -> list[tuple[bytes, str]]:
    """Nothing may stand before the first delimiter or after the last."""
    delimiter = b"--" + boundary
    pieces = (b"\n" + body).split(b"\n" + delimiter)
    if len(pieces) < 2 or pieces[0] or pieces[-1] != b"--\n":
        raise Unreadable("text outside the parts")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> tuple[bytes, str]:
    if not piece.startswith(b"\n"):
        raise Unreadable("a delimiter that goes on")
    head, found, body = piece[1:].partition(b"\n\n")
    if not found:
        raise Unreadable("a part without a body")
    kind, encoding = part_head(head)
    return kind, _body(encoding, body)


@functools.lru_cache(maxsize=64)
def part_head(head: bytes) -> tuple[bytes, bytes]:
    """`(plain or html, transfer encoding)`; part heads are few and alike."""
    fields = read_fields(head.replace(b"\n", b"\r\n"))
    if [name for name, _ in fields] != [b"content-type", b"content-transfer-encoding"]:
        raise Unreadable("a part with other fields than type and encoding")
    kind = _PART_TYPE.fullmatch(fields[0][1].strip())
    if kind is None:
        raise Unreadable("a part that is not UTF-8 text or HTML")
    return kind[1], fields[1][1].strip()


def _body(encoding: bytes, body: bytes) -> str:
    """Decoded text with LF line ends."""
    if encoding == b"base64":
        raw = binascii.a2b_base64(body.replace(b"\n", b""), strict_mode=True)
        return raw.decode("utf-8").replace("\r\n", "\n")
    if encoding == b"quoted-printable":
        return unquoted(body).decode("utf-8")
    raise Unreadable("a part in an unusual encoding")


def unquoted(body: bytes) -> bytes:
    """Quoted-printable with LF line ends, decoded. Raises Unreadable where it is ambiguous."""
    if _QP_BAD.search(body) is not None:
        raise Unreadable("malformed quoted-printable")
    return binascii.a2b_qp(body)
