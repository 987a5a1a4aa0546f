"""Postmark's `POST /email` and `/email/batch`, as its developer pages describe them (read November
2026). Field names are read whatever their case, as Postmark does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from severally.submit import draft as d
from severally.submit.draft import Answer, Draft, Read, Request, Unread, Unsupported, Why
from severally.submit.fields import entries, entry, file_of, messages, one, parties, text

NAME = "postmark"
ONE = "/email"
BATCH = "/email/batch"
TEMPLATES = ("/email/withTemplate", "/email/batchWithTemplates")
CURE = "send one message to each recipient, 500 of them in one call to /email/batch"
MOST = 500
_FORMS = {d.UNSIGNED: (401, 10), d.TOO_LARGE: (413, 0), d.HALTED: (503, 100), d.TROUBLE: (503, 100)}
_INVALID = (422, 300)


def matches(request: Request) -> bool:
    """Whether this is its request."""
    return request.method == "POST" and request.path.rstrip("/") in (ONE, BATCH, *TEMPLATES)


def key(request: Request) -> str:
    """The server's token."""
    return request.headers.get("x-postmark-server-token", "")


def read(request: Request) -> Read:
    """Raises Unread, Unsupported."""
    if request.path.rstrip("/") in TEMPLATES:
        raise Unsupported("a stored template: only Postmark has it")
    return Read(tuple(map(_draft, messages(request, _batch(request), MOST))))


def accepted(request: Request, read: Read, ids: Sequence[Sequence[str]]) -> Answer:
    """One result for each message."""
    results = [
        {
            "To": ", ".join(party.address for party in draft.to),
            "SubmittedAt": request.headers.get("x-received-at", ""),
            "MessageID": own[0].partition("@")[0],
            "ErrorCode": 0,
            "Message": "OK",
        }
        for draft, own in zip(read.drafts, ids, strict=True)
    ]
    return Answer(200, msgspec.json.encode(results if _batch(request) else results[0]))


def refused(request: Request, why: Why) -> Answer:
    """An ErrorCode and a Message."""
    status, code = _FORMS.get(why.kind, _INVALID)
    return Answer(status, msgspec.json.encode({"ErrorCode": code, "Message": why.words}))


def _batch(request: Request) -> bool:
    return request.path.rstrip("/") == BATCH


def _draft(message: dict[str, Any]) -> Draft:
    fields = {name.lower(): value for name, value in message.items()}
    if len(fields) != len(message):
        raise Unread("a field in two spellings")
    to, cc, bcc = (parties(text(fields.get(name), name), name) for name in ("to", "cc", "bcc"))
    if not to:
        raise Unread("a message without To")
    headers = [_lower(raw) for raw in entries(fields.get("headers"), "Headers")]
    files = [_lower(raw) for raw in entries(fields.get("attachments"), "Attachments")]
    return Draft(
        one(text(fields.get("from"), "From"), "From"),
        to,
        cc,
        bcc,
        parties(text(fields.get("replyto"), "ReplyTo"), "ReplyTo"),
        text(fields.get("subject"), "Subject"),
        text(fields.get("textbody"), "TextBody"),
        text(fields.get("htmlbody"), "HtmlBody"),
        tuple((text(h.get("name"), "a name"), text(h.get("value"), "a value")) for h in headers),
        tuple(
            file_of(f.get("name"), f.get("contenttype"), f.get("content"), f.get("contentid"))
            for f in files
        ),
    )


def _lower(raw: Any) -> dict[str, Any]:
    return {name.lower(): value for name, value in entry(raw, "an entry").items()}
