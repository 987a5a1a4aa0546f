"""Amazon SES v2, `SendEmail` with raw content: one request for each message, many under way.

Sources (November 2026): the SES v2 API reference, `SendEmail` and its errors, and the developer
guide's pages on raw mail and on quotas: `EmailTags` (A-Z, a-z, 0-9, _ and -) come back in every
event. `SendBulkEmail` takes 50 recipients and puts values into a template, which cannot keep a
message's bytes; raw content keeps them, but for Message-ID and Date, which SES writes itself.
There is no idempotency.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from severally.model.request import REFERENCE, HttpRequest
from severally.model.sigv4 import ALGORITHM, Scope, signature
from severally.transport.answers import Answer, Judged, account, common, said
from severally.transport.api import Secret
from severally.transport.letter import Letter

BATCH = 1
CONNECTIONS = 50
PATH = "/v2/email/outbound-emails"
_SIGNED = ("content-type", "host", "x-amz-date")
_LATER = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling"})
_ACCOUNT = frozenset(
    {
        *("AccountSuspendedException", "SendingPausedException", "LimitExceededException"),
        *("MailFromDomainNotVerifiedException", "NotFoundException"),
    }
)
"""Errors about the account, its quota or its configuration."""


def url_in(region: str) -> str:
    """The endpoint of a region."""
    return f"https://email.{region}.amazonaws.com"


class Ses:
    """`transport.api.Provider`. `access_key` is the key's id, which is no secret."""

    idempotent = False

    def __init__(
        self, key: Secret, access_key: str, region: str, url: str = "", configuration: str = ""
    ) -> None:
        self.url = (url or url_in(region)).rstrip("/")
        self._key = key
        self._access_key = access_key
        self._region = region
        self._configuration = configuration

    def __repr__(self) -> str:
        return f"Ses({self.url!r})"

    def fits(self, letter: Letter) -> None:
        """Whatever it is: its bytes go as they are."""

    def authorized(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        """Signed for this moment."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        place = urllib.parse.urlsplit(request.url)
        headers = {
            **{name.lower(): value for name, value in request.headers},
            "host": place.netloc,
            "x-amz-date": stamp,
        }
        scope = Scope(stamp[:8], self._region, "ses")
        signed = signature(
            self._key.reveal(),
            scope,
            stamp,
            request.method,
            place.path,
            headers,
            _SIGNED,
            request.body,
        )
        credential = f"Credential={self._access_key}/{scope}"
        names = ";".join(_SIGNED)
        value = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signed}"
        return {"X-Amz-Date": stamp, "Authorization": value}

    def requests(self, letters: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        """Each alone, its token on top of it: SES replaces the Message-ID."""
        for letter in letters:
            raw = f"{REFERENCE}: {letter.token}\r\n".encode() + letter.raw
            body: dict[str, Any] = {
                "Destination": {"ToAddresses": [letter.box]},
                "Content": {"Raw": {"Data": base64.b64encode(raw).decode()}},
                "EmailTags": [{"Name": "delivery", "Value": letter.token}],
            }
            if self._configuration:
                body["ConfigurationSetName"] = self._configuration
            data = json.dumps(body, separators=(",", ":")).encode()
            headers = (("Content-Type", "application/json"),)
            yield HttpRequest("POST", f"{self.url}{PATH}", headers, data), [letter]

    def judged(self, answer: Answer, batch: Sequence[Letter], now: float) -> Judged:
        """By the error's name, which stands in a header or in the body."""
        table = answer.said if isinstance(answer.said, dict) else {}
        named = answer.headers.get("x-amzn-errortype") or str(table.get("__type") or "")
        name = named.partition(":")[0].rpartition("#")[2]
        why = f"{name} {str(table.get('message') or table.get('Message') or '')[:200]}".strip()
        if name in _LATER:
            return Judged(whole=said(Answer(429, answer.headers), why, now, final=False))
        if name in _ACCOUNT or (name == "MessageRejected" and "not verified" in why):
            return Judged(whole=account(why))
        return common(answer, why, now, len(batch))
