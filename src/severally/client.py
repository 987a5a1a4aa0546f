"""A small typed client for the HTTP API: sends one urgent message to one recipient.

Stands alone: it imports nothing else of this package, and needs httpx.

    from severally.client import Client

    with Client("http://127.0.0.1:8025", key) as client:
        sent = client.send("password-reset", "anna@customer.example", {"first_name": "Anna", …})

A call that got no answer is made again with the same Idempotency-Key, so that the message is sent
once. Use a key of your own (the id of your transaction) where your program could be restarted
between two calls.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

import httpx

PATIENCE_S = 30.0
"""How long a call is tried again for, in all."""
_FIRST_S, _MOST_S = 0.2, 5.0
_AGAIN = frozenset({429, 500, 502, 503, 504})


class ClientError(Exception):
    """The message was not accepted, or nobody knows."""


class Declined(ClientError):
    """The server said no, and would again. `errors` name the fields that are wrong."""

    def __init__(self, status: int, type: str, detail: str, errors: Mapping[str, str]) -> None:
        super().__init__(f"{detail} ({status})")
        self.status, self.type, self.detail, self.errors = status, type, detail, dict(errors)


class Unavailable(ClientError):
    """No answer in time. Calling again with the same Idempotency-Key is safe."""


@dataclass(frozen=True)
class Accepted:
    """The server has it on disk. `idempotency_key` is the one it was asked for with."""

    id: str
    idempotency_key: str


@dataclass(frozen=True)
class Event:
    """One thing that happened to a message."""

    at: datetime
    what: str
    route: str
    text: str


@dataclass(frozen=True)
class Message:
    """Where a message stands. `events` are empty in lists."""

    id: str
    state: str
    event: str
    reference: str
    accepted_at: datetime
    expires_at: datetime
    attempts: int
    possible_duplicate: bool
    route: str
    told_in: str
    events: tuple[Event, ...] = ()


class Client:
    """One connection pool to one server, with one key. Usable from several threads."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=10.0,
            transport=transport,
        )
        self._patience_s = patience_s
        self._sleep = sleep
        self._monotonic = monotonic

    def __repr__(self) -> str:
        return f"Client({str(self._http.base_url)!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        notice: str,
        email: str,
        variables: Mapping[str, str | int] | None = None,
        *,
        idempotency_key: str = "",
        recipient_id: str = "",
        locale: str = "",
        timezone: str = "",
        reference: str = "",
        expires_at: datetime | None = None,
        send_after: datetime | None = None,
    ) -> Accepted:
        """Have one message sent. Raises Declined, or Unavailable where nobody answered."""
        recipient = {"email": email} | ({"id": recipient_id} if recipient_id else {})
        body: dict[str, Any] = {"notice": notice, "recipient": recipient}
        body["variables"] = dict(variables or {})
        texts = {"locale": locale, "timezone": timezone, "reference": reference}
        body |= {name: text for name, text in texts.items() if text}
        moments = {"expires_at": expires_at, "send_after": send_after}
        body |= {name: moment.isoformat() for name, moment in moments.items() if moment}
        name = idempotency_key or str(uuid.uuid4())
        said = self._call("POST", "/v1/messages", json=body, headers={"Idempotency-Key": name})
        return Accepted(said["id"], name)

    def message(self, id: str) -> Message:
        """One message with what happened to it. Raises Declined (404) where there is none."""
        said = self._call("GET", f"/v1/messages/{id}")
        return _message(said["message"], said["events"])

    def by_reference(self, reference: str, limit: int = 50) -> list[Message]:
        """The messages that carry your reference, the newest first."""
        params = {"reference": reference, "limit": limit}
        said = self._call("GET", "/v1/messages", params=params)
        return [_message(each, ()) for each in said["messages"]]

    def _call(self, method: str, path: str, **options: Any) -> Any:
        """Until there is an answer that another call would not change, or patience ends."""
        until, wait = self._monotonic() + self._patience_s, _FIRST_S
        while True:
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                if self._monotonic() + wait > until:
                    raise Unavailable(f"no answer ({type(error).__name__})") from None
                pause = wait
            else:
                if answer.is_success:
                    return answer.json()
                pause = max(wait, _retry_after(answer))
                if answer.status_code not in _AGAIN or self._monotonic() + pause > until:
                    raise _declined(answer)
            self._sleep(pause)
            wait = min(_MOST_S, 2 * wait)


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _declined(answer: httpx.Response) -> ClientError:
    try:
        said = answer.json()
        errors = {each["field"]: each["problem"] for each in said.get("errors", ())}
        return Declined(answer.status_code, said["type"], said["detail"], errors)
    except (ValueError, KeyError, TypeError):
        return Unavailable(f"an answer that is none of the API's ({answer.status_code})")


def _message(said: Mapping[str, Any], events: Any) -> Message:
    return Message(
        said["id"],
        said["state"],
        said["event"],
        said["reference"],
        datetime.fromisoformat(said["accepted_at"]),
        datetime.fromisoformat(said["expires_at"]),
        said["attempts"],
        said["possible_duplicate"],
        said["route"],
        said["told_in"],
        tuple(
            Event(datetime.fromisoformat(e["at"]), e["what"], e["route"], e["text"]) for e in events
        ),
    )
