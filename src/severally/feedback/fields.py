"""The fields of delivery and feedback reports, read by hand from their own bytes.

The standard library takes `message/global-delivery-status` (RFC 6533) for a message with a body,
and some systems encode the part, which RFC 3464 forbids.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message

Group = dict[str, str]
"""Lower-case field names to values, unfolded."""
_BLANK = re.compile(r"\n[ \t]*\n")
_FOLD = re.compile(r"\n[ \t]+")
_TYPE = re.compile(r"^\s*[A-Za-z0-9.-]{1,40}\s*;\s*")
_XTEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")


def groups_of(part: Message) -> Iterator[Group]:
    """Its groups of fields, in order."""
    for block in _BLANK.split(_text(part)):
        group: Group = {}
        for line in _FOLD.sub(" ", block.strip("\n")).split("\n"):
            name, colon, value = line.partition(":")
            if colon and name and " " not in name.strip():
                group.setdefault(name.strip().lower(), value.strip())
        if group:
            yield group


def words_of(value: str) -> str:
    """`smtp; 550 no` to `550 no`, `utf-8; j\\x{FC}rgen@x` to the address (RFC 6533 3)."""
    bare = _TYPE.sub("", value, count=1)
    return _XTEXT.sub(lambda found: _character(int(found[1], 16)), plain(bare)).strip()


def _character(number: int) -> str:
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


def plain(value: str) -> str:
    """With encoded words (RFC 2047) read; as it is where they cannot be."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


def _text(part: Message) -> str:
    """The part's own text, put together again from what the parser made of it."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        text = str(payload)
    elif part.get_content_type() == "message/delivery-status":
        text = "\n\n".join(_fields(each) for each in payload if isinstance(each, Message))
    else:
        text = "\n\n".join(
            f"{_fields(each)}\n\n{each.get_payload()}"
            for each in payload
            if isinstance(each, Message)
        )
    return _decoded(text, str(part.get("content-transfer-encoding", "")).strip().lower())


def _fields(message: Message) -> str:
    lines = [f"{name}: {value}" for name, value in message.items()]
    return "\n".join(lines).replace("\r\n", "\n")


def _decoded(text: str, encoding: str) -> str:
    raw = text.encode("utf-8", "surrogateescape")
    try:
        if encoding == "base64":
            raw = base64.b64decode(raw)
        elif encoding == "quoted-printable":
            raw = quopri.decodestring(raw)
    except binascii.Error:
        return ""
    return raw.decode("utf-8", "replace").replace("\r\n", "\n")
