"""SES events by Amazon SNS: one event in a notification that SNS has signed.

Source: the SNS developer guide, "Verifying the signatures of Amazon SNS messages", and the SES
developer guide, "Contents of event data" (read November 2026): RSA over named fields, SHA-1 or
SHA-256 by SignatureVersion; the certificate's address has to be SNS's own.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_pem_x509_certificate

from severally.feedback.webhooks import Told, Unverified, fresh, mapping, seconds, text

STALE_S = 26 * 3600.0
_HOST = re.compile(r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?")
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}


def message(body: bytes) -> dict[str, Any]:
    """What SNS posted. Raises Unverified."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        raise Unverified("it is not JSON") from None
    if not isinstance(read, dict) or read.get("Type") not in _SIGNED:
        raise Unverified("it is not a message of SNS")
    return read


def certificate_url(posted: Mapping[str, Any]) -> str:
    """Where its certificate is. Raises Unverified for any place but SNS's own."""
    return _of_sns(text(posted.get("SigningCertURL")), ".pem")


def subscribe_url(posted: Mapping[str, Any]) -> str:
    """What is fetched to confirm a subscription; empty for other messages. Raises Unverified."""
    if posted.get("Type") != "SubscriptionConfirmation":
        return ""
    return _of_sns(text(posted.get("SubscribeURL")), "")


def _of_sns(url: str, ending: str) -> str:
    place = urllib.parse.urlsplit(url)
    plain = place.netloc == (place.hostname or "")  # no port, no name and password
    if place.scheme != "https" or not plain or not _HOST.fullmatch(place.netloc):
        raise Unverified("an address that is not SNS's own")
    if not place.path.endswith(ending):
        raise Unverified("an address that is not a certificate's")
    return url


def verified(topic: str, posted: Mapping[str, Any], certificate: bytes, now: float) -> None:
    """`certificate`: PEM. Raises Unverified, also for a topic that is not ours."""
    hashed = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(text(posted.get("SignatureVersion")))  # noqa: S303
    if hashed is None:
        raise Unverified("a signature of an unknown version")
    try:
        public = load_pem_x509_certificate(certificate).public_key()
        signature = base64.b64decode(text(posted.get("Signature")), validate=True)
        if not isinstance(public, rsa.RSAPublicKey):
            raise Unverified("a certificate of another kind")
        public.verify(signature, _said(posted), padding.PKCS1v15(), hashed)
    except (InvalidSignature, ValueError, binascii.Error):
        raise Unverified("its signature does not hold") from None
    if text(posted.get("TopicArn")) != topic:
        raise Unverified("it is of another topic")
    fresh(seconds(posted.get("Timestamp")), now, STALE_S)


def _said(posted: Mapping[str, Any]) -> bytes:
    names = _SIGNED[posted["Type"]]
    return "".join(f"{name}\n{posted[name]}\n" for name in names if name in posted).encode()


def told(body: bytes) -> Iterator[Told]:
    """The event; nothing for messages of SNS itself. Raises ValueError."""
    posted = mapping(json.loads(body))
    if posted.get("Type") != "Notification":
        return
    event = mapping(json.loads(text(posted.get("Message"))))
    word = text(event.get("eventType") or event.get("notificationType"))
    mail, about = mapping(event.get("mail")), mapping(event.get(word.lower()))
    first = next(map(mapping, about.get("bouncedRecipients") or []), {})
    if word == "Bounce":
        word = f"Bounce {text(about.get('bounceType'))}"
    tags = mapping(mail.get("tags")).get("delivery")
    token = text(tags[0]) if isinstance(tags, list) and tags else ""
    at = seconds(about.get("timestamp") or mail.get("timestamp"))
    yield Told(token, word, at, text(first.get("diagnosticCode")), text(first.get("status")))
