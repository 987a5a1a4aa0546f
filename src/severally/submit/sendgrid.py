"""SendGrid's `POST /v3/mail/send`, as its API reference describes it (read November 2026).

A personalization is one draft; its fields replace the request's own, and its substitutions are
made in subject, content and reply-to. What only SendGrid can do is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from severally.submit import draft as d
from severally.submit.draft import (
    Answer,
    Draft,
    NamedAddress,
    Read,
    Request,
    Unread,
    Unsupported,
    Why,
)
from severally.submit.fields import bearer, entries, entry, file_of, json_of, refuse_any, text

NAME = "sendgrid"
PATH = "/v3/mail/send"
CURE = "give each recipient a personalization of their own"
MOST = 1_000
_ONLY_THERE = {
    "template_id": "only SendGrid has its templates",
    "asm": "only SendGrid knows who has unsubscribed there",
    "send_at": "the guard sends at once",
    "sections": "write them out",
}
_ONLY_THERE_EACH = {
    "dynamic_template_data": "only SendGrid has its templates",
    "send_at": "the guard sends at once",
}
"""The same, of a personalization."""
_STATUS = {d.UNSIGNED: 401, d.NOT_ALLOWED: 403, d.HALTED: 403, d.TOO_LARGE: 413, d.TROUBLE: 503}


def matches(request: Request) -> bool:
    """Whether this is its request."""
    return request.method == "POST" and request.path == PATH


def read(request: Request) -> Read:
    """Raises Unread, Unsupported."""
    body = entry(json_of(request.body, "the body"), "the body")
    refuse_any(body, _ONLY_THERE)
    drafts = tuple(_draft(body, entry(raw, "a personalization")) for raw in _envelopes(body))
    boxes = [party.address.lower() for each in drafts for party in each.everyone]
    if len(boxes) > MOST:
        raise Unread(f"more than {MOST:,} recipients in one request")
    if len(set(boxes)) != len(boxes):
        raise Unread("an address stands in more than one personalization")
    sandbox = entry(entry(body.get("mail_settings"), "mail_settings").get("sandbox_mode"), "it")
    return Read(drafts, rehearsal=sandbox.get("enable") is True)


def key(request: Request) -> str:
    """The API key the program shows."""
    return bearer(request)


def accepted(request: Request, read: Read, ids: Sequence[Sequence[str]]) -> Answer:
    """202 with one id, as there is no other."""
    if read.rehearsal:
        return Answer(200)
    return Answer(202, headers=(("X-Message-Id", ids[0][0].partition("@")[0]),))


def refused(request: Request, why: Why) -> Answer:
    """`errors`, each with message, field and help."""
    field = "personalizations" if why.kind == d.LEAK else None
    error = {"message": why.words, "field": field, "help": None}
    return Answer(_STATUS.get(why.kind, 400), msgspec.json.encode({"errors": [error]}))


def _envelopes(body: Mapping[str, Any]) -> list[Any]:
    found = entries(body.get("personalizations"), "personalizations")
    if not found:
        raise Unread("there are no personalizations")
    return found


def _draft(body: dict[str, Any], envelope: dict[str, Any]) -> Draft:
    refuse_any(envelope, _ONLY_THERE_EACH)
    put = _substitutes(envelope)
    bodies = _bodies(body)
    to = _parties(envelope, "to")
    if not to:
        raise Unread("a personalization without a recipient")
    subject = text(envelope.get("subject") or body.get("subject"), "the subject")
    return Draft(
        _party(envelope.get("from") or body.get("from"), "from"),
        to,
        _parties(envelope, "cc"),
        (*_parties(envelope, "bcc"), *_archive(body)),
        _answers(body),
        put(subject),
        put(bodies.get("text/plain", "")),
        put(bodies.get("text/html", "")),
        tuple(_headers(body, envelope).items()),
        tuple(
            file_of(f.get("filename"), f.get("type"), f.get("content"), _cid(f))
            for f in map(_entry, entries(body.get("attachments"), "attachments"))
        ),
    )


def _entry(raw: Any) -> dict[str, Any]:
    return entry(raw, "an entry")


def _cid(file: dict[str, Any]) -> Any:
    return file.get("content_id") if file.get("disposition") == "inline" else None


def _bodies(body: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw in entries(body.get("content"), "content"):
        part = _entry(raw)
        kind = text(part.get("type"), "a content's type").partition(";")[0].strip().lower()
        if kind not in ("text/plain", "text/html"):
            raise Unsupported(f"content of the type {kind[:40]}; only text/plain and text/html")
        found[kind] = text(part.get("value"), "a content's value")
    if not found:
        raise Unread("there is no content")
    return found


def _headers(body: dict[str, Any], envelope: dict[str, Any]) -> dict[str, str]:
    both = {
        **entry(body.get("headers"), "headers"),
        **entry(envelope.get("headers"), "headers"),
    }
    return {name: text(value, "a header") for name, value in both.items()}


def _answers(body: dict[str, Any]) -> tuple[NamedAddress, ...]:
    single = [body["reply_to"]] if body.get("reply_to") else []
    every = [*single, *entries(body.get("reply_to_list"), "reply_to_list")]
    return tuple(_party(raw, "reply_to") for raw in every)


def _archive(body: dict[str, Any]) -> tuple[NamedAddress, ...]:
    settings = entry(body.get("mail_settings"), "mail_settings")
    if entry(settings.get("footer"), "footer").get("enable"):
        raise Unsupported("mail_settings.footer: write it into the content")
    bcc = entry(settings.get("bcc"), "bcc")
    return (_party(bcc, "bcc"),) if bcc.get("enable") else ()


def _parties(envelope: Mapping[str, Any], key_: str) -> tuple[NamedAddress, ...]:
    return tuple(_party(raw, key_) for raw in entries(envelope.get(key_), key_))


def _party(raw: Any, what: str) -> NamedAddress:
    fields = entry(raw, what)
    address = text(fields.get("email"), f"{what}'s email")
    if not address:
        raise Unread(f"{what} has no email")
    return NamedAddress(address, text(fields.get("name"), f"{what}'s name"))


def _substitutes(envelope: dict[str, Any]) -> Any:
    pairs = entry(envelope.get("substitutions"), "substitutions")

    def put(value: str) -> str:
        for name, by in pairs.items():
            value = value.replace(name, text(by, "a substitution"))
        return value

    return put
