"""One mailing's composer: all that is the same for everybody is made once.

Responsible for the message's exact bytes. Not for who gets it (one recipient, always) nor
for whether it may leave (`guard`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from severally.compose.dkim import Signer, signed
from severally.compose.encoding import EncodedPart, Flat, Values, encoded_part, landed, resolved
from severally.compose.headers import checked, date_header, phrase, text_header
from severally.model.choices import case_of
from severally.model.delivery import Ticket
from severally.model.envelope import Composed
from severally.model.errors import ComposeError
from severally.model.formats import show
from severally.model.languages import pick_locale
from severally.model.mailing import Frozen
from severally.model.notice import Kind, Variable
from severally.model.recipient import Recipient
from severally.model.sender import Sender, tagged
from severally.model.stencil import Choice, Pieces, Stencil


@dataclass(frozen=True, slots=True)
class Filled:
    """What a recipient reads: the texts before any encoding."""

    locale: str
    subject: str
    text: str
    html: str


class _Frame:
    """One locale's constant bytes."""

    def __init__(self, stencil: Stencil, notice_variables: Mapping[str, Variable]) -> None:
        self.stencil = stencil
        self.rtl = stencil.direction == "rtl"
        self.text: EncodedPart = encoded_part(stencil.text, self.rtl)
        self.html: EncodedPart = encoded_part(stencil.html, self.rtl)
        self.variables = [notice_variables[name] for name in stencil.variables]
        chosen = any(isinstance(piece, Choice) for piece in stencil.subject)
        self.subject: Flat = () if chosen else resolved(stencil.subject, {})
        self.selectors = [(each, notice_variables[each.name].value) for each in stencil.selectors]
        language = f"Content-Language: {stencil.locale}\r\n"
        self.after_id = f"Auto-Submitted: auto-generated\r\n{language}".encode()


def signers_for(sender: Sender, pem_of: Callable[[str], bytes]) -> list[Signer]:
    """The sender's signers; `pem_of` gives the private key for a fingerprint."""
    return [Signer(key, pem_of(key.fingerprint)) for key in sender.dkim]


class Compositor:
    """`ports.Composer` for one frozen mailing. Without `signers` the message is unsigned."""

    def __init__(self, frozen: Frozen, signers: Sequence[Signer] = ()) -> None:
        self._frozen = frozen
        self._sender = frozen.sender
        self._signers = signers
        variables = {variable.name: variable for variable in frozen.notice.variables}
        self._frames = {
            locale: _Frame(stencil, variables) for locale, stencil in frozen.stencils.items()
        }
        self._locale_of: dict[str, str] = {}
        sender = self._sender
        name = phrase(sender.display_name) + b" " if sender.display_name else b""
        self._from = b"From: %s<%s>\r\n" % (name, sender.address.encode())
        reply_to = checked("Reply-To", sender.reply_to)
        self._reply_to = f"Reply-To: <{reply_to}>\r\n".encode() if reply_to else b""
        self._marketing = frozen.notice.kind is Kind.MARKETING
        if self._marketing and not (sender.unsubscribe or sender.unsubscribe_url):
            raise ComposeError(
                f"sender {sender.name!r} has no unsubscribe address, which a marketing notice needs"
            )

    def fill(self, recipient: Recipient) -> Filled:
        """The texts this recipient reads."""
        frame = self._frame(recipient)
        values = self._values(frame, recipient)

        def text(pieces: Pieces) -> str:
            return "".join(
                piece
                if isinstance(piece, str)
                else landed(values[piece.name], piece.landing, frame.rtl)
                for piece in resolved(pieces, values)
            )

        stencil = frame.stencil
        subject = self._subject(frame, values)
        return Filled(stencil.locale, subject, text(stencil.text), text(stencil.html))

    def compose(self, recipient: Recipient, ticket: Ticket) -> Composed:
        """The message. Raises ComposeError where a value is missing or does not fit."""
        frame = self._frame(recipient)
        values = self._values(frame, recipient)
        boundary = b"=_" + ticket.token.encode()
        body = b"".join(
            (
                b"--%s\r\nContent-Type: text/plain; charset=utf-8\r\n" % boundary,
                b"Content-Transfer-Encoding: %s\r\n\r\n" % frame.text.name,
                frame.text.fill(values),
                b"--%s\r\nContent-Type: text/html; charset=utf-8\r\n" % boundary,
                b"Content-Transfer-Encoding: %s\r\n\r\n" % frame.html.name,
                frame.html.fill(values),
                b"--%s--\r\n" % boundary,
            )
        )
        head = self._head(frame, values, recipient, ticket, boundary)
        return Composed(
            ticket.delivery,
            tagged(self._sender.return_path, ticket.token),
            recipient.address,
            signed(b"".join((*head, b"\r\n", body)), self._signers, ticket.date),
        )

    def _frame(self, recipient: Recipient) -> _Frame:
        locale = self._locale_of.get(recipient.locale)
        if locale is None:
            notice = self._frozen.notice
            available = self._frames.keys()
            locale = pick_locale(recipient.locale, available, notice.source_locale, notice.fallback)
            self._locale_of[recipient.locale] = locale
        return self._frames[locale]

    def _values(self, frame: _Frame, recipient: Recipient) -> Values:
        own, fmt, zone = recipient.values, frame.stencil.format, recipient.timezone
        shown: dict[str, str] = {}
        for variable in frame.variables:
            raw = variable.value if variable.value is not None else own.get(variable.name)
            if raw is None and variable.optional:
                continue  # no text that this recipient can come to shows it
            if raw is None:
                raise ComposeError(f"the value of {variable.name} is missing")
            shown[variable.name] = show(variable.type, raw, fmt, zone)
        for selector, fixed in frame.selectors:
            shown[selector.key] = case_of(selector, fixed or own.get(selector.name))
        return shown

    def _subject(self, frame: _Frame, values: Values) -> str:
        pieces = frame.subject if frame.subject else resolved(frame.stencil.subject, values)
        return "".join(piece if isinstance(piece, str) else values[piece.name] for piece in pieces)

    def _head(
        self,
        frame: _Frame,
        values: Values,
        recipient: Recipient,
        ticket: Ticket,
        boundary: bytes,
    ) -> list[bytes]:
        """Header fields in the one order they always have."""
        sender = self._sender
        head = [
            date_header(ticket.date),
            self._from,
            f"To: {checked('To', recipient.address)}\r\n".encode(),
            text_header("Subject", self._subject(frame, values)),
            f"Message-ID: <{ticket.token}@{sender.domain}>\r\n".encode(),
            self._reply_to,
            frame.after_id,
        ]
        if self._marketing:
            head.append(self._unsubscribe(ticket.way_out))
        head.append(
            b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="%s"\r\n'
            % boundary
        )
        return head

    def _unsubscribe(self, token: str) -> bytes:
        """RFC 2369 and, with an HTTPS address, RFC 8058 one-click."""
        ways: list[str] = []
        if self._sender.unsubscribe_url:
            ways.append(f"<{self._sender.unsubscribe_url.rstrip('/')}/{token}>")
        if self._sender.unsubscribe:
            ways.append(f"<mailto:{tagged(self._sender.unsubscribe, token)}>")
        value = "List-Unsubscribe: " + ",\r\n ".join(ways) + "\r\n"
        if self._sender.unsubscribe_url:
            value += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        return value.encode()
