"""Postmark, `POST /email/batch`: one request for up to 500 messages, each with its own content.

Sources (November 2026): Postmark's developer pages "Email API", "Sending messages in batch" and
"API error codes": 500 messages and 50 MB a request; HTTP 200 with an `ErrorCode` for each
message; `Metadata` comes back in every webhook. Postmark writes MIME, Message-ID and signature
itself and has no idempotency.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from severally.model.outcome import Reply
from severally.model.request import HttpRequest
from severally.transport.answers import Answer, Judged, account, common, said
from severally.transport.api import Secret
from severally.transport.batches import distinct, halves
from severally.transport.letter import Letter

URL = "https://api.postmarkapp.com"
BATCH = 500
BYTES = 45_000_000
"""Of the 50 MB that are allowed."""
_RECIPIENTS = frozenset({300, 406})
"""Error codes about one message: invalid request (its address), inactive recipient. All others
are about the account, the sender or the stream."""


class Postmark:
    """`transport.api.Provider`. `stream`: the message stream, by its id."""

    idempotent = False

    def __init__(
        self, key: Secret, url: str = URL, batch: int = BATCH, stream: str = "outbound"
    ) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._batch = min(batch, BATCH)
        self._stream = stream

    def __repr__(self) -> str:
        return f"Postmark({self.url!r})"

    def fits(self, letter: Letter) -> None:
        """Whatever is one text and one HTML part."""

    def authorized(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        """The server's token."""
        return {"X-Postmark-Server-Token": self._key.reveal(), "Accept": "application/json"}

    def requests(self, letters: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        """As many as are taken, in any language."""
        for batch in distinct(letters, self._batch):
            yield from self._request(batch)

    def _request(self, batch: Sequence[Letter]) -> Iterator[tuple[HttpRequest, Sequence[Letter]]]:
        made = [self._message(letter) for letter in batch]
        body = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
        if len(body) > BYTES and len(batch) > 1:
            for half in halves(batch):
                yield from self._request(half)
            return
        headers = (("Content-Type", "application/json"),)
        yield HttpRequest("POST", f"{self.url}/email/batch", headers, body), batch

    def _message(self, letter: Letter) -> dict[str, Any]:
        made = {
            "From": letter.mailbox,
            "To": letter.box,
            "Subject": letter.subject,
            "TextBody": letter.text,
            "HtmlBody": letter.html,
            "Headers": [{"Name": name, "Value": value} for name, value in letter.headers],
            "Metadata": {"delivery": letter.token},
            "MessageStream": self._stream,
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        return {**made, "ReplyTo": letter.reply_to} if letter.reply_to else made

    def judged(self, answer: Answer, batch: Sequence[Letter], now: float) -> Judged:
        """Each by its own entry, found by its address; where the entry of one that was refused
        names none, by its place, if every other stands where it was put."""
        read = answer.said
        if answer.status == 200 and isinstance(read, list):
            return _each(read, batch)
        if answer.status == 200:
            return Judged(doubt=True)
        table = read if isinstance(read, dict) else {}
        code, why = table.get("ErrorCode"), str(table.get("Message") or "")[:200]
        if answer.status == 422 and isinstance(code, int) and code not in _RECIPIENTS:
            return Judged(whole=account(f"{code} {why}"))
        return common(answer, why, now, len(batch))


def _each(entries: Sequence[Any], batch: Sequence[Letter]) -> Judged:
    """Whoever has no entry is in doubt, and so is everybody where the answer is not about us."""
    places = {letter.box.lower(): letter for letter in batch}
    named = [str(e.get("To") or "").lower() if isinstance(e, dict) else "" for e in entries]
    in_order = len(entries) == len(batch) and all(
        not box or box == letter.box.lower() for box, letter in zip(named, batch, strict=True)
    )
    replies: dict[int, Reply] = {}
    for at, (entry, box) in enumerate(zip(entries, named, strict=True)):
        letter = places.get(box) or (batch[at] if in_order and not box else None)
        if letter is None or not isinstance(entry, dict):
            continue
        replies[letter.delivery] = _reply(entry)
    return Judged(replies, doubt=len(replies) < len(batch))


def _reply(entry: Mapping[str, Any]) -> Reply:
    code = entry.get("ErrorCode")
    if code == 0:
        return said(Answer(200, {}))
    why = f"{code} {str(entry.get('Message') or '')[:200]}"
    return said(Answer(422, {}), why) if code in _RECIPIENTS else account(why)
