"""AWS Signature Version 4: whether a request was signed with a secret key.

Source: the AWS documentation "Create a signed AWS API request" (read November 2026).
"""

from __future__ import annotations

import calendar
import hmac
import re
import time
from collections.abc import Iterable

from severally.model.sigv4 import Scope, signature
from severally.submit.draft import Request

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/([0-9]{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)
SKEW_S = 300.0
"""How far the signer's clock may be from ours; AWS itself allows five minutes."""


def signed_by(request: Request, secrets: Iterable[str], now: float) -> bool:
    """Whether one of `secrets` signed it, within `SKEW_S` seconds of `now` (Unix)."""
    match = _HEADER.fullmatch(request.headers.get("authorization", ""))
    stamp = request.headers.get("x-amz-date", "")
    if match is None or abs(_seconds(stamp) - now) > SKEW_S or stamp[:8] != match[2]:
        return False
    scope = Scope(match[2], match[3], match[4])
    names = match[5].split(";")
    made = (
        signature(
            each, scope, stamp, request.method, request.path, request.headers, names, request.body
        )
        for each in secrets
    )
    return any(hmac.compare_digest(each, match[6]) for each in made)


def _seconds(stamp: str) -> float:
    try:
        return float(calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return 0.0
