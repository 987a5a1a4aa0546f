"""/v1/messages: one urgent message to one recipient, and what became of it.

Responsible for HTTP alone: what may be asked for is `app.urgent.asking`'s, keeping it the desk's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from severally.app.api.access import KEY, key_of, known
from severally.app.api.given import Given
from severally.app.api.problems import Declined, FieldError, documented, wrong_fields
from severally.app.office import Office
from severally.app.urgent.asking import Ask, Asking, NotAllowed, To, WrongFields
from severally.app.urgent.desk import Capped, Desk, Suppressed
from severally.model.urgent import Happening, Tracked, ident_of, shown

_IDEM = "^[!-~]{1,128}$"
_ID = "u- and 13 letters and digits"
Id = Annotated[str, msgspec.Meta(pattern=r"^u-[a-z2-7]{13}$", description=_ID)]


FORMS = (Ask, To)
"""What is read from a request's body."""


class Accepted(msgspec.Struct, frozen=True):
    """202: it is on disk, and will be sent, or said to be expired, refused or withdrawn."""

    id: str
    state: str


class Event(msgspec.Struct, frozen=True):
    """One thing that happened to a message."""

    at: datetime
    what: str
    route: str = ""
    text: str = ""


class Message(msgspec.Struct, frozen=True):
    """A message and where it stands. `possible_duplicate`: an attempt ended without an answer,
    and it was sent again with the same Message-ID. `told_in`: the one message that tells of a
    flood."""

    id: str
    state: str
    event: str
    reference: str
    accepted_at: datetime
    expires_at: datetime
    attempts: int
    possible_duplicate: bool
    route: str = ""
    told_in: str = ""


class MessageWithEvents(msgspec.Struct, frozen=True):
    """A message with what happened to it, in order."""

    message: Message
    events: tuple[Event, ...]


class Messages(msgspec.Struct, frozen=True):
    """Messages with one reference, the newest first."""

    messages: tuple[Message, ...]


@post("/", status_code=202, responses=documented(400, 401, 403, 409, 413, 415, 422, 429, 503))
async def send_message(
    request: Request[Any, Any, Any],
    data: JSONBody[Ask],
    desk: Given[Desk],
    asking: Given[Asking],
    office: Given[Office],
    idempotency_key: Annotated[
        str,
        HeaderParameter(
            name="Idempotency-Key",
            description="Your own name for this message: the same one, and it is sent once.",
            min_length=1,
            max_length=128,
            pattern=_IDEM,
        ),
    ],
) -> Response[Accepted]:
    """Send one urgent message to one recipient.

    Answered when it is on disk. The same key and body get the same answer and send nothing more;
    the same key with another body is refused.
    """
    key, now = key_of(request), office.wiring.clock.wall()
    try:
        answer = await desk.accept(asking.checked(data, key, idempotency_key, now))
    except WrongFields as wrong:
        raise wrong_fields([FieldError(f.where, f.problem) for f in wrong.findings]) from None
    except NotAllowed as refused:
        raise Declined(403, "not-allowed", refused.what) from None
    except Suppressed as refused:
        where = FieldError("recipient.email", refused.what)
        raise Declined(422, "suppressed", refused.what, [where]) from None
    except Capped as capped:
        raise Declined(429, "capped", capped.what, (), {"Retry-After": "60"}) from None
    if answer.conflict:
        said = "this Idempotency-Key was used for another request"
        raise Declined(409, "idempotency-key-reused", said)
    name = shown(answer.ident)
    return Response(
        Accepted(name, "accepted"), status_code=202, headers={"Location": f"/v1/messages/{name}"}
    )


@get("/{message_id:str}", sync_to_thread=True, responses=documented(401, 404, 429, 503))
def read_message(
    request: Request[Any, Any, Any], message_id: FromPath[Id], office: Given[Office]
) -> MessageWithEvents:
    """One message, and what happened to it."""
    ident = ident_of(message_id)
    found = None if ident is None else office.ledger.urgent(ident)
    if found is None or found.urgent.scope is not key_of(request).scope:
        raise Declined(404, "not-found", "there is no message of this id that this key may see")
    happened = office.ledger.urgent_happenings(found.urgent.ident)
    return MessageWithEvents(message_of(found), tuple(event_of(each) for each in happened))


@get("/", sync_to_thread=True, responses=documented(401, 422, 429, 503))
def list_messages(
    request: Request[Any, Any, Any],
    office: Given[Office],
    reference: FromQuery[Annotated[str, msgspec.Meta(min_length=1, max_length=100)]],
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> Messages:
    """The messages that carry your reference, the newest first."""
    if request.query_params.keys() - {"reference", "limit"}:
        raise wrong_fields([FieldError("query", "there are reference and limit, and no others")])
    scope = key_of(request).scope
    found = office.ledger.urgent_by_reference(scope, reference, limit)
    return Messages(tuple(message_of(each) for each in found))


def message_of(tracked: Tracked) -> Message:
    """As it is shown; nothing of its recipient."""
    urgent, standing = tracked.urgent, tracked.standing
    return Message(
        shown(urgent.ident),
        standing.state.word,
        urgent.event,
        urgent.reference,
        _time(urgent.accepted_at),
        _time(urgent.expires_at),
        standing.attempts,
        standing.doubts > 0,
        standing.route,
        shown(standing.into) if standing.into else "",
    )


def event_of(happening: Happening) -> Event:
    """As it is shown."""
    return Event(_time(happening.at), happening.what, happening.route, happening.text)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


messages = Router(
    "/v1/messages",
    route_handlers=[send_message, read_message, list_messages],
    guards=[known],
    security=[{KEY: []}],
    tags=["messages"],
)
