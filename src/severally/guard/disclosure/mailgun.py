"""Mailgun `POST /v3/DOMAIN/messages`: with recipient variables one message for each `to`; without
them one message that shows everybody to everybody.

Source: Mailgun's page "Batch sending" (read November 2026): "If this is not done, the email will
show all recipients emails in the to field for all recipients". Cc and Bcc get a copy of every
message of a batch. A recipient without a key in `recipient-variables` is taken to stand beside
the others, because the page does not say.
"""

from __future__ import annotations

import email
import email.policy
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from severally.guard.disclosure import Disclosure, NotUnderstood
from severally.guard.disclosure.shown import Visible, in_text, in_value, json_body, listed, table
from severally.guard.disclosure.smtp import shown_in

_PATH = re.compile(r"/v3/[^/]+/messages(\.mime)?")
_ENVELOPE = frozenset({"to", "cc", "bcc", "recipient-variables", "message"})
_VARIABLE = re.compile(r"%recipient(?:\.([A-Za-z0-9_.-]+))?%")

Fields = Sequence[tuple[str, str]]


def disclosure(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Disclosure:
    """Who will see whom. Raises NotUnderstood."""
    match = _PATH.fullmatch(path.split("?")[0].rstrip("/"))
    if method.upper() != "POST" or match is None:
        raise NotUnderstood("not Mailgun's messages")
    fields = _form(headers, body)
    to, cc, bcc = (_boxes(fields, key) for key in ("to", "cc", "bcc"))
    if not to:
        raise NotUnderstood("no recipient in to")
    variables = _variables(fields)
    together = [box for box in to if box not in variables] if variables else to
    visible = Visible()
    if together:
        visible.message([*together, *cc], _shown(fields, "", {}), bcc)
    for box in to:
        if box in variables:
            visible.message([box, *cc], _shown(fields, box, variables[box]), bcc)
    for name, value in fields:
        if name.lower() == "message":  # %recipient% in it stands for each one alone
            visible.addressed(shown_in(_VARIABLE.sub("", value).encode())[1])
    return visible.disclosure()


def _form(headers: Mapping[str, str], body: bytes) -> Fields:
    kinds = [value for key, value in headers.items() if key.lower() == "content-type"]
    kind = kinds[0] if len(kinds) == 1 else ""
    try:
        if kind.lower().startswith("multipart/form-data"):
            return _multipart(kind, body)
        if kind.lower().startswith("application/x-www-form-urlencoded"):
            return urllib.parse.parse_qsl(
                body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict"
            )
    except (ValueError, UnicodeError):
        raise NotUnderstood("a form that cannot be read") from None
    raise NotUnderstood("not a form")


def _multipart(kind: str, body: bytes) -> Fields:
    raw = b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body
    message = email.message_from_bytes(raw, policy=email.policy.HTTP)
    if not message.is_multipart() or message.defects:
        raise NotUnderstood("a form that cannot be read")
    fields: list[tuple[str, str]] = []
    for part in message.walk():
        if part is message:
            continue
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(payload, bytes):
            raise NotUnderstood("a form that cannot be read")
        fields.append((name, payload.decode("utf-8", "replace")))
    return fields


def _boxes(fields: Fields, key: str) -> list[str]:
    return [box for name, value in fields if name.lower() == key for box in listed(value)]


def _variables(fields: Fields) -> dict[str, Any]:
    found = [value for name, value in fields if name.lower() == "recipient-variables"]
    if len(found) > 1:
        raise NotUnderstood("recipient-variables stands twice")
    read = table(json_body(found[0].encode()), "recipient-variables") if found else {}
    return {box.lower(): table(values, "a recipient's variables") for box, values in read.items()}


def _shown(fields: Fields, box: str, variables: Mapping[str, Any]) -> set[str]:
    """What stands in the message of one recipient, variables put in."""

    def put(match: re.Match[str]) -> str:
        return box if match[1] is None else str(variables.get(match[1], ""))

    shown: set[str] = set(in_value(dict(variables)))
    for name, value in fields:
        if name.lower() == "message":
            shown |= shown_in(_VARIABLE.sub(put, value).encode())[0]
        elif name.lower() not in _ENVELOPE and not name.startswith(("o:", "v:")):
            shown |= set(in_text(_VARIABLE.sub(put, value)))
    return shown
