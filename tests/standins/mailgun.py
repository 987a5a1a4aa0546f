"""Mailgun as its pages "Batch sending" and "Sending messages" describe it."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Sequence
from typing import Any

from tests.oracle import Received
from tests.standins import Call, Refused, letter

KEY = "key-secret-of-the-route"
DOMAIN = "mg.exchange.example"
BAD = "@cannot.example"


def expand(call: Call) -> tuple[Sequence[Received], int, Any]:
    token = base64.b64encode(f"api:{KEY}".encode()).decode()
    if call.headers.get("authorization") != f"Basic {token}":
        raise Refused(401, {"message": "Invalid private key"})
    if call.path != f"/v3/{DOMAIN}/messages":
        raise Refused(404, {"message": "Domain not found"})
    fields = urllib.parse.parse_qs(call.body.decode(), keep_blank_values=True)
    to = fields["to"]
    if len(to) > 1_000:
        raise Refused(400, {"message": "too many recipients"})
    if any(box.endswith(BAD) for box in to):
        raise Refused(400, {"message": "'to' parameter is not a valid address."})
    variables = json.loads(fields.get("recipient-variables", ["{}"])[0])
    received: list[Received] = []
    for box in to:

        def put(text: str, box: str = box) -> str:
            own = variables.get(box, {})
            return re.sub(
                r"%recipient(?:\.(\w+))?%",
                lambda m: own.get(m[1], "") if m[1] else box,
                text,
            )

        received.append(
            letter(
                box,
                put(fields["from"][0]),
                put(fields["subject"][0]),
                put(fields["text"][0]),
                put(fields["html"][0]),
                {n[2:]: put(v[0]) for n, v in fields.items() if n.startswith("h:")},
                [box] if variables else to,
            )
        )
    return received, 200, {"id": "<batch@mg>", "message": "Queued. Thank you."}
