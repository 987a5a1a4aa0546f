"""The only form an error has: an RFC 9457 problem document that names the field.

Responsible for turning every exception into one. No document repeats a value that was sent:
it could be somebody's address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    SerializationException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec

from severally.app.api.requests import unexpected
from severally.model.errors import Refused, SeverallyError, UsageError

CONTENT_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """One field of the request, as a path (`recipient.email`), and what is wrong with it."""

    field: str
    problem: str


class ProblemDocument(msgspec.Struct, frozen=True):
    """RFC 9457 3.1. `type` tells problems of one status apart; `errors` name fields."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()


class Declined(Exception):
    """The request is not followed. `name` becomes the problem's type, `title` follows from it."""

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.name, self.detail = status, name, detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def wrong_field(field: str, problem: str) -> Declined:
    """One field cannot be taken as it is (422)."""
    return wrong_fields([FieldError(field, problem)])


def wrong_fields(errors: Sequence[FieldError]) -> Declined:
    """Several fields cannot be taken as they are (422)."""
    detail = "; ".join(f"{each.field}: {each.problem}" for each in errors)
    return Declined(422, "invalid-fields", detail, errors)


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """For a handler's `responses`: the problems it answers with."""
    return {
        status: ResponseSpec(
            ProblemDocument,
            media_type=CONTENT_TYPE,
            description=HTTPStatus(status).phrase,
            generate_examples=False,
        )
        for status in statuses
    }


def problem(declined: Declined) -> Response[bytes]:
    """The document."""
    said = ProblemDocument(
        f"urn:severally:problem:{declined.name}",
        declined.name.replace("-", " ").capitalize(),
        declined.status,
        declined.detail,
        declined.errors,
    )
    return Response(
        msgspec.json.encode(said),
        status_code=declined.status,
        media_type=CONTENT_TYPE,
        headers=declined.headers,
    )


def _declined(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    assert isinstance(error, Declined)
    return problem(error)


def _http(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What Litestar itself says no to: paths, methods, sizes, bodies."""
    assert isinstance(error, HTTPException)
    if _is_deep(error):
        return problem(Declined(413, "too-deep", "the body is nested too deeply"))
    if missing := _MISSING.search(error.detail):
        return problem(wrong_field(missing[1], "is missing"))
    if isinstance(error, ValidationException):
        return problem(_invalid(error.extra))
    if isinstance(error.__cause__, SerializationException) or error.status_code == 400:
        return problem(_MALFORMED)
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() != "content-type"}
    if isinstance(error, NotAuthorizedException):
        headers["WWW-Authenticate"] = "Bearer"
    status = HTTPStatus(error.status_code)
    name = status.phrase.lower().replace(" ", "-")
    return problem(Declined(status, name, _DETAIL.get(status, status.description), (), headers))


def _is_deep(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, RecursionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _invalid(extra: Any) -> Declined:
    found = extra if isinstance(extra, list) else [extra]
    errors = [
        FieldError(_field(each), _words(str(each.get("message", ""))))
        for each in found
        if isinstance(each, dict)
    ]
    return wrong_fields(errors or [FieldError("body", "is not what is expected here")])


def _field(said: Mapping[str, Any]) -> str:
    key, source = said.get("key"), said.get("source")
    if source == "header":  # named as our function's argument is
        return str(key).replace("_", "-").title()
    inside = _AT.search(str(said.get("message", "")))
    path = inside[1] if inside else ""
    named = ".".join(each for each in (str(key or ""), path) if each and each != "data")
    return named or str(source or "body")


def _words(message: str) -> str:
    """msgspec's words without the place, and without any value."""
    text = _AT.sub("", message).removesuffix(" - ").strip().rstrip(" -")
    text = re.sub(r"Invalid enum value .*", "is none of the values that are known here", text)
    text = re.sub(r"Object contains unknown field .*", _STRANGE, text, flags=re.DOTALL)
    text = re.sub(r"^Expected", "expected", text.replace("`", ""))
    return text or "is not what is expected here"


def _ours(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """An operation's own errors, whose text is written for people and names nobody."""
    if isinstance(error, UsageError):
        return problem(Declined(404, "not-found", str(error)))
    if isinstance(error, Refused):
        return problem(Declined(409, "refused", str(error)))
    unexpected(request.scope, error)
    return problem(Declined(503, "unavailable", _UNAVAILABLE, (), {"Retry-After": "1"}))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A mistake of ours: where it happened is logged, and nothing of anybody's."""
    if isinstance(error, UnicodeDecodeError):
        return problem(_MALFORMED)
    if _is_deep(error):
        return problem(Declined(413, "too-deep", "the body is nested too deeply"))
    unexpected(request.scope, error)
    return problem(Declined(500, "unexpected", "something unexpected went wrong; it was logged"))


_STRANGE = "has a field that is not known here"
_MALFORMED = Declined(400, "malformed-body", "the body is no JSON that can be read")
_AT = re.compile(r"(?: - )?at `\$\.?([^`]*)`")
_MISSING = re.compile(r"^Missing required \w+ parameter '([A-Za-z_-]+)'")
_UNAVAILABLE = "the record cannot be written at the moment; nothing was accepted"
_DETAIL = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.UNAUTHORIZED: "say who you are: Authorization: Bearer KEY",
}
HANDLERS: dict[int | type[Exception], Any] = {
    Declined: _declined,
    HTTPException: _http,
    SeverallyError: _ours,
    Exception: _unexpected,
}
"""For `Litestar(exception_handlers=…)`."""
