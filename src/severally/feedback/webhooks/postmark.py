"""Postmark's webhooks: one record, let in by a name and a password in the address.

Source: Postmark, "Webhooks overview", "Bounce webhook" and its neighbours (read November 2026):
nothing is signed; HTTP Basic credentials in the webhook's address are what there is.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator, Mapping

from severally.feedback.webhooks import Told, Unverified, mapping, seconds, text

_TIMES = ("DeliveredAt", "BouncedAt", "ChangedAt", "ReceivedAt")


def verified(key: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """`key`: `name:password`. Raises Unverified."""
    wanted = b"Basic " + base64.b64encode(key.encode())
    if not hmac.compare_digest(headers.get("authorization", "").encode(), wanted):
        raise Unverified("its name or password is wrong")


def told(body: bytes) -> Iterator[Told]:
    """The record. Raises ValueError."""
    record = mapping(json.loads(body))
    word = text(record.get("RecordType"))
    if word == "Bounce":
        word = f"Bounce {text(record.get('Type'))}"
    if word == "SubscriptionChange" and record.get("SuppressSending"):
        word = f"SubscriptionChange {text(record.get('SuppressionReason'))}"
    at = next((record[name] for name in _TIMES if record.get(name)), None)
    words = record.get("Details") or record.get("Description")
    token = text(mapping(record.get("Metadata")).get("delivery"))
    yield Told(token, word, seconds(at), text(words))
