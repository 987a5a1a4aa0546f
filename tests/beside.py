"""The requests that official and popular clients make for a private batch, beside ours."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

from severally.guard import disclosure
from severally.model.envelope import Sealed
from severally.transport.api import Secret
from severally.transport.letter import letter_of
from tests import programs, sealed
from tests.standins import Call, StandIn
from tests.standins.ways import WAYS, Way

CLIENTS = {
    "sendgrid": "sendgrid: a personalization each",
    "ses": "boto3: SendEmail for each",
    "mailgun": "mailgun: recipient-variables",
    "postmark": "anymail: Postmark, merge_data",
    "resend": "anymail: Resend, merge_data",
}
"""A client of `tests.programs` for each provider."""


def equal(name: str, title: str) -> bool:
    """Whether both write to the same people, once each, and show nobody to anybody."""
    run = sealed.run(6)
    boxes = [each.payload.rcpt_to[0] for each in run]
    theirs = _shown(_captured(programs.PRIVATE[title], boxes))
    ours = _shown(_built(WAYS[name], run))
    return theirs == ours == dict.fromkeys(boxes, 1)


def _captured(program: programs.Program, boxes: Sequence[str]) -> list[Call]:
    """What a client would have sent."""
    taken = [{"To": box, "ErrorCode": 0, "Message": "OK", "MessageID": "1"} for box in boxes]
    said = {"id": "<1>", "message": "Queued. Thank you.", "MessageId": "1"}
    answers: dict[str, Any] = {
        "/email/batch": taken,
        "/emails/batch": {"data": [{"id": str(number)} for number in range(len(boxes))]},
    }

    def take(call: Call) -> tuple[list[Any], int, Any]:
        status = 202 if call.path.endswith("mail/send") else 200
        return [], status, answers.get(call.path, said)

    with StandIn(take) as standin:
        guard = types.SimpleNamespace(url=standin.url)
        assert program(guard, list(boxes))  # type: ignore[arg-type]
        return standin.calls


def _built(way: Way, run: Sequence[Sealed]) -> list[Call]:
    provider = way.make("https://api.provider.example", Secret(way.key), 1_000)
    return [
        Call(made.method, made.url, {n.lower(): v for n, v in made.headers}, made.body)
        for made, _ in provider.requests([letter_of(each) for each in run])
    ]


def _shown(calls: Sequence[Call]) -> dict[str, int]:
    """Messages for each mailbox; 0 where it would see another recipient."""
    found: dict[str, int] = {}
    for call in calls:
        shown = disclosure.of(call.method, call.path, call.headers, call.body)
        strangers = shown.strangers()
        for box in shown.visible:
            found[box] = 0 if box in strangers else found.get(box, 0) + shown.messages.get(box, 1)
    return found
