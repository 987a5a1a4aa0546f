"""What Resend will write: each object of the batch as it stands.

Source: Resend's API reference, "Send Batch Emails" (read November 2026).
"""

from __future__ import annotations

import email.utils
from collections.abc import Iterator, Mapping
from typing import Any

from severally.guard.disclosure.shown import json_body, rows, table
from severally.guard.requests.written import Written, one, only, word

_KNOWN = frozenset({"from", "to", "subject", "text", "html", "reply_to", "headers", "tags"})


def written(headers: Mapping[str, str], body: bytes) -> Iterator[Written]:
    """Each message. Raises NotUnderstood."""
    for raw in rows(json_body(body), "the batch"):
        message = table(raw, "a message")
        only(message, _KNOWN, "a message")
        yield Written(
            word(one(message.get("to"), "to"), "to"),
            _reference(message),
            email.utils.parseaddr(word(message.get("from"), "from")),
            word(message.get("reply_to", ""), "reply_to"),
            word(message.get("subject"), "subject"),
            word(message.get("text"), "text"),
            word(message.get("html"), "html"),
            tuple(
                (name, word(value, "a header"))
                for name, value in table(message.get("headers"), "headers").items()
            ),
        )


def _reference(message: Mapping[str, Any]) -> str:
    tag = table(one(message.get("tags"), "tags"), "a tag")
    if tag.keys() != {"name", "value"} or tag["name"] != "delivery":
        return ""
    return word(tag["value"], "a tag")
