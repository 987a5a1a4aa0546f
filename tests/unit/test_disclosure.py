"""Each provider's private and leaking shapes, as docs/disclosure.md lists them."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

import pytest

from severally.guard.disclosure import (
    Disclosure,
    NotUnderstood,
    mailgun,
    postmark,
    resend,
    sendgrid,
    ses,
)

A, B, C = "ada@customer.example", "bob@customer.example", "cy@customer.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BASE = {"from": {"email": "us@exchange.example"}, "subject": "Hello", "content": []}


def raw(*to: str, body: str = "Hello") -> str:
    message = f"From: us@exchange.example\r\nTo: {', '.join(to)}\r\n\r\n{body}\r\n"
    return base64.b64encode(message.encode()).decode()


def by_sendgrid(*personalizations: Any, **more: Any) -> Disclosure:
    body = {**BASE, "personalizations": list(personalizations), **more}
    return sendgrid.disclosure("POST", "/v3/mail/send", {}, json.dumps(body).encode())


def to(*boxes: str, **more: Any) -> dict[str, Any]:
    return {"to": [{"email": box} for box in boxes], **more}


def by_ses(body: Mapping[str, Any], path: str = ses.SEND) -> Disclosure:
    return ses.disclosure("POST", path, {}, json.dumps(body).encode())


def entry(*boxes: str, **more: Any) -> dict[str, Any]:
    return {"Destination": {"ToAddresses": list(boxes), **more}}


def by_mailgun(*fields: tuple[str, str]) -> Disclosure:
    body = urllib.parse.urlencode([("from", "us@exchange.example"), *fields]).encode()
    return mailgun.disclosure("POST", "/v3/exchange.example/messages", FORM, body)


def variables(*boxes: str, **values: str) -> tuple[str, str]:
    return "recipient-variables", json.dumps(dict.fromkeys(boxes, values))


def by_postmark(body: Any, path: str = postmark.BATCH) -> Disclosure:
    return postmark.disclosure("POST", path, {}, json.dumps(body).encode())


def by_resend(body: Any, path: str = resend.BATCH) -> Disclosure:
    return resend.disclosure("POST", path, {}, json.dumps(body).encode())


BULK = {"BulkEmailEntries": [entry(A), entry(B)]}
PRIVATE = {
    "sendgrid: one to in each personalization": lambda: by_sendgrid(to(A), to(B)),
    "sendgrid: own values": lambda: by_sendgrid(
        to(A, substitutions={"-me-": A}), to(B, substitutions={"-me-": B}), subject="Hi -me-"
    ),
    "ses: bulk, one to in each entry": lambda: by_ses(BULK, ses.BULK),
    "mailgun: recipient variables": lambda: by_mailgun(("to", A), ("to", B), variables(A, B)),
    "mailgun: %recipient%": lambda: by_mailgun(
        ("to", f"{A}, {B}"), variables(A, B), ("text", "You are %recipient%")
    ),
    "postmark: batch": lambda: by_postmark([{"To": A}, {"To": f'"B, b" <{B}>'}]),
    "postmark: batch of templates": lambda: by_postmark(
        {"Messages": [{"To": A}, {"To": B}]}, postmark.BATCH_OF_TEMPLATES
    ),
    "resend: batch": lambda: by_resend([{"to": [A]}, {"to": B}]),
}
LEAKING = {
    "sendgrid: several to": lambda: by_sendgrid(to(A, B)),
    "sendgrid: cc": lambda: by_sendgrid(to(A, cc=[{"email": B}])),
    "sendgrid: bcc sees to": lambda: by_sendgrid(to(A, bcc=[{"email": B}])),
    "sendgrid: another's address in a substitution": lambda: by_sendgrid(
        to(A, substitutions={"-x-": B}), to(B)
    ),
    "sendgrid: another's address in template data": lambda: by_sendgrid(
        to(A, dynamic_template_data={"previous": B}), to(B)
    ),
    "sendgrid: a customer's address in the content": lambda: by_sendgrid(
        to(A), to(B), content=[{"type": "text/plain", "value": f"Dear {A}"}]
    ),
    "sendgrid: in an attachment": lambda: by_sendgrid(
        to(A), to(B), attachments=[{"content": base64.b64encode(A.encode()).decode()}]
    ),
    "sendgrid: the legacy bcc setting": lambda: by_sendgrid(
        to(A), mail_settings={"bcc": {"enable": True, "email": B}}
    ),
    "ses: several to": lambda: by_ses({**entry(A, B), "Content": {}}),
    "ses: several in a raw To": lambda: by_ses({"Content": {"Raw": {"Data": raw(A, B)}}}),
    "ses: a fixed raw To": lambda: by_ses({**entry(A, B), "Content": {"Raw": {"Data": raw(A)}}}),
    "ses: several in one bulk entry": lambda: by_ses({"BulkEmailEntries": [entry(A, B)]}, ses.BULK),
    "ses: another's address in template data": lambda: by_ses(
        {
            "BulkEmailEntries": [
                {
                    **entry(A),
                    "ReplacementEmailContent": {
                        "ReplacementTemplate": {"ReplacementTemplateData": json.dumps({"n": B})}
                    },
                },
                entry(B),
            ]
        },
        ses.BULK,
    ),
    "mailgun: no recipient variables": lambda: by_mailgun(("to", A), ("to", B)),
    "mailgun: joined": lambda: by_mailgun(("to", f"{A}, {B}")),
    "mailgun: one of two without variables": lambda: by_mailgun(
        ("to", A), ("to", B), ("to", C), variables(A)
    ),
    "mailgun: cc": lambda: by_mailgun(("to", A), ("cc", B), variables(A)),
    "mailgun: a fixed header": lambda: by_mailgun(
        ("to", A), ("to", B), variables(A, B), ("h:X-First", A)
    ),
    "postmark: joined": lambda: by_postmark({"To": f"{A}, {B}"}, "/email"),
    "postmark: lower-case name": lambda: by_postmark([{"to": f"{A},{B}"}]),
    "postmark: cc": lambda: by_postmark([{"To": A, "Cc": B}]),
    "resend: list": lambda: by_resend({"to": [A, B]}, resend.ONE),
    "resend: bcc sees to": lambda: by_resend([{"to": A, "bcc": B}]),
}
NOT_UNDERSTOOD = {
    "sendgrid: not JSON": lambda: sendgrid.disclosure("POST", "/v3/mail/send", {}, b"{"),
    "sendgrid: two addresses in one": lambda: by_sendgrid(to(f"{A}, {B}")),
    "sendgrid: nobody": lambda: by_sendgrid(),
    "sendgrid: another endpoint": lambda: sendgrid.disclosure("POST", "/v3/x", {}, b"{}"),
    "sendgrid: a name twice": lambda: sendgrid.disclosure(
        "POST", "/v3/mail/send", {}, b'{"personalizations": [], "personalizations": []}'
    ),
    "ses: raw that is not base64": lambda: by_ses({"Content": {"Raw": {"Data": "é"}}}),
    "mailgun: no form": lambda: mailgun.disclosure("POST", "/v3/x/messages", {}, b"to=a"),
    "mailgun: variables twice": lambda: by_mailgun(("to", A), variables(A), variables(B)),
    "mailgun: nobody": lambda: by_mailgun(("text", "x")),
    "postmark: two spellings": lambda: by_postmark([{"To": A, "to": B}]),
    "postmark: a number": lambda: by_postmark([{"To": 7}]),
    "resend: an object in to": lambda: by_resend([{"to": [{"email": A}]}]),
    "resend: GET": lambda: resend.disclosure("GET", resend.ONE, {}, b"{}"),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_private_shapes_are_private(name: str) -> None:
    found = PRIVATE[name]()
    assert found.exactly([A, B])
    assert found.words() == "each of 2 recipients would see no other"


@pytest.mark.parametrize("name", LEAKING)
def test_leaking_shapes_leak(name: str) -> None:
    found = LEAKING[name]()
    assert not found.private
    assert "would see" in found.words()
    assert not any(box in found.words() for box in (A, B, C))


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_never_private(name: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        NOT_UNDERSTOOD[name]()
    assert not any(box in str(caught.value) for box in (A, B, C))


def test_a_multipart_form_is_read_as_well() -> None:
    boundary = "frontier"
    fields = [("to", A), ("to", B), ("text", "Hello")]
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    )
    body = f"{parts}--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    found = mailgun.disclosure("POST", "/v3/x.example/messages", headers, body)
    assert found.strangers() == {A: 1, B: 1}


def test_exactly_counts_messages_and_strangers() -> None:
    found = by_sendgrid(to(A), to(B))
    assert not found.exactly([A])
    assert not found.exactly([A, B, C])
    assert not by_sendgrid(to(A), to(A)).exactly([A]), "two messages to one"
