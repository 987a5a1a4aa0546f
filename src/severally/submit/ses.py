"""Amazon SES v2's `SendEmail` and `SendBulkEmail`, as its API reference describes them (read
November 2026). Templates are filled where they stand in the request and hold plain `{{name}}`.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import re
from collections.abc import Sequence
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
from severally.submit.fields import entries, entry, file_of, json_of, one, parties, refuse_any, text

NAME = "ses"
SEND = "/v2/email/outbound-emails"
BULK = "/v2/email/outbound-bulk-emails"
CURE = "make one call, or one entry of SendBulkEmail, for each recipient"
MOST = 50
_SLOT = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
_FORMS = {
    d.UNSIGNED: (403, "InvalidSignatureException"),
    d.NOT_ALLOWED: (403, "AccessDeniedException"),
    d.HALTED: (400, "SendingPausedException"),
    d.LEAK: (400, "MessageRejected"),
    d.TOO_LARGE: (413, "RequestEntityTooLargeException"),
    d.TROUBLE: (503, "ServiceUnavailableException"),
}


def matches(request: Request) -> bool:
    """Whether this is its request."""
    return request.method == "POST" and request.path in (SEND, BULK)


def read(request: Request) -> Read:
    """Raises Unread, Unsupported."""
    body = entry(json_of(request.body, "the body"), "the body")
    refuse_any(body, {"ListManagementOptions": "only SES knows its contact lists"})
    drafts = _bulk(body) if request.path == BULK else (_single(body),)
    if len(drafts) > MOST or any(len(each.everyone) > MOST for each in drafts):
        raise Unread(f"more than {MOST} destinations")
    return Read(drafts)


def accepted(request: Request, read: Read, ids: Sequence[Sequence[str]]) -> Answer:
    """A MessageId, or one result for each entry."""
    names = [each[0].partition("@")[0] for each in ids]
    if request.path == SEND:
        return _json(200, {"MessageId": names[0]})
    results = [{"Status": "SUCCESS", "MessageId": name} for name in names]
    return _json(200, {"BulkEmailEntryResults": results})


def refused(request: Request, why: Why) -> Answer:
    """An exception of SES by name, with a message."""
    status, name = _FORMS.get(why.kind, (400, "BadRequestException"))
    answer = _json(status, {"message": why.words})
    return Answer(status, answer.body, (("x-amzn-ErrorType", name),))


def _json(status: int, said: object) -> Answer:
    return Answer(status, msgspec.json.encode(said))


def _single(body: dict[str, Any]) -> Draft:
    content = entry(body.get("Content"), "Content")
    to, cc, bcc = _destination(body)
    if content.get("Raw") is not None:
        return _raw(body, entry(content["Raw"], "Raw"), to, cc, bcc)
    if content.get("Template") is not None:
        said = _filled(entry(content["Template"], "Template"), "{}", {})
    else:
        said = _simple(entry(content.get("Simple"), "Simple"))
    return _made(body, to, cc, bcc, said)


def _bulk(body: dict[str, Any]) -> tuple[Draft, ...]:
    template = entry(entry(body.get("DefaultContent"), "DefaultContent").get("Template"), "it")
    rows = entries(body.get("BulkEmailEntries"), "BulkEmailEntries")
    if not rows:
        raise Unread("there are no BulkEmailEntries")
    drafts = []
    for raw in rows:
        row = entry(raw, "an entry")
        own = entry(
            entry(row.get("ReplacementEmailContent"), "it").get("ReplacementTemplate"), "it"
        )
        data = text(own.get("ReplacementTemplateData"), "template data") or "{}"
        said = _filled(template, text(template.get("TemplateData"), "data") or "{}", _data(data))
        heads = tuple(_headers(row.get("ReplacementHeaders")))
        drafts.append(_made(body, *_destination(row), said, heads))
    return tuple(drafts)


def _made(
    body: dict[str, Any],
    to: tuple[NamedAddress, ...],
    cc: tuple[NamedAddress, ...],
    bcc: tuple[NamedAddress, ...],
    said: dict[str, Any],
    headers: tuple[tuple[str, str], ...] = (),
) -> Draft:
    if not (to or cc or bcc):
        raise Unread("nobody stands in Destination")
    answers = entries(body.get("ReplyToAddresses"), "ReplyToAddresses")
    return Draft(
        one(text(body.get("FromEmailAddress"), "FromEmailAddress"), "FromEmailAddress"),
        to,
        cc,
        bcc,
        tuple(one(text(each, "a reply-to"), "a reply-to") for each in answers),
        said["subject"],
        said["text"],
        said["html"],
        (*said.get("headers", ()), *headers),
        said.get("attachments", ()),
    )


def _simple(simple: dict[str, Any]) -> dict[str, Any]:
    body = entry(simple.get("Body"), "Body")
    return {
        "subject": _data_of(simple.get("Subject")),
        "text": _data_of(body.get("Text")),
        "html": _data_of(body.get("Html")),
        "headers": tuple(_headers(simple.get("Headers"))),
        "attachments": tuple(
            file_of(
                f.get("FileName"), f.get("ContentType"), f.get("RawContent"), f.get("ContentId")
            )
            for f in (entry(raw, "it") for raw in entries(simple.get("Attachments"), "Attachments"))
        ),
    }


def _filled(template: dict[str, Any], data: str, own: dict[str, Any]) -> dict[str, Any]:
    content = entry(template.get("TemplateContent"), "TemplateContent")
    if not content:
        raise Unsupported("a stored template: only SES has it; write TemplateContent")
    said = text(template.get("TemplateData"), "TemplateData") or data
    values = {**_data(said), **own}
    parts = {
        ours: _fill(text(content.get(theirs), theirs), values)
        for ours, theirs in (("subject", "Subject"), ("text", "Text"), ("html", "Html"))
    }
    return {**parts, "headers": tuple(_headers(template.get("Headers")))}


def _fill(form: str, values: dict[str, Any]) -> str:
    def put(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if not isinstance(value, str | int | float):
            raise Unread(f"the template asks for {match[1][:40]}, which the data does not have")
        return str(value)

    if "{{" in _SLOT.sub("", form):
        raise Unsupported("a template with more in it than {{name}}")
    return _SLOT.sub(put, form)


def _data(said: str) -> dict[str, Any]:
    return entry(json_of(said, "template data that"), "template data")


def _data_of(value: Any) -> str:
    return text(entry(value, "a text").get("Data"), "a text's Data")


def _headers(value: Any) -> list[tuple[str, str]]:
    rows = [entry(raw, "a header") for raw in entries(value, "Headers")]
    return [(text(r.get("Name"), "a name"), text(r.get("Value"), "a value")) for r in rows]


def _raw(
    body: dict[str, Any],
    raw: dict[str, Any],
    to: tuple[NamedAddress, ...],
    cc: tuple[NamedAddress, ...],
    bcc: tuple[NamedAddress, ...],
) -> Draft:
    try:
        message = base64.b64decode(text(raw.get("Data"), "Data"), validate=True)
    except (binascii.Error, ValueError):
        raise Unread("raw data that is not base64") from None
    head = email.message_from_bytes(message, policy=email.policy.compat32)
    if not (to or cc or bcc):
        to, cc, bcc = (
            tuple(p for field in head.get_all(name, []) for p in parties(str(field), name))
            for name in ("to", "cc", "bcc")
        )
    sender = text(body.get("FromEmailAddress"), "from") or str(head.get("from", ""))
    return Draft(one(sender, "the sender"), to, cc, bcc, raw=message)


def _destination(
    fields: dict[str, Any],
) -> tuple[tuple[NamedAddress, ...], tuple[NamedAddress, ...], tuple[NamedAddress, ...]]:
    destination = entry(fields.get("Destination"), "Destination")
    to, cc, bcc = (
        tuple(
            party
            for raw in entries(destination.get(name), name)
            for party in parties(text(raw, name), name)
        )
        for name in ("ToAddresses", "CcAddresses", "BccAddresses")
    )
    return to, cc, bcc
