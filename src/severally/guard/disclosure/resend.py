"""Resend `POST /emails` and `/emails/batch`: one message for each object; its to and cc see each
other.

Source: Resend's API reference, "Send Email" and "Send Batch Emails" (read November 2026): `to`,
`cc` and `bcc` are an address or a list of them, of one message. That those in `to` see each other
follows from ordinary To semantics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from severally.guard.disclosure import Disclosure, NotUnderstood
from severally.guard.disclosure.shown import (
    Visible,
    in_attachments,
    in_value,
    json_body,
    listed,
    rows,
    table,
)

ONE = "/emails"
BATCH = "/emails/batch"
_NOT_SHOWN = frozenset({"to", "cc", "bcc", "tags", "attachments", "scheduled_at", "topic_id"})


def disclosure(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Disclosure:
    """Who will see whom. Raises NotUnderstood."""
    place = path.split("?")[0].rstrip("/")
    if method.upper() != "POST" or place not in (ONE, BATCH):
        raise NotUnderstood("not one of Resend's email endpoints")
    read = json_body(body)
    messages = rows(read, "the batch") if place == BATCH else [read]
    visible = Visible()
    for raw in messages:
        message = table(raw, "a message")
        to, cc, bcc = (_boxes(message.get(key), key) for key in ("to", "cc", "bcc"))
        if not to:
            raise NotUnderstood("a message without to")
        shown = {
            address
            for key, value in message.items()
            if key not in _NOT_SHOWN
            for address in in_value(value)
        }
        shown.update(in_attachments(message.get("attachments"), "content"))
        visible.message([*to, *cc], shown, bcc)
    return visible.disclosure()


def _boxes(value: Any, key: str) -> list[str]:
    entries = [value] if isinstance(value, str) else rows(value, key)
    if not all(isinstance(entry, str) for entry in entries):
        raise NotUnderstood(f"an entry of {key} that is not text")
    return [box for entry in entries for box in listed(entry)]
