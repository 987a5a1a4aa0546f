"""SendGrid `POST /v3/mail/send`: one message for each personalization; all in it see each other.

Source: Twilio SendGrid's pages "Personalizations" and "Mail Send" (read November 2026): `to`,
`cc` and `bcc` of one personalization are one envelope; fields of a personalization replace the
top-level ones; `substitutions` replace keys in content, subject and reply-to;
`mail_settings.bcc` sends a copy of every message to one more mailbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from severally.guard.disclosure import Disclosure, NotUnderstood
from severally.guard.disclosure.shown import (
    Visible,
    in_attachments,
    in_text,
    in_value,
    json_body,
    rows,
    table,
)

PATH = "/v3/mail/send"
_NOT_SHOWN = frozenset(
    {
        *("personalizations", "custom_args", "categories", "send_at", "batch_id", "asm"),
        *("ip_pool_name", "mail_settings", "tracking_settings", "template_id", "attachments"),
    }
)
_ENVELOPE = frozenset({"to", "cc", "bcc", "custom_args", "send_at", "substitutions"})


def disclosure(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Disclosure:
    """Who will see whom. Raises NotUnderstood."""
    if method.upper() != "POST" or path.split("?")[0].rstrip("/") != PATH:
        raise NotUnderstood("not SendGrid's mail/send")
    request = table(json_body(body), "the body")
    archive = _archive(request)
    visible = Visible()
    for raw in rows(request.get("personalizations"), "personalizations"):
        envelope = table(raw, "a personalization")
        to, cc, bcc = (list(_boxes(envelope, key)) for key in ("to", "cc", "bcc"))
        if not to:
            raise NotUnderstood("a personalization without a recipient")
        shown = set(_shown(request, envelope))
        visible.message([*to, *cc], shown, [*bcc, *archive])
    return visible.disclosure()


def _boxes(fields: Mapping[str, Any], key: str) -> Iterator[str]:
    for raw in rows(fields.get(key), key):
        address = table(raw, f"an entry of {key}").get("email")
        if not isinstance(address, str) or address.count("@") != 1:
            raise NotUnderstood(f"an entry of {key} that is not one address")
        if any(c in address for c in ",; <>"):
            raise NotUnderstood(f"an entry of {key} that is more than one address")
        yield address.lower()


def _archive(request: Mapping[str, Any]) -> list[str]:
    """The legacy setting that sends one mailbox a copy of everything."""
    setting = table(table(request.get("mail_settings"), "mail_settings").get("bcc"), "bcc")
    address = setting.get("email")
    return [address] if setting.get("enable") and isinstance(address, str) else []


def _shown(request: Mapping[str, Any], envelope: Mapping[str, Any]) -> Iterator[str]:
    """What stands in the message, as substituted; names beside addresses included."""
    for key, value in request.items():
        if key not in _NOT_SHOWN and key not in envelope:
            yield from in_text(_substituted(value, envelope))
    for key, value in envelope.items():
        if key not in _ENVELOPE:
            yield from in_value(value)
    yield from in_attachments(request.get("attachments"), "content")
    for key in ("to", "cc"):
        for raw in rows(envelope.get(key), key):
            yield from in_text(str(table(raw, key).get("name") or ""))
    yield from in_value(list(table(envelope.get("substitutions"), "substitutions").values()))


def _substituted(value: Any, envelope: Mapping[str, Any]) -> str:
    """All text of a value with this personalization's substitutions made."""
    text = " ".join(_texts(value))
    for key, by in table(envelope.get("substitutions"), "substitutions").items():
        text = text.replace(str(key), str(by))
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
