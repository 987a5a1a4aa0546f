"""Amazon SES v2's `SendEmail` as its API reference describes it; its signature is checked by
botocore, which is Amazon's own."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.oracle import Received
from tests.standins import Call, Refused

ACCESS, KEY, REGION = "AKIAEXAMPLEEXAMPLE00", "secret+of/the+route", "eu-central-1"
BAD = "@cannot.example"


def signed(call: Call) -> bool:
    """Whether botocore would have signed the request so, at the time it says."""
    stamp = call.headers.get("x-amz-date", "")
    request = AWSRequest("POST", f"http://{call.headers['host']}{call.path}", data=call.body)
    request.headers["Content-Type"] = call.headers.get("content-type", "")
    request.context["timestamp"] = stamp
    request.headers["X-Amz-Date"] = stamp
    auth = SigV4Auth(Credentials(ACCESS, KEY), "ses", REGION)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    found = re.search(r"Signature=([0-9a-f]{64})$", call.headers.get("authorization", ""))
    return found is not None and auth.signature(text, request) == found[1]


def expand(call: Call) -> tuple[Sequence[Received], int, Any]:
    if not signed(call):
        raise Refused(403, {"message": "The request signature we calculated does not match"})
    if call.path != "/v2/email/outbound-emails":
        raise Refused(404, {"message": "no such operation"})
    body = json.loads(call.body)
    to = [box for boxes in body["Destination"].values() for box in boxes]
    if len(to) > 50:
        raise Refused(400, {"message": "too many recipients"})
    if any(box.endswith(BAD) for box in to):
        raise Refused(400, {"__type": "BadRequestException", "message": "Illegal address"})
    raw = base64.b64decode(body["Content"]["Raw"]["Data"])
    own = re.sub(rb"(?mi)^Message-ID: <([^@]*)@", rb"Message-ID: <ses-\1@", raw)
    return [Received(box, own) for box in to], 200, {"MessageId": "0100"}
