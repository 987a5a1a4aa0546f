"""One message for one person: a draft written out with exactly one address in its To.

Whatever a draft says about who else gets it, nobody else is named. A finished message keeps
its bytes, unless it has to be readdressed: then To is the one person and Cc and Bcc are gone.
"""

from __future__ import annotations

import email.encoders
import email.policy
import email.utils
import re
from collections.abc import Iterator
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from severally.model.address import AddressError, parse_address
from severally.submit.draft import Attachment, Draft, NamedAddress, Unread, Unsupported

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_FIELD = re.compile(r"[A-Za-z0-9-]{1,76}")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
_CID = re.compile(r"[A-Za-z0-9@._+-]{1,200}")
_OURS = frozenset(
    {
        *("from", "sender", "to", "cc", "bcc", "subject", "date", "reply-to", "received"),
        *("return-path", "dkim-signature", "mime-version"),
    }
)
_READDRESSED = frozenset({"to", "cc", "bcc", "dkim-signature"})
"""Fields that go when a finished message is given a To of its own; a signature would break."""
_POLICY = email.policy.compat32.clone(linesep="\r\n", max_line_length=76)


def written(
    draft: Draft, party: NamedAddress, message_id: str, date: float, readdress: bool
) -> bytes:
    """RFC 5322 bytes with CRLF ends. `date` is Unix seconds. Raises Unread, Unsupported."""
    if draft.raw:
        raw = _crlf(draft.raw)
        return _readdressed(raw, party) if readdress else raw
    message = _body(draft)
    fields = [
        ("From", _mailbox(draft.sender)),
        ("To", _mailbox(party)),
        ("Subject", _words(draft.subject)),
        ("Date", email.utils.formatdate(date)),
        ("Message-ID", f"<{message_id}>"),
    ]
    if draft.reply_to:
        fields.append(("Reply-To", ", ".join(_mailbox(each) for each in draft.reply_to)))
    fields += _extra(draft.headers)
    for name, value in fields:
        message[name] = value
    return _crlf(message.as_bytes(policy=_POLICY))


def mailbox(address: str) -> str:
    """The address as an envelope takes it. Raises Unread."""
    try:
        return str(parse_address(address))
    except AddressError as error:
        raise Unread(f"an address that is none ({error})") from None


def _extra(headers: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        low = name.lower()
        if low == "message-id":
            continue  # ours is told to whoever asks, and theirs would be on several
        if _FIELD.fullmatch(name) is None:
            raise Unread("a header whose name is none")
        if low in _OURS or low.startswith(("content-", "resent-")):
            raise Unsupported(f"the header {name.title()} is not for a request to set")
        yield name, _words(value)


def _body(draft: Draft) -> Message:
    texts = [MIMEText(draft.text, "plain", "utf-8")] if draft.text or not draft.html else []
    if draft.html:
        texts.append(MIMEText(draft.html, "html", "utf-8"))
    body: Message = texts[0] if len(texts) == 1 else MIMEMultipart("alternative", _subparts=texts)
    for kind, files in (
        ("related", [each for each in draft.attachments if each.cid]),
        ("mixed", [each for each in draft.attachments if not each.cid]),
    ):
        if files:
            body = MIMEMultipart(kind, _subparts=[body, *map(_file, files)])
    return body


def _file(one: Attachment) -> Message:
    if _TYPE.fullmatch(one.type) is None:
        raise Unread("an attachment whose type is none")
    main, _, sub = one.type.partition("/")
    part = MIMEBase(main, sub)
    part.set_payload(one.content)
    email.encoders.encode_base64(part)
    how = "inline" if one.cid else "attachment"
    name = _plain(one.name) or "file"
    if name.isascii():
        part.add_header("Content-Disposition", how, filename=name)
    else:
        part.add_header("Content-Disposition", how, filename=("utf-8", "", name))
    if one.cid:
        if _CID.fullmatch(one.cid) is None:
            raise Unread("an attachment whose content id is none")
        part["Content-ID"] = f"<{one.cid}>"
    return part


def _mailbox(party: NamedAddress) -> str:
    address = mailbox(party.address)
    if not address.isascii():
        raise Unsupported("an address outside ASCII before its @")
    if not party.name:
        return address
    name = _plain(party.name)
    if name.isascii() and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{_encoded(name)} <{address}>"


def _words(text: str) -> str:
    """RFC 2047 wherever plain ASCII will not do, or looks like an encoded word already."""
    plain = _plain(text)
    return plain if plain.isascii() and "=?" not in plain else _encoded(plain)


def _encoded(text: str) -> str:
    # short enough that a field's name fits before the first: else it would stand on a line alone
    return Header(text, "utf-8", maxlinelen=60).encode()


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise Unread("a line break or control character in a header, a name or a subject")
    return text.strip()


def _crlf(message: bytes) -> bytes:
    """Every line end is CRLF: a bare one is where smuggled commands hide (CVE-2023-51764)."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return (lines if lines.endswith(b"\n") else lines + b"\n").replace(b"\n", b"\r\n")


def _readdressed(message: bytes, party: NamedAddress) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    kept = [
        field
        for field in re.split(rb"\r\n(?![ \t])", head)
        if (name := field.partition(b":")[0].strip().lower().decode("latin-1")) not in _READDRESSED
        and not name.startswith("resent-")
    ]
    return b"\r\n".join([*kept, b"To: " + _mailbox(party).encode(), b"", body])
