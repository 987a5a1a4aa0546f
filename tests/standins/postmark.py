"""Postmark as its pages "Email API", "Batch" and "API error codes" describe it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.oracle import Received
from tests.standins import Call, Refused, letter, pairs

KEY = "0d1f8f0a-secret-of-the-route"
BAD = "@cannot.example"


def expand(call: Call) -> tuple[Sequence[Received], int, Any]:
    if call.headers.get("x-postmark-server-token") != KEY:
        raise Refused(401, {"ErrorCode": 10, "Message": "Bad or missing API token."})
    if call.path != "/email/batch":
        raise Refused(404, {"ErrorCode": 0, "Message": "not found"})
    messages = json.loads(call.body)
    if len(messages) > 500:
        raise Refused(422, {"ErrorCode": 410, "Message": "too many batch messages"})
    received: list[Received] = []
    said: list[dict[str, Any]] = []
    for each in messages:
        boxes = [box.strip() for key in ("To", "Cc", "Bcc") for box in each.get(key, "").split(",")]
        boxes = [box for box in boxes if box]
        if any(box.endswith(BAD) for box in boxes):
            said.append({"ErrorCode": 406, "Message": "marked as inactive"})
            continue
        shown = [b for key in ("To", "Cc") for b in each.get(key, "").split(",") if b]
        received += [
            letter(
                box,
                each["From"],
                each["Subject"],
                each["TextBody"],
                each["HtmlBody"],
                pairs(each.get("Headers", []), "Name", "Value"),
                shown,
                each.get("ReplyTo", ""),
            )
            for box in boxes
        ]
        said.append({"To": each["To"], "MessageID": "x", "ErrorCode": 0, "Message": "OK"})
    return received, 200, said
