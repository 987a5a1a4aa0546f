"""SMTP: everybody in the envelope sees the same message, and every address in it.

Reads the message with the standard library only: slow, and a second opinion to the guard's
own reading.
"""

from __future__ import annotations

import email
import email.policy
import html
import re
import urllib.parse
from collections.abc import Iterator, Sequence
from email.message import EmailMessage

from severally.guard.disclosure import Disclosure

_ADDRESS = re.compile(r"[^\s<>\"'(),:;=&?/\[\]\\]+@[^\s<>\"'(),:;=&?/\[\]\\]+")
_OUR_TRACE = frozenset({"message-id", "dkim-signature", "content-type", "received", "date"})
"""Fields whose `@` is not an address of a person (RFC 5322 3.6.4)."""


def disclosure(mail_from: str, rcpt_to: Sequence[str], message: bytes) -> Disclosure:
    """What each mailbox of the envelope will see. `mail_from` becomes the Return-Path."""
    shown = frozenset(_addresses(message))
    return Disclosure({box.lower(): shown | {box.lower()} for box in rcpt_to})


def _addresses(message: bytes) -> Iterator[str]:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    for part in parsed.walk():
        for name, value in part.items():
            if name.lower() not in _OUR_TRACE:
                yield from _in_text(str(value))
        if not part.is_multipart():
            body = part.get_payload(decode=True)
            if isinstance(body, bytes):
                yield from _in_text(body.decode("utf-8", "replace"))


def _in_text(text: str) -> Iterator[str]:
    for form in (text, html.unescape(text), urllib.parse.unquote(html.unescape(text))):
        for match in _ADDRESS.finditer(form):
            yield match[0].strip(".!*-").removeprefix("mailto").lower()
