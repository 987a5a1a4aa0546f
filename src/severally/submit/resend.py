"""Resend's `POST /emails` and `/emails/batch`, as its API reference describes them (read November
2026).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from severally.submit import draft as d
from severally.submit.draft import Answer, Draft, NamedAddress, Read, Request, Unread, Why
from severally.submit.fields import bearer, entries, entry, file_of, messages, one, refuse_any, text

NAME = "resend"
ONE = "/emails"
BATCH = "/emails/batch"
CURE = "send one message to each recipient, 100 of them in one call to /emails/batch"
MOST = 100
MOST_TO = 50
_ONLY_THERE = {
    "scheduled_at": "the guard sends at once",
    "template": "only Resend has its templates",
    "topic_id": "only Resend knows its topics",
}
_FORMS = {
    d.UNSIGNED: (401, "missing_api_key"),
    d.NOT_ALLOWED: (403, "validation_error"),
    d.HALTED: (403, "validation_error"),
    d.TOO_LARGE: (413, "validation_error"),
    d.TROUBLE: (503, "application_error"),
}


def matches(request: Request) -> bool:
    """Whether this is its request."""
    return request.method == "POST" and request.path in (ONE, BATCH)


def key(request: Request) -> str:
    """The API key the program shows."""
    return bearer(request)


def read(request: Request) -> Read:
    """Raises Unread, Unsupported."""
    return Read(tuple(map(_draft, messages(request, request.path == BATCH, MOST))))


def accepted(request: Request, read: Read, ids: Sequence[Sequence[str]]) -> Answer:
    """One id for each message."""
    rows = [{"id": own[0].partition("@")[0]} for own in ids]
    return Answer(200, msgspec.json.encode({"data": rows} if request.path == BATCH else rows[0]))


def refused(request: Request, why: Why) -> Answer:
    """statusCode, name and message."""
    status, name = _FORMS.get(why.kind, (422, "validation_error"))
    said = {"statusCode": status, "name": name, "message": why.words}
    return Answer(status, msgspec.json.encode(said))


def _draft(fields: dict[str, Any]) -> Draft:
    refuse_any(fields, _ONLY_THERE)
    to, cc, bcc, answers = (_parties(fields, name) for name in ("to", "cc", "bcc", "reply_to"))
    if not to:
        raise Unread("a message without to")
    if len(to) > MOST_TO:
        raise Unread(f"more than {MOST_TO} addresses in to")
    headers = entry(fields.get("headers"), "headers")
    files = [entry(raw, "an attachment") for raw in entries(fields.get("attachments"), "files")]
    for file in files:
        refuse_any(file, {"path": "the guard fetches nothing; send the content"})
    return Draft(
        one(text(fields.get("from"), "from"), "from"),
        to,
        cc,
        bcc,
        answers,
        text(fields.get("subject"), "subject"),
        text(fields.get("text"), "text"),
        text(fields.get("html"), "html"),
        tuple((name, text(value, "a header")) for name, value in headers.items()),
        tuple(
            file_of(f.get("filename"), f.get("content_type"), f.get("content"), f.get("content_id"))
            for f in files
        ),
    )


def _parties(fields: dict[str, Any], name: str) -> tuple[NamedAddress, ...]:
    value = fields.get(name)
    rows = [value] if isinstance(value, str) else entries(value, name)
    return tuple(one(text(raw, name), name) for raw in rows)
