"""Twilio SendGrid, `POST /v3/mail/send`: one request for up to 1,000 recipients, each with a
personalization of their own.

Sources (November 2026): Twilio SendGrid, "Mail Send", "Personalizations", "Substitution tags":
1,000 personalizations and 30 MB a request, 10,000 bytes of substitutions for each recipient, no
address twice; `custom_args` come back in every event. SendGrid writes MIME, Message-ID and
signature itself; it has no idempotency, and answers 202 for the whole call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from severally.model.request import HttpRequest
from severally.transport.answers import Answer, Judged, common
from severally.transport.api import Secret
from severally.transport.batches import alike, halves
from severally.transport.letter import Letter
from severally.transport.skeleton import Skeleton, Slots, stem

URL = "https://api.sendgrid.com"
BATCH = 1_000
BYTES = 25_000_000
"""Of the 30 MB that are allowed: what is not counted here has room."""
SUBSTITUTIONS = 9_500
"""Of the 10,000 bytes, which are not said to be those of JSON or of UTF-8."""
OFF = {"enable": False}
_AT = re.compile(r"personalizations\.(\d+)\b")


class Sendgrid:
    """`transport.api.Provider`."""

    idempotent = False

    def __init__(self, key: Secret, url: str = URL, batch: int = BATCH) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._batch = min(batch, BATCH)

    def __repr__(self) -> str:
        return f"Sendgrid({self.url!r})"

    def fits(self, letter: Letter) -> None:
        """Whatever is one text and one HTML part."""

    def authorized(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        """A bearer token."""
        return {"Authorization": f"Bearer {self._key.reveal()}"}

    def requests(self, letters: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        """Those of one language and one build together."""
        for batch in alike(letters, self._batch):
            yield from self._request(batch)

    def _request(self, batch: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        slots = Slots()
        text = slots.share([letter.text for letter in batch])
        html = slots.share([letter.html for letter in batch])
        mark = stem([part for letter in batch for part in (letter.text, letter.html)])
        values = [
            {_tag(mark, slot): column[at] for slot, column in enumerate(slots.values)}
            for at in range(len(batch))
        ]
        large = [sum(len(json.dumps(each).encode()) for each in own.items()) for own in values]
        if len(batch) > 1 and max(large) > SUBSTITUTIONS:
            fits = [batch[at] for at, size in enumerate(large) if size <= SUBSTITUTIONS]
            alone = [batch[at] for at, size in enumerate(large) if size > SUBSTITUTIONS]
            if fits:
                yield from self._request(fits)
            for letter in alone:
                yield from self._request([letter])
            return
        body = _body(batch, text, html, mark, values)
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        if len(data) > BYTES and len(batch) > 1:
            for half in halves(batch):
                yield from self._request(half)
            return
        headers = (("Content-Type", "application/json"),)
        yield HttpRequest("POST", f"{self.url}/v3/mail/send", headers, data), batch

    def judged(self, answer: Answer, batch: Sequence[Letter], now: float) -> Judged:
        """202 for all; a refusal names the personalizations it is about, or nobody."""
        errors = (answer.said or {}).get("errors") if isinstance(answer.said, dict) else None
        found = [each for each in errors or [] if isinstance(each, dict)]
        why = "; ".join(str(each.get("message") or "") for each in found)[:200]
        judged = common(answer, why, now, len(batch))
        if judged.whole is not None or judged.doubt:
            return judged
        places = [_AT.search(str(each.get("field") or "")) for each in found]
        numbers = {int(place[1]) for place in places if place is not None}
        return Judged(blamed=frozenset(batch[n].delivery for n in numbers if n < len(batch)))


def _tag(mark: str, slot: int) -> str:
    return f"-{mark}.{slot}-"


def _body(
    batch: Sequence[Letter],
    text: Skeleton,
    html: Skeleton,
    mark: str,
    values: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    first = batch[0]
    sender = {"email": first.sender, **({"name": first.sender_name} if first.sender_name else {})}
    body: dict[str, Any] = {
        "personalizations": [
            _personalization(letter, own) for letter, own in zip(batch, values, strict=True)
        ],
        "from": sender,
        "content": [
            {"type": "text/plain", "value": text.text(lambda slot: _tag(mark, slot))},
            {"type": "text/html", "value": html.text(lambda slot: _tag(mark, slot))},
        ],
        "tracking_settings": {
            "click_tracking": {**OFF, "enable_text": False},
            "open_tracking": OFF,
            "subscription_tracking": OFF,
        },
    }
    if first.reply_to:
        body["reply_to"] = {"email": first.reply_to}
    return body


def _personalization(letter: Letter, own: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "to": [{"email": letter.box}],
        "subject": letter.subject,
        "headers": dict(letter.headers),
        "custom_args": {"delivery": letter.token},
    }
    if own:
        made["substitutions"] = dict(own)
    return made
