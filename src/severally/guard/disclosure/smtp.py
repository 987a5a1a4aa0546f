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

_ADDRESSED = frozenset({"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"})
_SENDERS = frozenset({"from", "sender", "reply-to", "resent-from", "resent-sender"})
_OUR_TRACE = frozenset({"message-id", "dkim-signature", "content-type", "received", "date"})
"""Fields whose `@` is not an address of a person (RFC 5322 3.6.4)."""


def disclosure(mail_from: str, rcpt_to: Sequence[str], message: bytes) -> Disclosure:
    """What each mailbox of the envelope will see. `mail_from` becomes the Return-Path."""
    parsed = _parsed(message)
    shown = frozenset(_in_message(parsed))
    visible = {box.lower(): shown | {box.lower()} for box in rcpt_to}
    return Disclosure(visible, addressed=_addressed(parsed))


def addresses_in(message: bytes) -> Iterator[str]:
    """Every address that can be read in a message, its trace fields left out."""
    return _in_message(_parsed(message))


def addressed_in(message: bytes) -> frozenset[str]:
    """Whom a message says it was written to, its sender left out: a list written to itself."""
    return _addressed(_parsed(message))


def _parsed(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _addressed(parsed: EmailMessage) -> frozenset[str]:
    to, senders = (
        {
            address
            for name, value in parsed.items()
            if name.lower() in names
            for address in in_text(str(value))
        }
        for names in (_ADDRESSED, _SENDERS)
    )
    return frozenset(to - senders)


def _in_message(parsed: EmailMessage) -> Iterator[str]:
    for part in parsed.walk():
        for name, value in part.items():
            if name.lower() not in _OUR_TRACE:
                yield from in_text(str(value))
        if not part.is_multipart():
            body = part.get_payload(decode=True)
            if isinstance(body, bytes):
                yield from in_text(body.decode("utf-8", "replace"))
