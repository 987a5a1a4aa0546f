"""Resend's webhooks: one event, signed as Standard Webhooks (Svix) has it.

Source: Resend, "Verify webhooks requests" and "Event types"; Standard Webhooks 1.0 (read November
2026): HMAC-SHA256 over id, timestamp and body; several signatures while a secret is changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

from severally.feedback.webhooks import Told, Unverified, fresh, mapping, seconds, text

STALE_S = 300.0
"""Five minutes either way; every new try is signed anew."""


def verified(key: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """`key`: `whsec_...`. Raises Unverified."""
    name, stamp = headers.get("svix-id", ""), headers.get("svix-timestamp", "")
    try:
        secret = base64.b64decode(key.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise Unverified("the secret is not one of Resend's") from None
    signed = f"{name}.{stamp}.".encode() + body
    made = b"v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256))
    given = headers.get("svix-signature", "").encode().split()
    if not any([hmac.compare_digest(each, made) for each in given]):  # noqa: C419  (all looked at)
        raise Unverified("its signature does not hold")
    if not stamp.isdigit():
        raise Unverified("it has no timestamp")
    fresh(float(stamp), now, STALE_S)


def told(body: bytes) -> Iterator[Told]:
    """The event. Raises ValueError."""
    event = mapping(json.loads(body))
    data = mapping(event.get("data"))
    word, words = text(event.get("type")), ""
    if word == "email.bounced":
        bounce = mapping(data.get("bounce"))
        word, words = f"{word} {text(bounce.get('type'))}", text(bounce.get("message"))
    yield Told(_token(data.get("tags")), word, seconds(event.get("created_at")), words)


def _token(tags: Any) -> str:
    """Tags are an object; they were a list once."""
    if isinstance(tags, list):
        tags = {text(tag.get("name")): tag.get("value") for tag in map(mapping, tags)}
    return text(mapping(tags).get("delivery"))
