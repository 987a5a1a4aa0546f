"""What Amazon SNS publishes at its own addresses: certificates, and confirmations of a topic.

Responsible for fetching, within limits; whether an address is SNS's own is checked before
(`feedback.webhooks.ses`). No redirect is followed.
"""

from __future__ import annotations

import httpx

from severally.model.errors import SeverallyError

_BYTES = 65_536
_TIMEOUT_S = 10.0
_MOST = 20


class Published:
    """Certificates are kept: SNS changes its own about once a year."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def certificate(self, url: str) -> bytes:
        """PEM. Raises SeverallyError where it cannot be had."""
        if url not in self._kept:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[url] = self.visit(url)
        return self._kept[url]

    def visit(self, url: str) -> bytes:
        """What is there. Raises SeverallyError."""
        try:
            with httpx.stream(
                "GET", url, follow_redirects=False, trust_env=False, timeout=_TIMEOUT_S
            ) as answer:
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _BYTES:
                        break
        except httpx.HTTPError:
            raise SeverallyError("Amazon SNS could not be reached") from None
        if answer.status_code != 200 or len(body) > _BYTES:
            raise SeverallyError(f"Amazon SNS answered with {answer.status_code}")
        return body
