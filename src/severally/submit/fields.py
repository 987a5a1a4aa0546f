"""Reading JSON bodies and lists of mailboxes, for the providers' modules.

Not shared with the guard, which reads the same requests on its own.
"""

from __future__ import annotations

import base64
import binascii
import email.utils
from collections.abc import Iterator
from typing import Any

import msgspec

from severally.submit.draft import Attachment, NamedAddress, Request, Unread, Unsupported


def json_of(text_: bytes | str, what: str) -> Any:
    """JSON as Python has it. Raises Unread."""
    try:
        return msgspec.json.decode(text_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unread(f"{what} is not JSON") from None


def messages(request: Request, batch: bool, most: int) -> list[dict[str, Any]]:
    """The messages of a body that is one, or a list of `most`. Raises Unread."""
    body = json_of(request.body, "the body")
    rows = entries(body, "the batch") if batch else [body]
    if not rows:
        raise Unread("there is no message")
    if len(rows) > most:
        raise Unread(f"more than {most} messages in one request")
    return [entry(row, "a message") for row in rows]


def bearer(request: Request) -> str:
    """The key in `Authorization: Bearer KEY`; empty where there is none."""
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()


def entry(value: Any, what: str) -> dict[str, Any]:
    """An object; {} where there is none. Raises Unread."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unread(f"{what} is not an object")
    return value


def entries(value: Any, what: str) -> list[Any]:
    """A list; [] where there is none. Raises Unread."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unread(f"{what} is not a list")
    return value


def text(value: Any, what: str) -> str:
    """Text; empty where there is none. Raises Unread."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unread(f"{what} is not text")
    return value


def parties(value: str, what: str) -> tuple[NamedAddress, ...]:
    """`"Ada" <ada@x.example>, bob@x.example`. Raises Unread."""
    return tuple(_parties(value, what))


def _parties(value: str, what: str) -> Iterator[NamedAddress]:
    if not value.strip():
        return
    for name, address in email.utils.getaddresses([value]):
        if not address:
            raise Unread(f"{what} is not a list of addresses")
        yield NamedAddress(address, name)


def one(value: str, what: str) -> NamedAddress:
    """Exactly one mailbox. Raises Unread."""
    found = parties(value, what)
    if len(found) != 1:
        raise Unread(f"{what} is not one address")
    return found[0]


def file_of(name: Any, kind: Any, content: Any, cid: Any) -> Attachment:
    """A file whose content is base64. Raises Unread."""
    try:
        data = base64.b64decode(text(content, "an attachment's content"), validate=True)
    except (binascii.Error, ValueError):
        raise Unread("an attachment that is not base64") from None
    return Attachment(
        text(name, "an attachment's name"),
        text(kind, "an attachment's type") or "application/octet-stream",
        data,
        text(cid, "a content id").strip("<>").removeprefix("cid:"),
    )


def refuse_any(fields: dict[str, Any], unsupported: dict[str, str]) -> None:
    """Raise Unsupported for a field that asks for something; `unsupported` says why not."""
    for name, why in unsupported.items():
        if fields.get(name) not in (None, "", [], {}, False):
            raise Unsupported(f"{name}: {why}")
