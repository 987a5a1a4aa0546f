"""/events/ROUTE: where a route's provider posts what became of messages.

Responsible for HTTP alone: a call that cannot be verified is answered with 401 and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import MediaType, Request, Response, Router, post
from litestar.params import FromPath

from severally.app.api.given import Given
from severally.app.api.problems import Declined
from severally.app.operations.webhooks import Doors, NoSuchRoute
from severally.feedback.webhooks import Unverified

PATH = "/events"
MOST_BYTES = 8_000_000
"""SendGrid posts up to some thousand events at once."""


@post("/{route:str}", status_code=200, include_in_schema=False, request_max_body_size=MOST_BYTES)
async def heard(
    doors: Given[Doors], route: FromPath[str], request: Request[Any, Any, Any]
) -> Response[str]:
    """200 when it is on disk."""
    body = await request.body()
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        await asyncio.to_thread(doors.accept, route, headers, body)
    except NoSuchRoute:
        raise Declined(404, "no-such-route", "no route of this name hears of events") from None
    except Unverified as reason:
        raise Declined(401, "unverified", f"the call is not believed: {reason}") from None
    return Response("", media_type=MediaType.TEXT)


webhooks = Router(PATH, route_handlers=[heard])
