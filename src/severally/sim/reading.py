"""Which addresses stand in a message that came in: the world's own reading, from bytes.

Responsible for what a recipient could see in any field or decoded part: base64,
quoted-printable, RFC 2047, percent and entity forms. Fast, and tolerant: what is broken is
read as it stands. Shares nothing with what composes or guards.
"""

from __future__ import annotations

import binascii
import email.header
import html
import quopri
import re
import urllib.parse
from collections.abc import Container, Iterable, Iterator

import msgspec

_BOUNDARY = re.compile(
    rb'^content-type:[^\r]*?\bboundary\s*=\s*(?:"([^"\r]+)"|([^\s;]+))',
    re.IGNORECASE | re.MULTILINE,
)
_ENCODING = re.compile(rb"^content-transfer-encoding:\s*([\w-]+)", re.IGNORECASE | re.MULTILINE)
_LOCAL_BACKWARDS = re.compile(rb"[^\x00-\x20<>\"'(),:;=&?/\[\]\\@]+")
_DOMAIN = re.compile(rb"[A-Za-z0-9.\-\x80-\xff]+")
_ENTITY = re.compile(rb"&#0*64;|&#x0*40;|&commat;", re.IGNORECASE)
_FULL_STOP = re.compile("[。．｡]")
"""Ends a sentence in Chinese and Japanese, without a space after it."""
_LOCAL_MOST = 64  # RFC 5321 4.5.3.1.1
_NESTED_MOST = 8
_TO = frozenset({b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc"})


class Watched:
    """Domains whose addresses are looked for; `*` stands for any but the sender's own."""

    def __init__(self, domains: Iterable[str], sender_domains: Iterable[str] = ()) -> None:
        self._domains = frozenset(domains)
        self._sender_domains = frozenset(sender_domains)
        self._any = "*" in self._domains

    def __contains__(self, domain: object) -> bool:
        return (self._any or domain in self._domains) and domain not in self._sender_domains


class Seen(msgspec.Struct, frozen=True, gc=False):
    """Addresses at the domains asked for (lower case): in To, Cc, Bcc and their Resent
    forms, and in any other field or part. `message_id` as it stands in the field."""

    to: tuple[str, ...]
    body: tuple[str, ...]
    message_id: str


def read(message: bytes, domains: Container[str]) -> Seen:
    """All that a mailbox sees of `domains`. Never fails."""
    to: set[str] = set()
    rest: set[str] = set()
    message_id = ""
    head, body = _halves(message)
    for line in head.split(b"\r\n"):
        if b"@" not in line and b"=?" not in line:
            continue
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if name == b"message-id":
            message_id = value.strip().decode("utf-8", "replace")
        (to if name in _TO else rest).update(_addresses(_words(value), domains))
    for text in _texts(head, body, 0):
        rest.update(_addresses(text, domains))
    return Seen(tuple(sorted(to)), tuple(sorted(rest)), message_id)


def _halves(part: bytes) -> tuple[bytes, bytes]:
    """The header, unfolded, and the rest."""
    if part.startswith(b"\r\n"):
        return b"", part[2:]
    head, _, body = part.partition(b"\r\n\r\n")
    return head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" "), body


def _words(value: bytes) -> bytes:
    """RFC 2047 words are decoded where there are any."""
    if b"=?" not in value:
        return value
    try:
        decoded = email.header.decode_header(value.decode("utf-8", "replace"))
        return str(email.header.make_header(decoded)).encode()
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return value


def _texts(head: bytes, body: bytes, depth: int) -> Iterator[bytes]:
    """Every leaf part, decoded."""
    boundary = _BOUNDARY.search(head) if depth < _NESTED_MOST else None
    if boundary is None:
        encoding = _ENCODING.search(head)
        yield _decoded(body, encoding[1].lower()) if encoding else body
        return
    first, *parts = (b"\r\n" + body).split(b"\r\n--" + (boundary[1] or boundary[2]))
    yield first
    for part in parts:
        if part[:2] == b"--":
            yield part
        else:
            yield from _texts(*_halves(part.partition(b"\r\n")[2]), depth + 1)


def _decoded(body: bytes, encoding: bytes) -> bytes:
    if encoding == b"base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return body
    return quopri.decodestring(body) if encoding == b"quoted-printable" else body


def _addresses(text: bytes, domains: Container[str]) -> Iterator[str]:
    if b"@" not in text and b"%40" not in text and b"&" not in text:
        return
    for form in _forms(text):
        at = form.find(b"@")
        while at >= 0:
            domain = _DOMAIN.match(form, at + 1)
            if domain is not None:
                host = (
                    _FULL_STOP.split(domain[0].decode("utf-8", "replace"))[0].rstrip(".-").lower()
                )
                if host in domains:
                    before = form[max(0, at - _LOCAL_MOST) : at][::-1]
                    local = _LOCAL_BACKWARDS.match(before)
                    if local is not None:
                        yield f"{local[0][::-1].decode('utf-8', 'replace').lower()}@{host}"
            at = form.find(b"@", at + 1)


def _forms(text: bytes) -> Iterator[bytes]:
    yield text
    if b"%40" in text:
        yield urllib.parse.unquote_to_bytes(text)
    if b"&" in text and _ENTITY.search(text):
        yield html.unescape(text.decode("utf-8", "replace")).encode()
