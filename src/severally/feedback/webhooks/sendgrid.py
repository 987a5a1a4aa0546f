"""SendGrid's Event Webhook: an array of events, signed as a whole.

Source: Twilio SendGrid, "Getting Started with the Event Webhook Security Features" and "Event
Webhook Reference" (read November 2026): ECDSA, P-256 and SHA-256, over timestamp and raw body;
`custom_args` stand beside the event's own fields.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from severally.feedback.webhooks import Told, Unverified, fresh, mapping, seconds, text

STALE_S = 26 * 3600.0
"""An event is posted again for 24 hours; what is repeated does nothing more."""


def verified(key: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """`key`: the verification key of the settings page (base64). Raises Unverified."""
    stamp = headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
        signature = base64.b64decode(
            headers.get("x-twilio-email-event-webhook-signature", ""), validate=True
        )
        if not isinstance(public, ec.EllipticCurvePublicKey) or not stamp.isdigit():
            raise Unverified("it is not signed, or the key is of another kind")
        public.verify(signature, stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, binascii.Error):
        raise Unverified("its signature does not hold") from None
    fresh(float(stamp), now, STALE_S)


def told(body: bytes) -> Iterator[Told]:
    """Each event. Raises ValueError."""
    events = json.loads(body)
    if not isinstance(events, list):
        raise ValueError("not a list of events")
    for event in map(mapping, events):
        word = text(event.get("event"))
        if word == "bounce" and event.get("type") == "blocked":
            word = "blocked"
        yield Told(
            text(event.get("delivery")),
            word,
            seconds(event.get("timestamp")),
            text(event.get("reason") or event.get("response")),
            text(event.get("status")),
        )
