"""SMTP: everybody in the envelope sees the same message, and every address in it.

Reads the message with the standard library only: slow, and a second opinion to the guard's
own reading.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator, Sequence
from email.message import EmailMessage, Message

from severally.guard.disclosure import Disclosure
from severally.guard.disclosure.shown import in_text

_ADDRESSED = frozenset({"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"})
_SENDERS = frozenset({"from", "sender", "reply-to", "resent-from", "resent-sender"})
_OUR_TRACE = frozenset({"message-id", "dkim-signature", "content-type", "received", "date"})
"""Fields whose `@` is not an address of a person (RFC 5322 3.6.4)."""


def disclosure(mail_from: str, rcpt_to: Sequence[str], message: bytes) -> Disclosure:
    """What each mailbox of the envelope will see. `mail_from` becomes the Return-Path."""
    shown, addressed = shown_in(message)
    visible = {box.lower(): shown | {box.lower()} for box in rcpt_to}
    return Disclosure(visible, addressed=addressed)


def shown_in(message: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """Every address that can be read in a message, its trace fields left out; and whom it says
    it was written to, its sender left out: a list written to itself."""
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    head = [(name, frozenset(in_text(value))) for name, value in _fields(parsed)]
    to, senders = (
        {address for name, found in head if name in names for address in found}
        for names in (_ADDRESSED, _SENDERS)
    )
    shown = {address for _, found in head for address in found}
    return frozenset(shown.union(_in_parts(parsed))), frozenset(to - senders)


def _in_parts(parsed: EmailMessage) -> Iterator[str]:
    for part in parsed.walk():
        if part is not parsed:
            for _, value in _fields(part):
                yield from in_text(value)
        if not part.is_multipart():
            body = part.get_payload(decode=True)
            if isinstance(body, bytes):
                yield from in_text(body.decode("utf-8", "replace"))


def _fields(part: Message) -> Iterator[tuple[str, str]]:
    """Lower-case name and value. Each is read when it is asked for, which is slow: those that
    are not looked at are not."""
    for name in sorted({each.lower() for each in part.keys()} - _OUR_TRACE):  # noqa: SIM118
        for value in part.get_all(name, []):
            yield name, str(value)
