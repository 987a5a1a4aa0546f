"""Resend as its pages "Send Batch Emails", "Errors" and "Idempotency keys" describe it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.oracle import Received
from tests.standins import Call, Refused, letter

KEY = "re_secret_of_the_route"
BAD = "@cannot.example"


def error(status: int, name: str, message: str) -> Refused:
    return Refused(status, {"statusCode": status, "name": name, "message": message})


def expand(call: Call) -> tuple[Sequence[Received], int, Any]:
    if call.headers.get("authorization") != f"Bearer {KEY}":
        raise error(403, "invalid_api_key", "API key is invalid")
    if call.path != "/emails/batch":
        raise error(404, "not_found", "The requested endpoint does not exist.")
    messages = json.loads(call.body)
    if len(messages) > 100:
        raise error(422, "validation_error", "at most 100 emails")
    received: list[Received] = []
    for each in messages:
        to = each["to"] if isinstance(each["to"], list) else [each["to"]]
        if any(box.endswith(BAD) for box in to):
            raise error(422, "validation_error", "Invalid `to` field.")
        received += [
            letter(
                box,
                each["from"],
                each["subject"],
                each["text"],
                each["html"],
                each.get("headers", {}),
                [*to, *each.get("cc", [])],
                each.get("reply_to", ""),
            )
            for box in (*to, *each.get("cc", []), *each.get("bcc", []))
        ]
    return received, 200, {"data": [{"id": str(number)} for number in range(len(messages))]}
