"""Webhook calls as each provider makes and signs them: documented samples, with a token of ours."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

NOW = 1_795_000_000.0
TOPIC = "arn:aws:sns:eu-central-1:123456789012:mail-events"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem"
SIGNING = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SECRET = base64.b64encode(b"resend-secret-of-24-byte").decode()
Made = tuple[dict[str, str], bytes]


def by_sendgrid(token: str, word: str, at: float = NOW) -> Made:
    event = {
        "email": "customer.0@there.example",
        "timestamp": int(at),
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "event": {"bounced": "bounce", "complained": "spamreport"}.get(word, word),
        "sg_event_id": "rbtnWrG1DVDGGGFHFyun0A==",
        "delivery": token,
    }
    if word == "bounced":
        event |= {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 User unknown"}
    body = json.dumps([event]).encode()
    return sendgrid_signed(body, at), body


def sendgrid_signed(body: bytes, at: float) -> dict[str, str]:
    stamp = str(int(at))
    signature = SIGNING.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
    }


def by_ses(token: str, word: str, at: float = NOW, **more: Any) -> Made:
    kind = {"bounced": "Bounce", "complained": "Complaint", "delivered": "Delivery"}.get(word, word)
    stamp = datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    about: dict[str, Any] = {"timestamp": stamp}
    if word == "bounced":
        people = [
            {
                "emailAddress": "x@there.example",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ]
        about |= {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": people,
        }
    event = {"eventType": kind, kind.lower(): about, "mail": {"tags": {"delivery": [token]}}}
    posted = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": json.dumps(event),
        "Timestamp": stamp,
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        **more,
    }
    return {}, sns_signed(posted)


def sns_signed(posted: dict[str, Any]) -> bytes:
    names = [
        "Message",
        "MessageId",
        "Subject",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ]
    said = "".join(f"{name}\n{posted[name]}\n" for name in names if name in posted).encode()
    hashed = hashes.SHA1() if posted["SignatureVersion"] == "1" else hashes.SHA256()
    signature = RSA.sign(said, padding.PKCS1v15(), hashed)
    return json.dumps({**posted, "Signature": base64.b64encode(signature).decode()}).encode()


def by_mailgun(token: str, word: str, at: float = NOW, once: str = "t1") -> Made:
    event: dict[str, Any] = {"event": word, "timestamp": at, "user-variables": {"delivery": token}}
    if word == "bounced":
        status = {"code": 550, "enhanced-code": "5.1.1", "message": "550 5.1.1 User unknown"}
        event |= {"event": "failed", "severity": "permanent", "delivery-status": status}
    stamp = str(int(at))
    signature = hmac.digest(b"mailgun-signing-key", (stamp + once).encode(), hashlib.sha256).hex()
    signed = {"timestamp": stamp, "token": once, "signature": signature}
    return {}, json.dumps({"signature": signed, "event-data": event}).encode()


def by_postmark(token: str, word: str, at: float = NOW) -> Made:
    stamp = datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()
    record: dict[str, Any] = {"Metadata": {"delivery": token}, "MessageID": "8834"}
    match word:
        case "bounced":
            record |= {"RecordType": "Bounce", "Type": "HardBounce", "BouncedAt": stamp}
            record["Details"] = (
                "smtp;550 5.1.1 The email account that you tried to reach does not exist"
            )
        case "complained":
            record |= {"RecordType": "SpamComplaint", "BouncedAt": stamp}
        case "delivered":
            record |= {"RecordType": "Delivery", "DeliveredAt": stamp}
        case _:
            record |= {"RecordType": word}
    token64 = base64.b64encode(b"hook:pass-word").decode()
    return {"Authorization": f"Basic {token64}"}, json.dumps(record).encode()


def by_resend(token: str, word: str, at: float = NOW) -> Made:
    data: dict[str, Any] = {"email_id": "56761188", "tags": {"delivery": token}}
    if word == "bounced":
        message = "The recipient's email address does not exist: user unknown"
        data["bounce"] = {"type": "Permanent", "subType": "General", "message": message}
    stamp = datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()
    body = json.dumps({"type": f"email.{word}", "created_at": stamp, "data": data}).encode()
    signed = f"msg_1.{int(at)}.".encode() + body
    made = base64.b64encode(hmac.digest(base64.b64decode(SECRET), signed, hashlib.sha256)).decode()
    headers = {"svix-id": "msg_1", "svix-timestamp": str(int(at)), "svix-signature": f"v1,{made}"}
    return headers, body


CALLS: dict[str, Callable[..., Made]] = {
    "sendgrid": by_sendgrid,
    "ses": by_ses,
    "mailgun": by_mailgun,
    "postmark": by_postmark,
    "resend": by_resend,
}
