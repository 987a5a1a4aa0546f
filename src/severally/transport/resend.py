"""Resend, `POST /emails/batch`: one request for up to 100 messages, each with its own content.

Sources (November 2026): Resend's API reference, "Send Batch Emails", "Idempotency keys", "Errors"
and "Rate limit": 100 messages a request, all or none of them; an `Idempotency-Key` is known for
24 hours; `tags` come back in every webhook. Resend writes MIME, Message-ID and signature itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from severally.model.request import HttpRequest
from severally.transport.answers import Answer, Judged, account, common
from severally.transport.api import Secret
from severally.transport.batches import distinct
from severally.transport.letter import Letter

URL = "https://api.resend.com"
BATCH = 100
RATE = "500/s"
"""Five requests a second, each of a whole batch (Resend, "Rate limit")."""


class Resend:
    """`transport.api.Provider`."""

    idempotent = True

    def __init__(self, key: Secret, url: str = URL, batch: int = BATCH) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._batch = min(batch, BATCH)

    def __repr__(self) -> str:
        return f"Resend({self.url!r})"

    def fits(self, letter: Letter) -> None:
        """Whatever is one text and one HTML part."""

    def authorized(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        """A bearer token."""
        return {"Authorization": f"Bearer {self._key.reveal()}"}

    def requests(self, letters: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        """As many as are taken, in any language. The key is made of the content: the very same
        request has the same key, whenever it is sent again."""
        for batch in distinct(letters, self._batch):
            made = [_message(letter) for letter in batch]
            body = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
            key = hashlib.sha256(body).hexdigest()
            headers = (("Content-Type", "application/json"), ("Idempotency-Key", key))
            yield HttpRequest("POST", f"{self.url}/emails/batch", headers, body), batch

    def judged(self, answer: Answer, batch: Sequence[Letter], now: float) -> Judged:
        """All or none. 409: the same request is still being worked on, or was another one."""
        table = answer.said if isinstance(answer.said, dict) else {}
        why = f"{table.get('name') or ''} {str(table.get('message') or '')[:200]}".strip()
        if answer.status == 409:
            return Judged(doubt=True)
        if answer.status == 422 and "domain" in why and "verif" in why:
            return Judged(whole=account(why))
        return common(answer, why, now, len(batch))


def _message(letter: Letter) -> dict[str, Any]:
    made: dict[str, Any] = {
        "from": letter.mailbox,
        "to": [letter.box],
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
        "headers": dict(letter.headers),
        "tags": [{"name": "delivery", "value": letter.token}],
    }
    return {**made, "reply_to": letter.reply_to} if letter.reply_to else made
