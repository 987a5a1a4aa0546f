"""A sealed message taken apart again, for providers that write the MIME themselves.

Responsible for reading messages as ours are built: one text and one HTML part. Not for whether
they may leave: the guard reads the finished request, and reads the message on its own.
"""

from __future__ import annotations

import binascii
import email.header
import email.utils
import re

import msgspec

from severally.model.envelope import Sealed
from severally.model.request import REFERENCE
from severally.transport.sealed import opened

CARRIED = ("auto-submitted", "content-language", "list-unsubscribe", "list-unsubscribe-post")
"""Fields that go along beside those every provider has a name for."""
_FOLD = re.compile(rb"\r\n[ \t]+")
_BOUNDARY = re.compile(r'multipart/alternative;.*boundary="?([^";]+)"?', re.IGNORECASE)


class Unsupported(Exception):
    """What a provider's API has no words for; holds nothing of anybody's."""


class Letter(msgspec.Struct, frozen=True, gc=False):
    """One recipient's message in words. Texts have LF line ends; `token` is the delivery's."""

    delivery: int
    box: str
    token: str
    sender: str
    sender_name: str
    reply_to: str
    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes

    @property
    def locale(self) -> str:
        """The language it is in."""
        return next((value for name, value in self.headers if name == "Content-Language"), "")

    @property
    def mailbox(self) -> str:
        """Name and address of its sender, as RFC 5322 3.4 quotes them, in UTF-8."""
        name = self.sender_name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}" <{self.sender}>' if name else self.sender

    def __repr__(self) -> str:
        return f"Letter({self.delivery})"


def letter_of(sealed: Sealed) -> Letter:
    """Raises Unsupported for a message of another build, Halted for one that was changed."""
    payload = opened(sealed)
    head, _, body = payload.message.partition(b"\r\n\r\n")
    fields = _fields(head)
    text, html = _parts(fields.get("content-type", ""), body)
    name, address = email.utils.parseaddr(_decoded(fields.get("from", "")))
    token = fields.get("message-id", "").strip("<>").partition("@")[0]
    if not (address and token and "subject" in fields):
        raise Unsupported("a message without From, Subject or Message-ID")
    carried = [(each.title(), fields[each]) for each in CARRIED if each in fields]
    return Letter(
        sealed.deliveries[0],
        payload.rcpt_to[0],
        token,
        address,
        name,
        email.utils.parseaddr(_decoded(fields.get("reply-to", "")))[1],
        _decoded(fields["subject"]),
        text,
        html,
        (*carried, (REFERENCE, token)),
        payload.message,
    )


def _fields(head: bytes) -> dict[str, str]:
    """Lower-case name to value, unfolded; one that stands twice is none of ours."""
    fields: dict[str, str] = {}
    for line in _FOLD.sub(b" ", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        key = name.decode("ascii", "replace").lower()
        if key in fields:
            raise Unsupported(f"a message with two {key.title()} fields")
        fields[key] = value.decode("utf-8", "replace").strip()
    if "dkim-signature" in fields:
        raise Unsupported("a signature that the provider would not keep")
    return fields


def _decoded(value: str) -> str:
    """RFC 2047 words undone."""
    if "=?" not in value:
        return value
    return str(email.header.make_header(email.header.decode_header(value)))


def _parts(kind: str, body: bytes) -> tuple[str, str]:
    match = _BOUNDARY.match(kind)
    pieces = (b"\r\n" + body).split(b"\r\n--" + match[1].encode()) if match else []
    if len(pieces) != 4 or not pieces[3].startswith(b"--"):
        raise Unsupported("a message that is not one text and one HTML part")
    found = dict(_part(piece) for piece in pieces[1:3])
    if found.keys() != {"plain", "html"}:
        raise Unsupported("a message that is not one text and one HTML part")
    return found["plain"], found["html"]


def _part(piece: bytes) -> tuple[str, str]:
    head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    fields = _fields(head)
    kind = fields.get("content-type", "").partition(";")[0].strip().removeprefix("text/")
    if fields.get("content-transfer-encoding") == "base64":
        raw = binascii.a2b_base64(body)
    else:
        raw = binascii.a2b_qp(body)
    return kind, raw.decode("utf-8").replace("\r\n", "\n")
