"""What a provider's HTTP answer means for the messages of one request, as SMTP would say it.

Responsible for the classes of answers all providers share: who was taken, who was refused, who
has to wait, who is in doubt. What follows from that for a lane is `feedback`'s (its rules name
these answers by their text, `HTTP 429 ...`).
"""

from __future__ import annotations

import email.utils
import http
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from severally.model.outcome import Reply
from severally.transport.replies import kept

_LATER = frozenset({420, 425, 429, 503})
"""Refused for now, and surely not acted upon (420: enhance your calm)."""
_OURS = frozenset({401, 402, 403, 404, 405, 407, 410, 415})
"""About the account or the address of the API: no recipient can help it."""


@dataclass(frozen=True)
class Answer:
    """A status, headers (lower-case names) and a body read no further than is needed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def said(self) -> Any:
        """The body as JSON; None where it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Judged:
    """`replies`: by delivery, final for this attempt. `blamed`: deliveries that the provider
    names as the fault of a request it refused whole. `doubt`: nobody knows whether it acted.
    `whole`: the reply for everybody not in `replies`; without it a request that was refused
    for one of its messages is sent again without that one, or in halves."""

    replies: Mapping[int, Reply] = field(default_factory=dict)
    whole: Reply | None = None
    blamed: frozenset[int] = frozenset()
    doubt: bool = False


def said(answer: Answer, why: str = "", now: float = 0.0, final: bool = True) -> Reply:
    """The answer as a reply that may be kept: `HTTP 429 Too Many Requests; retry after 7
    seconds: why`. `now` is Unix seconds. 5xx-like where `final`."""
    status = answer.status
    if 200 <= status < 300:
        return Reply(250, "2.0.0", f"2.0.0 HTTP {status}")
    code, enhanced = (550, "5.0.0") if final else (451, "4.0.0")
    wait = retry_after_s(answer, now)
    asked = f"; retry after {wait} seconds" if wait else ""
    words = f": {why}" if why else ""
    return kept(Reply(code, enhanced, f"{enhanced} HTTP {status} {_phrase(status)}{asked}{words}"))


def account(why: str) -> Reply:
    """The account may not send this, whoever it is for: the lane stops, and refuses nobody."""
    return kept(Reply(451, "4.0.0", f"4.0.0 the provider refuses the account: {why}"))


def common(answer: Answer, why: str, now: float, messages: int) -> Judged:
    """What holds whoever the provider is. A refusal for a message's own sake is that message's
    where it was alone; of several it is left open whose."""
    status = answer.status
    if 200 <= status < 300:
        return Judged(whole=said(answer))
    if status in _LATER or status in _OURS or 300 <= status < 400:
        return Judged(whole=said(answer, why, now, final=False))
    if status >= 500 or status in (100, 101, 102, 103, 408):
        return Judged(doubt=True)  # it may have been acted upon before it went wrong
    return Judged(whole=said(answer, why, now)) if messages == 1 else Judged()


def retry_after_s(answer: Answer, now: float) -> int:
    """Seconds the provider asks us to wait, 0 where it does not (RFC 9110 10.2.3, and the
    providers' own `ratelimit-reset`, in seconds or as a Unix time)."""
    asked = answer.headers.get("retry-after", "")
    if asked.isdigit():
        return min(int(asked), 86_400)
    if asked:
        return _until(asked, now)
    if answer.status != 429:
        return 0
    for name in ("ratelimit-reset", "x-ratelimit-reset"):
        reset = answer.headers.get(name, "")
        if reset.isdigit():
            seconds = int(reset) - int(now) if int(reset) > 1_000_000_000 else int(reset)
            return max(1, min(seconds, 86_400))
    return 0


def _until(date: str, now: float) -> int:
    try:
        when = email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0
    return max(1, min(int(when - now), 86_400))


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"
