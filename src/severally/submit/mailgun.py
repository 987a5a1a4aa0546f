"""Mailgun's `POST /v3/DOMAIN/messages` and `/messages.mime`, as its API reference and its page
"Batch sending" describe them (read November 2026). With recipient variables every `to` is a draft.
"""

from __future__ import annotations

import base64
import binascii
import email.message
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from severally.submit import draft as d
from severally.submit.draft import (
    Answer,
    Attachment,
    Draft,
    NamedAddress,
    Read,
    Request,
    Unread,
    Unsupported,
    Why,
)
from severally.submit.fields import entry, json_of, one, parties, text

NAME = "mailgun"
CURE = "add recipient-variables with an entry for each recipient, an empty one suffices"
MOST = 1_000
_PATH = re.compile(r"/v3/[^/]+/messages(\.mime)?")
_VARIABLE = re.compile(r"%recipient(?:\.([A-Za-z0-9_.-]+))?%")
_ONLY_THERE = ("template", "t:", "amp-html", "o:deliverytime", "o:time-zone-localize")
_STATUS = {d.UNSIGNED: 401, d.NOT_ALLOWED: 403, d.HALTED: 403, d.TOO_LARGE: 413, d.TROUBLE: 503}


class Field(NamedTuple):
    """One field of a form; `file` is None for a plain one."""

    name: str
    value: bytes
    file: str | None = None
    type: str = ""


def matches(request: Request) -> bool:
    """Whether this is its request."""
    return request.method == "POST" and _PATH.fullmatch(request.path) is not None


def key(request: Request) -> str:
    """The password of basic authentication, whose name is `api`."""
    encoded = request.headers.get("authorization", "").removeprefix("Basic ").strip()
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def read(request: Request) -> Read:
    """Raises Unread, Unsupported."""
    fields = form(request.headers.get("content-type", ""), request.body)
    for field in fields:
        if field.name.lower().startswith(_ONLY_THERE):
            raise Unsupported(f"{field.name[:40]}: only Mailgun can do that")
    said = {name: _texts(fields, name) for name in {f.name.lower() for f in fields if not f.file}}
    to, cc, bcc = (
        tuple(p for value in said.get(name, []) for p in parties(value, name))
        for name in ("to", "cc", "bcc")
    )
    if not to:
        raise Unread("there is no recipient in to")
    if len({party.address.lower() for party in (*to, *cc, *bcc)}) > MOST:
        raise Unread(f"more than {MOST:,} recipients in one request")
    variables = _variables(said)
    base = _draft(said, fields, to, cc, bcc)
    alone = [party for party in to if party.address.lower() in variables]
    together = tuple(party for party in to if party.address.lower() not in variables)
    drafts = [_for(base, party, variables[party.address.lower()]) for party in alone]
    if together:
        drafts.append(msgspec.structs.replace(base, to=together))
    testing = any(value.lower() in ("yes", "true") for value in said.get("o:testmode", []))
    return Read(tuple(drafts), rehearsal=testing)


def accepted(request: Request, read: Read, ids: Sequence[Sequence[str]]) -> Answer:
    """One id for the whole request."""
    said = {"id": f"<{ids[0][0]}>", "message": "Queued. Thank you."}
    return Answer(200, msgspec.json.encode(said))


def refused(request: Request, why: Why) -> Answer:
    """A message."""
    status = _STATUS.get(why.kind, 400)
    return Answer(status, msgspec.json.encode({"message": why.words}))


def _draft(
    said: Mapping[str, list[str]],
    fields: Sequence[Field],
    to: tuple[NamedAddress, ...],
    cc: tuple[NamedAddress, ...],
    bcc: tuple[NamedAddress, ...],
) -> Draft:
    def single(name: str) -> str:
        values = said.get(name, [])
        if len(values) > 1:
            raise Unread(f"{name} stands twice")
        return values[0] if values else ""

    raw = b"".join(field.value for field in fields if field.name.lower() == "message")
    sender = single("from")
    if raw and not sender:
        sender = str(email.message_from_bytes(raw).get("from", ""))
    headers = tuple(
        (field.name[2:], field.value.decode("utf-8", "replace"))
        for field in fields
        if field.name.lower().startswith("h:") and field.name.lower() != "h:reply-to"
    )
    return Draft(
        one(sender, "from"),
        to,
        cc,
        bcc,
        parties(single("h:reply-to"), "h:Reply-To"),
        single("subject"),
        single("text"),
        single("html"),
        headers,
        tuple(_files(fields)),
        raw,
    )


def _files(fields: Sequence[Field]) -> list[Attachment]:
    return [
        Attachment(
            field.file,
            field.type or "application/octet-stream",
            field.value,
            field.file if field.name.lower() == "inline" else "",
        )
        for field in fields
        if field.file is not None and field.name.lower() in ("attachment", "inline")
    ]


def _for(base: Draft, party: NamedAddress, own: dict[str, Any]) -> Draft:
    """The draft of one recipient, variables put in."""

    def put(value: str) -> str:
        return _VARIABLE.sub(
            lambda m: party.address if m[1] is None else str(own.get(m[1], "")), value
        )

    return msgspec.structs.replace(
        base,
        to=(party,),
        subject=put(base.subject),
        text=put(base.text),
        html=put(base.html),
        headers=tuple((name, put(value)) for name, value in base.headers),
        raw=put(base.raw.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape"),
    )


def _variables(said: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    values = said.get("recipient-variables", [])
    if len(values) > 1:
        raise Unread("recipient-variables stands twice")
    what = "recipient-variables"
    found = entry(json_of(values[0], what) if values else {}, what)
    return {box.lower(): entry(own, "a recipient's variables") for box, own in found.items()}


def _texts(fields: Sequence[Field], name: str) -> list[str]:
    try:
        return [f.value.decode() for f in fields if f.name.lower() == name and f.file is None]
    except UnicodeDecodeError:
        raise Unread(f"{text(name, 'a name')[:40]} is not UTF-8") from None


def form(kind: str, body: bytes) -> list[Field]:
    """The fields of a form in their order (RFC 7578, or URL-encoded). Raises Unread."""
    lower = kind.lower()
    if lower.startswith("application/x-www-form-urlencoded"):
        try:
            pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
        except UnicodeDecodeError:
            raise Unread("a form that is not UTF-8") from None
        return [Field(name, value.encode()) for name, value in pairs]
    head = email.message.Message()
    head["Content-Type"] = kind
    boundary = head.get_boundary()
    if not lower.startswith("multipart/form-data") or not boundary:
        raise Unread("the body is not a form")
    return _parts(body, boundary.encode())


def _parts(body: bytes, boundary: bytes) -> list[Field]:
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise Unread("a form that was cut off")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Field:
    head, found, value = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    said = email.message_from_bytes(head + b"\r\n\r\n")
    name = said.get_param("name", header="content-disposition")
    if not found or not isinstance(name, str) or said.defects:
        raise Unread("a form whose parts cannot be read")
    return Field(name, value, said.get_filename(), said.get_content_type())
