"""What makes two messages one content, said to many: their sender and their longest line.

A greeting, a code or a link's tail differs from person to person, so what is a person's own is
left out; the longest line of a text is what was written for all of them.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import html
import re

from severally.submit.draft import Draft

_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^>]*>", re.S | re.I)
_LINK = re.compile(r"(https?://[^/\s]*)[^\s]*")
_NUMBER = re.compile(r"[0-9]+")
_ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")


def likeness(draft: Draft) -> bytes:
    """SHA-256 over what is the same for everybody it is sent to."""
    lines = [_common(line, draft) for line in _text(draft).splitlines()]
    longest = max(lines, key=len, default="") or _common(draft.subject, draft)
    return hashlib.sha256(f"{draft.sender.address.lower()}\0{longest}".encode()).digest()


def _text(draft: Draft) -> str:
    if not draft.raw:
        return draft.text or _without_tags(draft.html)
    message = email.message_from_bytes(draft.raw, policy=email.policy.compat32)
    for kind in ("text/plain", "text/html"):
        for part in message.walk():
            payload = part.get_payload(decode=True)
            if part.get_content_type() == kind and isinstance(payload, bytes):
                said = payload.decode("utf-8", "replace")
                return said if kind == "text/plain" else _without_tags(said)
    return ""


def _without_tags(said: str) -> str:
    return html.unescape(_TAG.sub("\n", said))


def _common(line: str, draft: Draft) -> str:
    line = _ADDRESS.sub("", _LINK.sub(r"\1", line))
    for party in draft.everyone[:1]:
        if len(party.name) > 1:
            line = line.replace(party.name, "")
    return " ".join(_NUMBER.sub("0", line).split())
