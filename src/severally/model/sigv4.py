"""AWS Signature Version 4: what a request's signature is.

Source: the AWS documentation "Create a signed AWS API request" (read November 2026).
"""

from __future__ import annotations

import hashlib
import hmac
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class Scope(NamedTuple):
    """What a signature is good for; `date` as `20261125`."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def signature(
    secret: str,
    scope: Scope,
    stamp: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    names: Sequence[str],
    body: bytes,
) -> str:
    """Hex digits. `names`: signed headers in order, lower case; `stamp` as `20261125T173000Z`."""
    digest = hashlib.sha256(_canonical(method, path, headers, names, body).encode()).hexdigest()
    said = "\n".join((ALGORITHM, stamp, str(scope), digest)).encode()
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.digest(key, said, hashlib.sha256).hex()


def _canonical(
    method: str, path: str, headers: Mapping[str, str], names: Sequence[str], body: bytes
) -> str:
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names)
    quoted = urllib.parse.quote(path, safe="/-_.~%")
    hashed = hashlib.sha256(body).hexdigest()
    return "\n".join((method, quoted, "", lines, ";".join(names), hashed))
