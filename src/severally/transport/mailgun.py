"""Mailgun, `POST /v3/DOMAIN/messages`: one request for up to 1,000 recipients, each with variables
of their own.

Sources (November 2026): Mailgun's pages "Batch sending", "Sending messages" and "Tracking": 1,000
recipients and 25 MB a request; `%recipient.NAME%` stands for a recipient's variable in texts,
headers (`h:`) and data (`v:`), which comes back in every event. Mailgun writes MIME and signature
itself and has no idempotency.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence

from severally.model.request import HttpRequest
from severally.transport.answers import Answer, Judged, common
from severally.transport.api import Secret
from severally.transport.batches import alike, halves
from severally.transport.letter import Letter, Unsupported
from severally.transport.skeleton import Slots

URL = "https://api.mailgun.net"
BATCH = 1_000
BYTES = 22_000_000
"""Of the 25 MB that are allowed."""
_OFF = (("o:tracking", "no"), ("o:tracking-clicks", "no"), ("o:tracking-opens", "no"))
Fields = list[tuple[str, str]]


class Mailgun:
    """`transport.api.Provider`. `domain`: the one that Mailgun knows us by."""

    idempotent = False

    def __init__(self, key: Secret, domain: str, url: str = URL, batch: int = BATCH) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._domain = domain
        self._batch = min(batch, BATCH)

    def __repr__(self) -> str:
        return f"Mailgun({self.url!r}, {self._domain!r})"

    def fits(self, letter: Letter) -> None:
        """Raises Unsupported where a text has what Mailgun would put something else for."""
        texts = (letter.subject, letter.text, letter.html, *(value for _, value in letter.headers))
        if any("%recipient" in text or "%unsubscribe_url%" in text for text in texts):
            raise Unsupported("a text with one of Mailgun's own variables in it")

    def authorized(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        """HTTP Basic, the user `api`."""
        token = base64.b64encode(f"api:{self._key.reveal()}".encode()).decode()
        return {"Authorization": f"Basic {token}"}

    def requests(self, letters: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        """Those of one language and one build together."""
        for batch in alike(letters, self._batch):
            yield from self._request(batch)

    def _request(self, batch: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        body = urllib.parse.urlencode(_fields(batch)).encode()
        if len(body) > BYTES and len(batch) > 1:
            for half in halves(batch):
                yield from self._request(half)
            return
        headers = (("Content-Type", "application/x-www-form-urlencoded"),)
        yield HttpRequest("POST", f"{self.url}/v3/{self._domain}/messages", headers, body), batch

    def judged(self, answer: Answer, batch: Sequence[Letter], now: float) -> Judged:
        """One answer for all; a refusal names nobody."""
        table = answer.said if isinstance(answer.said, dict) else {}
        why = str(table.get("message") or "")[:200]
        return common(answer, why, now, len(batch))


def _fields(batch: Sequence[Letter]) -> Fields:
    """Texts and headers with variables where they differ, and each recipient's values."""
    first, slots = batch[0], Slots()
    shared = {
        "subject": [letter.subject for letter in batch],
        "text": [letter.text for letter in batch],
        "html": [letter.html for letter in batch],
    }
    for at, (name, _) in enumerate(first.headers):
        shared[f"h:{name}"] = [letter.headers[at][1] for letter in batch]
    shared["v:delivery"] = [letter.token for letter in batch]
    texts = [(name, slots.share(each).text(_tag)) for name, each in shared.items()]
    variables = {
        letter.box: {f"s{slot}": column[at] for slot, column in enumerate(slots.values)}
        for at, letter in enumerate(batch)
    }
    return [
        ("from", first.mailbox),
        *(("to", letter.box) for letter in batch),
        *([("h:Reply-To", first.reply_to)] if first.reply_to else []),
        *texts,
        *_OFF,
        ("recipient-variables", json.dumps(variables, ensure_ascii=False, separators=(",", ":"))),
    ]


def _tag(slot: int) -> str:
    return f"%recipient.s{slot}%"
