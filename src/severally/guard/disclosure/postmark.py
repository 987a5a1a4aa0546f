"""Postmark `POST /email` and `/email/batch` (and their template forms): one message for each
object; its To and Cc see each other.

Source: Postmark's developer pages "Email API" and "Templates API" (read November 2026): `To`,
`Cc` and `Bcc` are comma separated lists of one message. That those in `To` see each other
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
    name_of,
    rows,
    table,
)

ONE = frozenset({"/email", "/email/withtemplate"})
BATCH = "/email/batch"
BATCH_OF_TEMPLATES = "/email/batchwithtemplates"
_NOT_SHOWN = frozenset(
    {"to", "cc", "bcc", "metadata", "tag", "messagestream", "attachments", "templateid"}
)


def disclosure(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Disclosure:
    """Who will see whom. Raises NotUnderstood."""
    place = path.split("?")[0].rstrip("/").lower()
    if method.upper() != "POST" or place not in {*ONE, BATCH, BATCH_OF_TEMPLATES}:
        raise NotUnderstood("not one of Postmark's email endpoints")
    visible = Visible()
    for message in _messages(place, json_body(body)):
        to, cc, bcc = (_boxes(message, key) for key in ("To", "Cc", "Bcc"))
        if not to:
            raise NotUnderstood("a message without To")
        shown = {
            address
            for key, value in message.items()
            if key.lower() not in _NOT_SHOWN
            for address in in_value(value)
        }
        shown.update(in_attachments(name_of(message, "Attachments"), "Content"))
        visible.message([*to, *cc], shown, bcc)
    return visible.disclosure()


def _messages(place: str, read: Any) -> list[dict[str, Any]]:
    if place in ONE:
        return [table(read, "the body")]
    if place == BATCH_OF_TEMPLATES:
        read = name_of(table(read, "the body"), "Messages")
    return [table(each, "a message") for each in rows(read, "the batch")]


def _boxes(message: Mapping[str, Any], key: str) -> list[str]:
    value = name_of(message, key)
    if value is None or value == "":
        return []
    if not isinstance(value, str):
        raise NotUnderstood(f"{key} is not text")
    return listed(value)
