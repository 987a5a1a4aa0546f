"""Composers that do what went wrong elsewhere, to be put in the place of the real one.

Each takes the real composer and the frozen mailing. With `planted` (delivery ids) only those
messages are spoilt; without, every one. They run inside the composing processes, so they are
made from plain data by name: `sabotaged(NAME, PLANTED)` is a `make_composer` for `app.wiring`.
"""

from __future__ import annotations

import base64
import functools
import urllib.parse
from collections.abc import Callable, Collection

import msgspec

from severally.app.wiring import MakeComposer
from severally.compose.compositor import Compositor
from severally.model.delivery import Ticket
from severally.model.envelope import Composed
from severally.model.mailing import Frozen
from severally.model.recipient import Recipient
from severally.model.stencil import Pieces

STRANGER = Recipient("stranger", "stranger@gmail.example", "en", "UTC", {})


class Saboteur:
    """Composes properly, then spoils. `previous` is the recipient composed for before."""

    def __init__(self, frozen: Frozen, planted: Collection[int] | None = None) -> None:
        self.frozen = frozen
        self.real = Compositor(frozen, ())
        self.planted = planted
        self.previous = STRANGER

    def compose(self, recipient: Recipient, ticket: Ticket) -> Composed:
        if self.planted is None or ticket.delivery in self.planted:
            composed = self.spoil(recipient, ticket)
        else:
            composed = self.real.compose(recipient, ticket)
        self.previous = recipient
        return composed

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        raise NotImplementedError

    def with_html(self, extra: str, recipient: Recipient, ticket: Ticket) -> Composed:
        """Composed from stencils whose HTML ends with something it should not."""
        return self._patched("html", extra, recipient, ticket)

    def with_text(self, extra: str, recipient: Recipient, ticket: Ticket) -> Composed:
        """The same for the plain text."""
        return self._patched("text", extra, recipient, ticket)

    def _patched(self, part: str, extra: str, recipient: Recipient, ticket: Ticket) -> Composed:
        def patch(pieces: Pieces) -> Pieces:
            last = pieces[-1]
            assert isinstance(last, str)
            if part == "html":
                return (*pieces[:-1], last.replace("</body>", extra + "</body>"))
            return (*pieces[:-1], last + extra)

        stencils = {
            locale: msgspec.structs.replace(stencil, **{part: patch(getattr(stencil, part))})
            for locale, stencil in self.frozen.stencils.items()
        }
        frozen = msgspec.structs.replace(self.frozen, stencils=stencils)
        return Compositor(frozen, ()).compose(recipient, ticket)


def _change(composed: Composed, old: bytes, new: bytes) -> Composed:
    assert old in composed.message
    return msgspec.structs.replace(composed, message=composed.message.replace(old, new, 1))


class JoinedTo(Saboteur):
    """2019: several recipients joined into one To field."""

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        composed = self.real.compose(recipient, ticket)
        to = b"To: " + recipient.address.encode()
        return _change(
            composed, to + b"\r\n", to + b", " + self.previous.address.encode() + b"\r\n"
        )


class AddedCc(Saboteur):
    """A Cc header with somebody else."""

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        composed = self.real.compose(recipient, ticket)
        cc = b"\r\nCc: " + self.previous.address.encode()
        return _change(composed, b"\r\nSubject:", cc + b"\r\nSubject:")


class PreviousInBody(Saboteur):
    """2016: the recipient before is left standing in the body."""

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        return self.with_text(f"\nSent to {self.previous.address}\n", recipient, ticket)


class SwappedAddress(Saboteur):
    """One row's message goes to another row's address."""

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        other = msgspec.structs.replace(recipient, address=self.previous.address)
        return self.real.compose(other, ticket)


class SwappedValues(Saboteur):
    """One row's values go to another row's address: no address shows, a balance does."""

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        values = self.previous.values or {**recipient.values, "first_name": "Somebody Else"}
        return self.real.compose(msgspec.structs.replace(recipient, values=values), ticket)


class HiddenInBase64(Saboteur):
    """An address as a base64 token in a link."""

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        token = base64.urlsafe_b64encode(self.previous.address.encode()).decode()
        link = f'<a href="https://exchange.example/r?d={token}">x</a>'
        return self.with_html(link, recipient, ticket)


class HiddenInLink(Saboteur):
    """An address percent-encoded in a link."""

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        quoted = urllib.parse.quote(self.previous.address, safe="")
        link = f'<a href="https://exchange.example/r?to={quoted}">x</a>'
        return self.with_html(link, recipient, ticket)


class ReusedObject(Saboteur):
    """One mutable message that is written over: each recipient's To is added to the last."""

    def __init__(self, frozen: Frozen, planted: Collection[int] | None = None) -> None:
        super().__init__(frozen, planted)
        self._message = bytearray()

    def spoil(self, recipient: Recipient, ticket: Ticket) -> Composed:
        composed = self.real.compose(recipient, ticket)
        head = bytes(self._message).split(b"\r\n\r\n", 1)[0].split(b"\r\n")
        older = [line for line in head if line.startswith(b"To: ")]
        older = older or [b"To: " + self.previous.address.encode()]
        at = composed.message.index(b"\r\nTo: ") + 2
        self._message[:] = (
            composed.message[:at] + b"\r\n".join([*older, b""]) + composed.message[at:]
        )
        return Composed(composed.delivery, composed.mail_from, composed.rcpt_to, self._message)  # type: ignore[arg-type]


SABOTEURS: dict[str, Callable[..., Saboteur]] = {
    "recipients joined in To": JoinedTo,
    "Cc added": AddedCc,
    "previous recipient left in the body": PreviousInBody,
    "addresses of two rows swapped": SwappedAddress,
    "values of two rows swapped": SwappedValues,
    "address hidden in base64": HiddenInBase64,
    "address hidden in a link": HiddenInLink,
    "message object reused": ReusedObject,
}


def sabotaged(name: str, planted: Collection[int] | None = None) -> MakeComposer:
    """To be handed to `Wiring(make_composer=...)`; it can be sent to a spawned process."""
    return functools.partial(_spoiling, name, planted)


def _spoiling(name: str, planted: Collection[int] | None, frozen: Frozen) -> Saboteur:
    return SABOTEURS[name](frozen, planted)
