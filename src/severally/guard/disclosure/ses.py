"""Amazon SES v2: `SendEmail` is one message that all its destinations see; `SendBulkEmail` one
for each entry.

Source: the SES v2 API reference, `SendEmail`, `SendBulkEmail`, `Destination`, and the developer
guide's page on raw mail (read November 2026): a raw message keeps its own To and Cc fields
whatever the destination says; without a destination its fields are the envelope. That several
`ToAddresses` of one entry see each other follows from ordinary To semantics.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
from collections.abc import Iterator, Mapping
from typing import Any

from severally.guard.disclosure import Disclosure, NotUnderstood
from severally.guard.disclosure.shown import Visible, in_value, json_body, listed, rows, table
from severally.guard.disclosure.smtp import shown_in

SEND = "/v2/email/outbound-emails"
BULK = "/v2/email/outbound-bulk-emails"


def disclosure(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Disclosure:
    """Who will see whom. Raises NotUnderstood."""
    place = path.split("?")[0].rstrip("/")
    if method.upper() != "POST" or place not in (SEND, BULK):
        raise NotUnderstood("not SES's SendEmail or SendBulkEmail")
    request = table(json_body(body), "the body")
    visible = Visible()
    if place == BULK:
        _bulk(request, visible)
    else:
        _single(request, visible)
    return visible.disclosure()


def _bulk(request: Mapping[str, Any], visible: Visible) -> None:
    shared = {*in_value(request.get("DefaultContent")), *in_value(request.get("ReplyToAddresses"))}
    for raw in rows(request.get("BulkEmailEntries"), "BulkEmailEntries"):
        entry = table(raw, "an entry")
        to, cc, bcc = _destination(entry)
        own = {
            *in_value(entry.get("ReplacementEmailContent")),
            *in_value(entry.get("ReplacementHeaders")),
            *_in_data(entry.get("ReplacementEmailContent")),
        }
        visible.message([*to, *cc], shared | own, bcc)


def _in_data(content: Any) -> Iterator[str]:
    """Template data is JSON in a string: what it says once it is read."""
    template = table(table(content, "content").get("ReplacementTemplate"), "template")
    data = template.get("ReplacementTemplateData")
    if isinstance(data, str):
        yield from in_value(json_body(data.encode()))


def _single(request: Mapping[str, Any], visible: Visible) -> None:
    content = table(request.get("Content"), "Content")
    to, cc, bcc = _destination(request)
    if "Raw" in content:
        _raw(content, [*to, *cc, *bcc], visible)
        return
    shown = {*in_value(content), *in_value(request.get("ReplyToAddresses"))}
    data = table(content.get("Template"), "Template").get("TemplateData")
    if isinstance(data, str):
        shown.update(in_value(json_body(data.encode())))
    visible.message([*to, *cc], shown, bcc)


def _raw(content: Mapping[str, Any], boxes: list[str], visible: Visible) -> None:
    try:
        data = table(content["Raw"], "Raw").get("Data") or ""
        message = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise NotUnderstood("raw data that is not base64") from None
    if not boxes:
        parsed = email.message_from_bytes(message, policy=email.policy.compat32)
        fields = [str(f) for key in ("to", "cc", "bcc") for f in parsed.get_all(key, [])]
        boxes = [box for field in fields for box in listed(field)]
    shown, addressed = shown_in(message)
    visible.message([], shown, boxes)
    visible.addressed(addressed)


def _destination(fields: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    destination = table(fields.get("Destination"), "Destination")
    to, cc, bcc = (
        [box for raw in rows(destination.get(key), key) for box in _boxes(raw, key)]
        for key in ("ToAddresses", "CcAddresses", "BccAddresses")
    )
    return to, cc, bcc


def _boxes(raw: Any, key: str) -> list[str]:
    if not isinstance(raw, str):
        raise NotUnderstood(f"an entry of {key} that is not text")
    return listed(raw)
