"""Mailgun's webhooks: one event, of which only timestamp and token are signed.

Source: Mailgun, "Securing webhooks" and "Event structure" (read November 2026): HMAC-SHA256 over
timestamp and token; the body is not covered, so a token is good once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping

from severally.feedback.webhooks import Told, Unverified, fresh, mapping, seconds, text

STALE_S = 9 * 3600.0
"""An event is posted again for eight hours; tokens are remembered as long."""


def verified(key: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """`key`: the webhook signing key. Raises Unverified. The token is whoever asks' to cache."""
    try:
        signed = mapping(mapping(json.loads(body)).get("signature"))
    except (ValueError, RecursionError):
        raise Unverified("it is not JSON") from None
    stamp, token = text(signed.get("timestamp")), text(signed.get("token"))
    made = hmac.digest(key.encode(), (stamp + token).encode(), hashlib.sha256).hex()
    if not hmac.compare_digest(made.encode(), text(signed.get("signature")).encode()):
        raise Unverified("its signature does not hold")
    if not stamp.isdigit() or not token:
        raise Unverified("it has no timestamp or no token")
    fresh(float(stamp), now, STALE_S)


def once(body: bytes) -> str:
    """What must not come a second time."""
    return text(mapping(mapping(json.loads(body)).get("signature")).get("token"))


def told(body: bytes) -> Iterator[Told]:
    """The event. Raises ValueError."""
    event = mapping(mapping(json.loads(body)).get("event-data"))
    word, status = text(event.get("event")), mapping(event.get("delivery-status"))
    if word == "failed":
        word = f"failed {text(event.get('severity'))}"
    yield Told(
        text(mapping(event.get("user-variables")).get("delivery")),
        word,
        seconds(event.get("timestamp")),
        text(status.get("message") or status.get("description") or event.get("reason")),
        text(status.get("enhanced-code")),
    )
