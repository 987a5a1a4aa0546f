"""From a composed message to a sealed payload, the only thing a transport accepts."""

from __future__ import annotations

import hashlib

import msgspec


class Composed(msgspec.Struct, frozen=True, gc=False):
    """One recipient's finished message, before a route turned it into a payload.

    `message` is RFC 5322 bytes with CRLF line ends, not yet dot-stuffed.
    """

    delivery: int
    mail_from: str
    rcpt_to: str
    message: bytes


class SmtpPayload(msgspec.Struct, frozen=True, gc=False):
    """What an SMTP route hands over: the envelope and the message.

    `message` is not dot-stuffed; the transport stuffs dots while it writes. `smtputf8` says
    that the envelope needs RFC 6531.
    """

    mail_from: str
    rcpt_to: tuple[str, ...]
    message: bytes
    smtputf8: bool = False


Payload = SmtpPayload
"""Every form of payload there is; provider routes add theirs."""


def payload_digest(payload: Payload) -> bytes:
    """SHA-256 over the payload, each field with its length, so that no two payloads collide."""
    head = "\0".join((payload.mail_from, *payload.rcpt_to, str(int(payload.smtputf8))))
    digest = hashlib.sha256(b"%d:%d:" % (len(head), len(payload.message)))
    digest.update(head.encode())
    digest.update(payload.message)
    return digest.digest()


class Sealed(msgspec.Struct, frozen=True, tag="sealed", gc=False):
    """A payload the guard has passed. Only `guard` makes one (a test holds to that).

    `sha256` is `payload_digest(payload)` at the time of the check; a transport compares it
    again before the first byte leaves.
    """

    deliveries: tuple[int, ...]
    payload: Payload
    sha256: bytes


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """The guard said no. It halts the mailing.

    `reason` names what was wrong without any address or private value.
    """

    deliveries: tuple[int, ...]
    reason: str


class Blocked(msgspec.Struct, frozen=True, tag="blocked"):
    """This one recipient cannot be composed for (a value is missing); the others go on."""

    delivery: int
    reason: str


Checked = Sealed | Refusal | Blocked
"""What the bench returns for each claim."""
