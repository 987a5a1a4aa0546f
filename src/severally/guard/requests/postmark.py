"""What Postmark will write: each object of the batch as it stands.

Source: Postmark, "Email API" and "Sending messages in batch" (read November 2026).
"""

from __future__ import annotations

import email.utils
from collections.abc import Iterator, Mapping
from typing import Any

from severally.guard.disclosure import NotUnderstood
from severally.guard.disclosure.shown import json_body, rows, table
from severally.guard.requests.written import Written, only, word

_KNOWN = frozenset(
    {
        *("From", "To", "Subject", "TextBody", "HtmlBody", "ReplyTo", "Headers", "Metadata"),
        *("MessageStream", "TrackOpens", "TrackLinks"),
    }
)


def written(headers: Mapping[str, str], body: bytes) -> Iterator[Written]:
    """Each message. Raises NotUnderstood."""
    for raw in rows(json_body(body), "the batch"):
        message = table(raw, "a message")
        only(message, _KNOWN, "a message")
        if message.get("TrackOpens") is not False or message.get("TrackLinks") != "None":
            raise NotUnderstood("tracking that is not switched off")
        yield Written(
            word(message.get("To"), "To"),
            _reference(message),
            email.utils.parseaddr(word(message.get("From"), "From")),
            word(message.get("ReplyTo", ""), "ReplyTo"),
            word(message.get("Subject"), "Subject"),
            word(message.get("TextBody"), "TextBody"),
            word(message.get("HtmlBody"), "HtmlBody"),
            tuple(_header(each) for each in rows(message.get("Headers"), "Headers")),
        )


def _header(raw: Any) -> tuple[str, str]:
    header = table(raw, "a header")
    only(header, ("Name", "Value"), "a header")
    return word(header.get("Name"), "a header"), word(header.get("Value"), "a header")


def _reference(message: Mapping[str, Any]) -> str:
    metadata = table(message.get("Metadata"), "Metadata")
    only(metadata, ("delivery",), "Metadata")
    return word(metadata.get("delivery"), "Metadata")
