"""Is what arrived at a sentinel what was approved? Judged from its raw bytes. Pure.

Read by the standard library and dkimpy, not by our own parser: a second pair of eyes on the
whole way, the relays included.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from email.message import EmailMessage

from severally.guard.disclosure.smtp import disclosure
from severally.guard.expected import Expected
from severally.model.mailing import Frozen
from severally.model.request import REFERENCE
from severally.model.sender import tagged

_TOKEN = re.compile(rb"^Message-ID:\s*<([a-z2-7]{26})@", re.IGNORECASE | re.MULTILINE)
_REFERENCE = re.compile(
    rb"^%s:\s*([a-z2-7]{26})\s*$" % REFERENCE.encode(), re.IGNORECASE | re.MULTILINE
)
_FAILED = re.compile(r"\b(dmarc|dkim)\s*=\s*(fail|permerror)\b", re.IGNORECASE)


def what_is_wrong(
    raw: bytes,
    own: str,
    token: str,
    expected: Expected,
    frozen: Frozen,
    key_records: Mapping[str, bytes],
    out: str = "",
) -> str:
    """Why this message is not what its sentinel should have got, or nothing.

    `token` is its delivery's, `out` the one that unsubscribes; `key_records` maps
    `selector._domainkey.domain` to the public key's DNS record. The words hold no address.
    """
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    try:
        return (
            _visible(raw, message, own, token, out or token, frozen)
            or _content(message, expected, frozen)
            or _signatures(raw, message, frozen, key_records)
        )
    except (ValueError, LookupError, UnicodeError) as error:
        return f"it cannot be read ({type(error).__name__})"


def token_of(raw: bytes) -> str:
    """The delivery's token, if it is ours: the local part of its Message-ID, or in the header of
    our own where a provider has written that one itself."""
    head = raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    match = _TOKEN.search(head) or _REFERENCE.search(head)
    return match[1].decode() if match else ""


def _visible(
    raw: bytes, message: EmailMessage, own: str, token: str, out: str, frozen: Frozen
) -> str:
    to = [mailbox.addr_spec for field in message.get_all("to", []) for mailbox in field.addresses]
    if to != [own]:
        return f"its To field shows {len(to):,} addresses" if len(to) > 1 else "To is not its own"
    if message.get_all("cc") or message.get_all("bcc"):
        return "it has a Cc or Bcc field"
    sender = frozen.sender
    ours = {
        own,
        sender.address,
        sender.reply_to,
        tagged(sender.return_path, token),
        tagged(sender.unsubscribe, out) if sender.unsubscribe else "",
        *frozen.notice.addresses,
    }
    shown = disclosure("", [own], raw).visible[own.lower()]
    strangers = shown - {address.lower() for address in ours}
    return f"it shows {len(strangers):,} foreign addresses" if strangers else ""


def _content(message: EmailMessage, expected: Expected, frozen: Frozen) -> str:
    senders = [mailbox.addr_spec for mailbox in message["from"].addresses]
    if senders != [frozen.sender.address]:
        return "its From is not the sender's"
    if message.get("content-language", "") != expected.locale:
        return f"its language is not {expected.locale}"
    if " ".join(str(message["subject"]).split()) != " ".join(expected.subject.split()):
        return "its subject is not what was approved"
    for kind, wanted in (("plain", expected.text), ("html", expected.html)):
        part = message.get_body((kind,))
        if part is None:
            return f"it has no {kind} part"
        if _lines(part.get_content()) != _lines(wanted.decode()):
            return f"its {kind} part does not say what was approved"
    return ""


def _lines(text: str) -> list[str]:
    """Line ends and white space before them may change on the way, nothing else."""
    return [line.rstrip() for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")]


def _signatures(
    raw: bytes, message: EmailMessage, frozen: Frozen, key_records: Mapping[str, bytes]
) -> str:
    import dkim  # by who reads sentinels, not by every verb: it loads a resolver

    for results in message.get_all("authentication-results", []):
        if failed := _FAILED.search(str(results)):
            return f"its receiver says {failed[1].lower()}={failed[2].lower()}"
    keys = frozen.sender.dkim
    if len(message.get_all("dkim-signature", [])) < len(keys):
        return "a signature was lost on the way"
    verifier = dkim.DKIM(raw)

    def record(name: bytes, timeout: int = 5) -> bytes | None:
        return key_records.get(name.decode().rstrip("."))

    for index in range(len(keys)):
        try:
            sound = verifier.verify(index, dnsfunc=record)
        except dkim.DKIMException:
            sound = False
        if not sound:
            return "a signature does not hold any more"
    return ""
