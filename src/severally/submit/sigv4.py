"""AWS Signature Version 4: whether a request was signed with a secret key.

Source: the AWS documentation "Create a signed AWS API request" (read November 2026).
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
import urllib.parse
from collections.abc import Iterable

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
    scope = f"{match[2]}/{match[3]}/{match[4]}/aws4_request"
    digest = hashlib.sha256(_canonical(request, match[5]).encode()).hexdigest()
    said = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, digest)).encode()
    return any(hmac.compare_digest(_signature(each, match, said), match[6]) for each in secrets)


def _signature(secret: str, match: re.Match[str], said: bytes) -> str:
    key = f"AWS4{secret}".encode()
    for part in (match[2], match[3], match[4], "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.digest(key, said, hashlib.sha256).hex()


def _canonical(request: Request, names: str) -> str:
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names.split(";")
    )
    path = urllib.parse.quote(request.path, safe="/-_.~%")
    body = hashlib.sha256(request.body).hexdigest()
    return "\n".join((request.method, path, "", headers, names, body))


def _seconds(stamp: str) -> float:
    try:
        return float(calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return 0.0
