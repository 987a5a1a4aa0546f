"""The guard: seals a payload that only its own recipient can read anything out of.

Two lines, neither leaning on the other: the message says exactly what the ledger's row and
the frozen mailing make it say (so another customer's balance is refused with the right To);
and every '@' in it, in whatever encoding, belongs to an address this recipient may see. On
the first messages of each locale and a steady sample the standard library's parser must
agree. There is no setting that turns any of it off.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from severally.guard.disclosure.smtp import disclosure
from severally.guard.expected import Expectation, Expected
from severally.guard.familiar import Familiar
from severally.guard.reading import Message, Unreadable, decoded, read
from severally.guard.scan import Scanner, addresses
from severally.model.delivery import Ticket
from severally.model.envelope import Payload, Refusal, Sealed, payload_digest
from severally.model.mailing import Frozen
from severally.model.recipient import Recipient, recipient_of
from severally.model.sender import tagged

_ONCE = (b"date", b"from", b"to", b"subject", b"message-id", b"mime-version", b"content-type")
_AT_MOST_ONCE = (
    b"reply-to",
    b"auto-submitted",
    b"content-language",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
_READ_EXACTLY = frozenset({b"to", b"message-id", b"content-type"})
"""Fields that are compared as a whole, or read by a grammar without '@'."""
_CONSTANT = 1_000
"""Fields remembered as harmless at most (those of all locales, and dates)."""
_HEADS = 64
"""Sequences of field names remembered as sound at most; there is one for each kind of mailing."""
_SAMPLE = 997
"""One message in so many is parsed a second time by the standard library."""
_LEARN = 50
"""Messages of a locale from which the scanner remembers clean chunks."""


class Unsafe(Exception):
    """Why a payload is refused, without any address or value of a recipient."""


Presented = tuple[Payload, int, bytes, Ticket]
"""A payload, the delivery it is for, and what the ledger says of that: its row, decrypted by the
caller and never seen by compose, and its ticket."""


@dataclass(slots=True)
class _Case:
    """One message under examination: what was presented, and what has been found out."""

    payload: Payload
    delivery: int
    row: bytes
    ticket: Ticket
    refused: str | None = None
    recipient: Recipient = field(init=False)
    expected: Expected = field(init=False)
    familiar: bool = field(init=False)
    message: Message = field(init=False)
    allowed: frozenset[str] = field(init=False)
    digest: bytes = field(init=False)


class Guard:
    """One mailing's guard. `known` are blind indexes of all customers' addresses, looked up
    through `blind`, to say of a foreign address that it is another customer's."""

    def __init__(
        self,
        frozen: Frozen,
        known: Container[bytes] = frozenset(),
        blind: Callable[[str], bytes] | None = None,
    ) -> None:
        self.sealed = 0
        self.refused = 0
        self._frozen = frozen
        self._sender = frozen.sender
        self._expectation = Expectation(frozen)
        self._known = known
        self._blind = blind
        self._seen: dict[str, int] = {}
        sender = frozen.sender
        fixed = {sender.address, sender.reply_to, *frozen.notice.addresses} - {""}
        fixed.add(sender.display_name)
        self._fixed = frozenset(token for text in fixed for token in addresses(text))
        self._scanner = Scanner(self._fixed)
        self._familiar = Familiar(self._scanner.clean)
        self._constant: set[tuple[bytes, bytes]] = set()
        self._heads: set[tuple[bytes, ...]] = set()
        self._checks = (
            self._check_envelope,
            self._read,
            self._check_fields,
            self._account,
            self._check_said,
            self._confirm,
            self._digest,
        )

    def seal(self, payload: Payload, delivery: int, row: bytes, ticket: Ticket) -> Sealed | Refusal:
        """One message; see `seal_all`."""
        return self.seal_all([(payload, delivery, row, ticket)])[0]

    def seal_all(self, presented: Iterable[Presented]) -> list[Sealed | Refusal]:
        """One answer for each, in order.

        Never raises: whatever cannot be understood is refused. A check is made of all of them
        before the next one is: it finds its own code and tables in the processor's cache.
        """
        cases = [_Case(*each) for each in presented]
        sound = cases
        for check in self._checks:
            for case in sound:
                try:
                    check(case)
                except (Unsafe, Unreadable) as error:
                    case.refused = str(error)
                except Exception as error:
                    case.refused = f"it could not be read ({type(error).__name__})"
            sound = [case for case in sound if case.refused is None]
        self.sealed += len(sound)
        self.refused += len(cases) - len(sound)
        return [
            Sealed((case.delivery,), case.payload, case.digest)
            if case.refused is None
            else Refusal((case.delivery,), case.refused)
            for case in cases
        ]

    # --- the envelope and the head

    def _check_envelope(self, case: _Case) -> None:
        payload, ticket = case.payload, case.ticket
        if type(payload.message) is not bytes:
            raise Unsafe("the message is an object that can still be changed")
        if ticket.delivery != case.delivery:
            raise Unsafe("the ticket is another delivery's")
        recipient = case.recipient = recipient_of(case.row)
        if len(payload.rcpt_to) != 1:
            shown = disclosure(payload.mail_from, payload.rcpt_to, payload.message)
            raise Unsafe(f"one message for {len(payload.rcpt_to):,} recipients: {shown.words()}")
        if payload.rcpt_to[0] != recipient.address:
            raise Unsafe("the envelope's recipient is not the one in the ledger")
        if payload.mail_from != tagged(self._sender.return_path, ticket.token):
            raise Unsafe("the return path is not this delivery's")
        case.expected = self._expectation.of(recipient)

    def _read(self, case: _Case) -> None:
        """As those before it, or in full."""
        message, utf8_head = case.payload.message, not case.recipient.address.isascii()
        quick = self._familiar.read(message, utf8_head, case.expected.locale)
        case.familiar = quick is not None
        case.message = quick or read(message, utf8_head)

    def _check_fields(self, case: _Case) -> None:
        recipient, ticket, expected = case.recipient, case.ticket, case.expected
        allowed = case.allowed = self._allowed(expected, ticket)
        fields = self._single(case.message)
        to = decoded(fields[b"to"])
        if to != recipient.address:
            count = to.count("@")
            raise Unsafe(
                f"the To field shows {count:,} addresses"
                if count > 1
                else "the To field is not the recipient's address in the ledger"
            )
        if fields[b"message-id"].strip() != f"<{ticket.token}@{self._sender.domain}>".encode():
            raise Unsafe("the Message-ID is not this delivery's")
        if _words(decoded(fields[b"subject"])) != _words(expected.subject):
            raise Unsafe("the subject does not say what the ledger's row makes it say")
        for name, value in fields.items():
            if name not in _READ_EXACTLY and (name, value) not in self._constant:
                self._check_field(name, value, allowed)

    def _check_field(self, name: bytes, value: bytes, allowed: frozenset[str]) -> None:
        tokens = addresses(decoded(value))
        if tokens - allowed:
            raise Unsafe(self._about(tokens - allowed, f"the {name.decode().title()} field"))
        if name in (b"from", b"reply-to"):
            self._check_ours(name, value)
        if tokens <= self._fixed and len(self._constant) < _CONSTANT:
            self._constant.add((name, value))

    def _single(self, message: Message) -> dict[bytes, bytes]:
        """Every field once; none that is not ours. DKIM signatures as many as there are keys."""
        names = tuple([name for name, _ in message.fields])
        if names not in self._heads:
            self._check_names(names)
            if len(self._heads) < _HEADS:
                self._heads.add(names)
        for name, value in message.fields:
            if name == b"dkim-signature" and b"@" in value:
                raise Unsafe("a signature names an address")
        return {name: value for name, value in message.fields if name != b"dkim-signature"}

    def _check_names(self, names: tuple[bytes, ...]) -> None:
        for name in _ONCE:
            if names.count(name) != 1:
                raise Unsafe(f"the message has {names.count(name)} {name.decode().title()} fields")
        for name in set(names) - set(_ONCE):
            if name == b"dkim-signature":
                continue
            if name not in _AT_MOST_ONCE or names.count(name) > 1:
                raise Unsafe(f"the message has a {name.decode().title()} field of its own")
        if names.count(b"dkim-signature") != len(self._sender.dkim):
            raise Unsafe("the message is not signed by the keys of its sender")

    def _check_ours(self, name: bytes, value: bytes) -> None:
        ours = self._sender.address if name == b"from" else self._sender.reply_to
        if not decoded(value).endswith(f"<{ours}>"):
            raise Unsafe(f"the {name.decode().title()} field is not the sender's")

    # --- the two lines

    def _allowed(self, expected: Expected, ticket: Ticket) -> frozenset[str]:
        allowed = {token for address in expected.own for token in addresses(address)}
        if self._sender.unsubscribe:
            allowed |= addresses(tagged(self._sender.unsubscribe, ticket.way_out))
        return self._fixed | allowed | expected.handles

    def _account(self, case: _Case) -> None:
        """Every '@' of both parts, whatever the mailing was meant to say."""
        message = case.message
        learn = self._seen.get(case.expected.locale, 0) < _LEARN
        for where, text, cut in (
            ("text part", message.fresh_text, "\n"),
            ("HTML part", message.fresh_html, "<"),
        ):
            strangers = self._scanner.strangers(text, cut, learn) - case.allowed
            if strangers:
                raise Unsafe(self._about(strangers, f"the {where}"))

    def _check_said(self, case: _Case) -> None:
        """Literal by literal and value by value what the frozen mailing and the row say."""
        message, expected = case.message, case.expected
        if message.text.rstrip(b"\n") != expected.text.rstrip(b"\n"):
            raise Unsafe("the text part does not say what the ledger's row makes it say")
        if message.html.rstrip(b"\n") != expected.html.rstrip(b"\n"):
            raise Unsafe("the HTML part does not say what the ledger's row makes it say")

    def _about(self, strangers: frozenset[str], where: str) -> str:
        text = f"{where} shows {len(strangers):,} foreign address{'es' * (len(strangers) > 1)}"
        if self._blind is not None:
            known = sum(self._blind(token) in self._known for token in strangers)
            if known:
                text += f", {known:,} of other customers"
        return text

    # --- the second opinion

    def _confirm(self, case: _Case) -> None:
        if not self._due(case.expected.locale, case.delivery):
            return
        payload = case.payload
        shown = disclosure(payload.mail_from, payload.rcpt_to, payload.message)
        for box, visible in shown.visible.items():
            tokens = {token for address in visible - {box} for token in addresses(address)}
            if tokens - case.allowed:
                raise Unsafe(self._about(frozenset(tokens - case.allowed), "a second reading"))

    def _due(self, locale: str, delivery: int) -> bool:
        seen = self._seen.get(locale, 0)
        self._seen[locale] = seen + 1
        return seen == 0 or delivery % _SAMPLE == 0

    # --- what passed

    def _digest(self, case: _Case) -> None:
        if not case.familiar:
            self._familiar.learn(case.payload.message, case.expected.locale)
        case.digest = payload_digest(case.payload)


def _words(text: str) -> str:
    """Folding may change white space, nothing else."""
    return " ".join(text.split())
