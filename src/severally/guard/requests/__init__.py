"""The guard's last word on a provider's request: it shows nobody to anybody, and says to each
what was sealed for them.

Three lines, each on its own: the provider's rule for who sees whom (`guard.disclosure`) names
exactly the batch's recipients, one message each, none seeing another; every field is one whose
meaning is known; and what the provider will write for each recipient (a module each, here) is,
word for word, the message that was sealed for that recipient before. Shares no code with what
builds requests.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from severally.guard import disclosure
from severally.guard.disclosure import NotUnderstood
from severally.guard.reading import Message, Unreadable, decoded, read
from severally.guard.requests import mailgun, postmark, resend, sendgrid, ses
from severally.guard.requests.written import Written
from severally.model.envelope import Refusal, Sealed, payload_digest
from severally.model.request import REFERENCE, HttpRequest, SealedRequest, request_digest

Write = Callable[[Mapping[str, str], bytes], Iterator[Written]]
"""What a provider will write for each recipient, from headers and body. Raises NotUnderstood."""
_WRITERS: tuple[tuple[re.Pattern[str], Write], ...] = (
    (re.compile(r"https?://[^/?#]+/v3/mail/send"), sendgrid.written),
    (re.compile(r"https?://[^/?#]+/v2/email/outbound-emails"), ses.written),
    (re.compile(r"https?://[^/?#]+/v3/(?!mail/)[^/?#]+/messages"), mailgun.written),
    (re.compile(r"https?://[^/?#]+/email/batch"), postmark.written),
    (re.compile(r"https?://[^/?#]+/emails/batch"), resend.written),
)
_HEADERS = frozenset(
    {"auto-submitted", "content-language", "list-unsubscribe", "list-unsubscribe-post"}
)
"""Fields of a sealed message that a provider's message must have, no more and no less."""
_ALLOWED = frozenset({"content-type", "idempotency-key"})
"""Headers a request may have; credentials are added after it is sealed."""


class _Unsafe(Exception):
    """Why a request is refused, without any address or value of a recipient."""


def seal_request(request: HttpRequest, batch: Sequence[Sealed]) -> SealedRequest | Refusal:
    """Seal a request that carries these sealed messages, all of them and nothing else.

    Never raises: whatever cannot be understood is refused.
    """
    deliveries = tuple(number for sealed in batch for number in sealed.deliveries)
    try:
        _check(request, batch)
    except (_Unsafe, NotUnderstood, Unreadable) as error:
        return Refusal(deliveries, str(error))
    except Exception as error:
        return Refusal(deliveries, f"it could not be read ({type(error).__name__})")
    return SealedRequest(deliveries, request, request_digest(request))


def _check(request: HttpRequest, batch: Sequence[Sealed]) -> None:
    if type(request.body) is not bytes:
        raise _Unsafe("the body is an object that can still be changed")
    headers = {name.lower(): value for name, value in request.headers}
    if len(headers) != len(request.headers) or headers.keys() - _ALLOWED:
        raise _Unsafe("a header that is not known, or stands twice")
    sealed = _by_box(batch)
    shown = disclosure.of(request.method, request.url, headers, request.body)
    if not shown.exactly(sealed.keys()):
        raise _Unsafe(_about(shown, len(sealed)))
    _compare(_writer(request.url)(headers, request.body), sealed)


def _by_box(batch: Sequence[Sealed]) -> dict[str, Sealed]:
    boxes: dict[str, Sealed] = {}
    for each in batch:
        payload = each.payload
        if len(payload.rcpt_to) != 1 or payload_digest(payload) != each.sha256:
            raise _Unsafe("a message that is not as it was sealed")
        boxes[payload.rcpt_to[0].lower()] = each
    if len(boxes) != len(batch):
        raise _Unsafe("two messages for one address in one request")
    return boxes


def _about(shown: disclosure.Disclosure, meant: int) -> str:
    if not shown.private:
        return shown.words()
    return f"it writes to {len(shown.visible):,} mailboxes, and not to the {meant:,} it is for"


def _writer(url: str) -> Write:
    found = [write for pattern, write in _WRITERS if pattern.fullmatch(url)]
    if len(found) != 1:
        raise _Unsafe("an endpoint whose messages are not known here")
    return found[0]


def _compare(letters: Iterable[Written], sealed: Mapping[str, Sealed]) -> None:
    left = dict(sealed)
    for letter in letters:
        own = left.pop(letter.box.lower(), None)
        if own is None:
            raise _Unsafe("a message for nobody of the batch, or a second one")
        _same(letter, own)
    if left:
        raise _Unsafe(f"{len(left):,} of the batch are written nothing")


def _same(letter: Written, sealed: Sealed) -> None:
    payload = sealed.payload
    box = payload.rcpt_to[0]
    message = read(payload.message, not box.isascii())
    fields = dict(message.fields)
    reference = fields[b"message-id"].strip().decode()[1:].partition("@")[0]
    if letter.reference != reference:
        raise _Unsafe("the id in a recipient's metadata is not their delivery's")
    if letter.raw is not None:
        if letter.raw != f"{REFERENCE}: {reference}\r\n".encode() + payload.message:
            raise _Unsafe("a message that is not the one that was sealed")
        return
    _same_words(letter, message)
    _same_head(letter, fields, reference)


def _same_words(letter: Written, message: Message) -> None:
    if letter.text.rstrip("\n") != message.text.decode().rstrip("\n"):
        raise _Unsafe("a text part does not say what was sealed")
    if letter.html.rstrip("\n") != message.html.decode().rstrip("\n"):
        raise _Unsafe("an HTML part does not say what was sealed")


def _same_head(letter: Written, fields: Mapping[bytes, bytes], reference: str) -> None:
    if _flat(letter.subject) != _flat(decoded(fields[b"subject"])):
        raise _Unsafe("a subject does not say what was sealed")
    if letter.sender != email.utils.parseaddr(decoded(fields[b"from"])):
        raise _Unsafe("a message is not from its sender")
    reply_to = email.utils.parseaddr(decoded(fields.get(b"reply-to", b"")))[1]
    if letter.reply_to != reply_to:
        raise _Unsafe("answers would not go where they were to go")
    meant = {
        name.decode(): _flat(decoded(value))
        for name, value in fields.items()
        if name.decode() in _HEADERS
    }
    meant[REFERENCE.lower()] = reference
    if {name.lower(): _flat(value) for name, value in letter.headers} != meant:
        raise _Unsafe("a message's header fields are not those that were sealed")


def _flat(text: str) -> str:
    return " ".join(text.split())
