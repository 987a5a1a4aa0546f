"""Drafts: what a request asks to be sent, message by message, before anything is written.

A draft may still be for several people; `writing` makes one message for each of them.
"""

from __future__ import annotations

import msgspec


class Unsupported(Exception):
    """A request asks for something that cannot be carried out; dropping it would be a lie.

    Its text says what, without an address or value.
    """


class Unread(Exception):
    """A request that is not what its protocol says it has to be. Text as in `Unsupported`."""


class NamedAddress(msgspec.Struct, frozen=True):
    """A mailbox, and the name beside it."""

    address: str
    name: str = ""


class Attachment(msgspec.Struct, frozen=True):
    """A file. `cid` is set where the HTML shows it."""

    name: str
    type: str
    content: bytes
    cid: str = ""


class Draft(msgspec.Struct, frozen=True):
    """One message. `raw` is a finished one (RFC 5322): of the rest only the people count then."""

    sender: NamedAddress
    to: tuple[NamedAddress, ...]
    cc: tuple[NamedAddress, ...] = ()
    bcc: tuple[NamedAddress, ...] = ()
    reply_to: tuple[NamedAddress, ...] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    raw: bytes = b""

    @property
    def everyone(self) -> tuple[NamedAddress, ...]:
        """All it goes to, in the order they were written down, each once."""
        first: dict[str, NamedAddress] = {}
        for party in (*self.to, *self.cc, *self.bcc):
            first.setdefault(party.address.lower(), party)
        return tuple(first.values())


class Request(msgspec.Struct, frozen=True):
    """An HTTP request as it came in. Header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """What the program is told, in its provider's form."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Read(msgspec.Struct, frozen=True):
    """A request, read. `rehearsal`: the provider would check it and send nothing."""

    drafts: tuple[Draft, ...]
    rehearsal: bool = False


class Why(msgspec.Struct, frozen=True):
    """Why a request is not taken: `kind` for the form of the answer, `words` for people."""

    kind: str
    words: str


LEAK = "leak"
UNREAD = "unread"
UNSUPPORTED = "unsupported"
NOT_ALLOWED = "not allowed"
UNSIGNED = "unsigned"
TOO_LARGE = "too large"
HALTED = "halted"
TROUBLE = "trouble"
