"""SMTP: everybody in the envelope sees the same message, and every address in it.

Reads the message with the standard library only: slow, and a second opinion to the guard's
own reading.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator, Sequence
from email.message import EmailMessage

from severally.guard.disclosure import Disclosure
from severally.guard.disclosure.shown import in_text

_OUR_TRACE = frozenset({"message-id", "dkim-signature", "content-type", "received", "date"})
"""Fields whose `@` is not an address of a person (RFC 5322 3.6.4)."""


def disclosure(mail_from: str, rcpt_to: Sequence[str], message: bytes) -> Disclosure:
    """What each mailbox of the envelope will see. `mail_from` becomes the Return-Path."""
    shown = frozenset(addresses_in(message))
    return Disclosure({box.lower(): shown | {box.lower()} for box in rcpt_to})


def addresses_in(message: bytes) -> Iterator[str]:
    """Every address that can be read in a message, its trace fields left out."""
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    for part in parsed.walk():
        for name, value in part.items():
            if name.lower() not in _OUR_TRACE:
                yield from in_text(str(value))
        if not part.is_multipart():
            body = part.get_payload(decode=True)
            if isinstance(body, bytes):
                yield from in_text(body.decode("utf-8", "replace"))
