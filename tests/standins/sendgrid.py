"""SendGrid as its pages "Mail Send", "Personalizations" and "Substitution tags" describe it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.oracle import Received
from tests.standins import Call, Refused, letter, named

KEY = "SG.secret-of-the-route"
BAD = "@cannot.example"
"""Recipients at this domain are turned down, as malformed addresses are."""


def error(message: str, where: str | None = None) -> dict[str, Any]:
    return {"errors": [{"message": message, "field": where, "help": None}]}


def expand(call: Call) -> tuple[Sequence[Received], int, Any]:
    if call.headers.get("authorization") != f"Bearer {KEY}":
        raise Refused(401, error("The provided authorization grant is invalid"))
    if call.path != "/v3/mail/send":
        raise Refused(404, error("not found"))
    if len(call.body) > 30_000_000:
        raise Refused(413, error("too large"))
    body = json.loads(call.body)
    people = body["personalizations"]
    everyone = [to["email"].lower() for each in people for to in each["to"]]
    if len(people) > 1_000 or len(everyone) > 1_000:
        raise Refused(400, error("too many personalizations", "personalizations"))
    if len(set(everyone)) < len(everyone):
        raise Refused(400, error("Each email address should be unique", "personalizations"))
    for at, each in enumerate(people):
        if any(to["email"].endswith(BAD) for to in each["to"]):
            where = f"personalizations.{at}.to.0.email"
            raise Refused(400, error("Does not contain a valid address.", where))
        if len(json.dumps(each.get("substitutions", {})).encode()) > 30_000:
            raise Refused(400, error("substitutions are too large", f"personalizations.{at}"))
        values = each.get("substitutions", {})
        if sum(len((k + v).encode()) for k, v in values.items()) > 10_000:
            raise Refused(400, error("substitutions are too large", f"personalizations.{at}"))
    return [received for each in people for received in _messages(body, each)], 202, None


def _messages(body: dict[str, Any], own: dict[str, Any]) -> list[Received]:
    def put(text: str) -> str:
        for key, value in own.get("substitutions", {}).items():
            text = text.replace(key, value)
        return text

    content = {each["type"]: each["value"] for each in body["content"]}
    sender = named(body["from"].get("name", ""), body["from"]["email"])
    shown = [each["email"] for key in ("to", "cc") for each in own.get(key, [])]
    blind = [each["email"] for each in own.get("bcc", [])]
    return [
        letter(
            box,
            sender,
            put(own.get("subject") or body["subject"]),
            put(content["text/plain"]),
            put(content["text/html"]),
            {**body.get("headers", {}), **own.get("headers", {})},
            shown,
            put(body.get("reply_to", {}).get("email", "")),
        )
        for box in (*shown, *blind)
    ]
