"""Finished requests, changed at random: the guard refuses every one that changes who sees what, or
what anybody reads. Requests are built by the transports; what was changed is judged by each
provider's stand-in, which shares no code with the guard."""

from __future__ import annotations

import base64
import copy
import json
import os
import random
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from tests import oracle, sealed
from tests.standins import Call, Refused
from tests.standins.ways import WAYS, Way

from severally.guard.requests import seal_request
from severally.model.envelope import Refusal, Sealed
from severally.model.request import HttpRequest, SealedRequest
from severally.transport.api import Secret
from severally.transport.letter import letter_of

SEEDS = int(os.environ.get("SEVERALLY_SEEDS", "2"))
"""Random changes of each kind; the proof makes more."""
URL = "https://api.provider.example"
PEOPLE = sealed.run(12, ("en",))
Pick = Callable[[int], int]
Change = Callable[[Any, Pick], None]
"""Changes a body in place."""


def built(way: Way, batch: Sequence[Sealed]) -> HttpRequest:
    """The one request that carries these."""
    provider = way.make(URL, Secret(way.key), len(batch))
    ((request, _),) = provider.requests([letter_of(each) for each in batch])
    return request


def opened(request: HttpRequest) -> Any:
    if request.body[:1] in b"[{":
        return json.loads(request.body)
    return [list(pair) for pair in urllib.parse.parse_qsl(request.body.decode(), True)]


def closed(request: HttpRequest, body: Any) -> HttpRequest:
    form = request.body[:1] not in b"[{"
    text = json.dumps(body, ensure_ascii=False)
    if form:
        text = urllib.parse.urlencode([tuple(pair) for pair in body])
    return msgspec.structs.replace(request, body=text.encode())


# --- changes, by provider


def _two(count: int, pick: Pick) -> tuple[int, int]:
    at = pick(count)
    return at, (at + 1 + pick(count - 1)) % count


def each_of(rows: Callable[[Any], list[Any]], do: Callable[[Any, Any], None]) -> Change:
    """Something done to one message with the help of another."""

    def change(body: Any, pick: Pick) -> None:
        found = rows(body)
        one, other = _two(len(found), pick)
        do(found[one], found[other])

    return change


def dropped(rows: Callable[[Any], list[Any]]) -> Change:
    def change(body: Any, pick: Pick) -> None:
        found = rows(body)
        found.pop(pick(len(found)))

    return change


def doubled(rows: Callable[[Any], list[Any]]) -> Change:
    def change(body: Any, pick: Pick) -> None:
        found = rows(body)
        found.append(copy.deepcopy(found[pick(len(found))]))

    return change


def swapped(key: str) -> Callable[[Any, Any], None]:
    def do(one: Any, other: Any) -> None:
        one[key], other[key] = other[key], one[key]

    return do


def added(key: str, value: Callable[[Any], Any]) -> Callable[[Any, Any], None]:
    def do(one: Any, other: Any) -> None:
        one[key] = value(other)

    return do


def _people(body: Any) -> list[Any]:
    found: list[Any] = body["personalizations"]
    return found


def _merged(body: Any, pick: Pick) -> None:
    rows = _people(body)
    gone = rows.pop(pick(len(rows)))
    rows[pick(len(rows))]["to"] += gone["to"]


def _top(key: str, value: Any) -> Change:
    return lambda body, pick: body.__setitem__(key, value)


def _field(name: str, value: str) -> Change:
    return lambda body, pick: body.append([name, value])


def _without(name: str) -> Change:
    def change(body: Any, pick: Pick) -> None:
        body[:] = [pair for pair in body if pair[0] != name]

    return change


def _variables(do: Callable[[dict[str, Any], list[str], Pick], None]) -> Change:
    def change(body: Any, pick: Pick) -> None:
        (pair,) = [pair for pair in body if pair[0] == "recipient-variables"]
        read = json.loads(pair[1])
        do(read, list(read), pick)
        pair[1] = json.dumps(read, ensure_ascii=False)

    return change


def _swap_variables(read: dict[str, Any], boxes: list[str], pick: Pick) -> None:
    one, other = _two(len(boxes), pick)
    read[boxes[one]], read[boxes[other]] = read[boxes[other]], read[boxes[one]]


def _lose_variables(read: dict[str, Any], boxes: list[str], pick: Pick) -> None:
    del read[boxes[pick(len(boxes))]]


def _lose_one_variable(read: dict[str, Any], boxes: list[str], pick: Pick) -> None:
    own = read[boxes[pick(len(boxes))]]
    del own[list(own)[pick(len(own))]]


def _raw(old: bytes, new: bytes) -> Change:
    def change(body: Any, pick: Pick) -> None:
        raw = body["Content"]["Raw"]
        message = base64.b64decode(raw["Data"])
        assert old in message
        raw["Data"] = base64.b64encode(message.replace(old, new, 1)).decode()

    return change


_own = _people
_rows: Callable[[Any], list[Any]] = lambda body: body  # noqa: E731
OTHER = "customer.of.another@mail.example"
CHANGES: dict[str, dict[str, Change]] = {
    "sendgrid": {
        "two personalizations merged": _merged,
        "another in to": each_of(_own, lambda a, b: a["to"].extend(b["to"])),
        "another in cc": each_of(_own, added("cc", lambda b: b["to"])),
        "another in bcc": each_of(_own, added("bcc", lambda b: b["to"])),
        "addresses swapped": each_of(_own, swapped("to")),
        "substitutions swapped": each_of(_own, swapped("substitutions")),
        "subjects lost": each_of(_own, lambda a, b: a.pop("subject")),
        "headers of another": each_of(_own, swapped("headers")),
        "an id used again": each_of(_own, added("custom_args", lambda b: b["custom_args"])),
        "no id": each_of(_own, lambda a, b: a.pop("custom_args")),
        "one left out": dropped(_own),
        "one twice": doubled(_own),
        "a name that is another's address": each_of(
            _own, lambda a, b: a["to"][0].update(name=b["to"][0]["email"])
        ),
        "a substitution lost": each_of(_own, lambda a, b: a["substitutions"].popitem()),
        "a copy for the archive": _top("mail_settings", {"bcc": {"enable": True, "email": OTHER}}),
        "another's address in the text": lambda body, pick: body["content"][pick(2)].update(
            value=body["content"][0]["value"] + OTHER
        ),
        "a footer": _top("mail_settings", {"footer": {"enable": True, "text": OTHER}}),
        "a stored template": _top("template_id", "d-1"),
        "an attachment": _top("attachments", [{"content": "QQ==", "filename": "a"}]),
        "links rewritten": lambda body, pick: body.pop("tracking_settings"),
        "answers elsewhere": _top("reply_to", {"email": OTHER}),
        "from somebody else": _top("from", {"email": OTHER}),
    },
    "postmark": {
        "another in To": each_of(_rows, lambda a, b: a.update(To=f"{a['To']}, {b['To']}")),
        "another in Cc": each_of(_rows, added("Cc", lambda b: b["To"])),
        "another in Bcc": each_of(_rows, added("Bcc", lambda b: b["To"])),
        "addresses swapped": each_of(_rows, swapped("To")),
        "texts swapped": each_of(_rows, swapped("TextBody")),
        "HTML swapped": each_of(_rows, swapped("HtmlBody")),
        "headers swapped": each_of(_rows, swapped("Headers")),
        "an id used again": each_of(_rows, added("Metadata", lambda b: b["Metadata"])),
        "one left out": dropped(_rows),
        "one twice": doubled(_rows),
        "another's address in the subject": each_of(_rows, added("Subject", lambda b: b["To"])),
        "answers elsewhere": each_of(_rows, added("ReplyTo", lambda b: b["To"])),
        "from somebody else": each_of(_rows, added("From", lambda b: b["To"])),
        "links rewritten": each_of(_rows, added("TrackLinks", lambda b: "HtmlOnly")),
        "an attachment": each_of(_rows, added("Attachments", lambda b: [{"Content": "QQ=="}])),
        "a To of another spelling": each_of(_rows, added("TO", lambda b: b["To"])),
    },
    "resend": {
        "another in to": each_of(_rows, lambda a, b: a["to"].extend(b["to"])),
        "another in cc": each_of(_rows, added("cc", lambda b: b["to"])),
        "another in bcc": each_of(_rows, added("bcc", lambda b: b["to"])),
        "addresses swapped": each_of(_rows, swapped("to")),
        "texts swapped": each_of(_rows, swapped("text")),
        "HTML swapped": each_of(_rows, swapped("html")),
        "an id used again": each_of(_rows, added("tags", lambda b: b["tags"])),
        "headers swapped": each_of(_rows, swapped("headers")),
        "one left out": dropped(_rows),
        "one twice": doubled(_rows),
        "another's address in the subject": each_of(_rows, added("subject", lambda b: b["to"][0])),
        "answers elsewhere": each_of(_rows, added("reply_to", lambda b: b["to"][0])),
        "from somebody else": each_of(_rows, added("from", lambda b: b["to"][0])),
        "an attachment": each_of(_rows, added("attachments", lambda b: [{"content": "QQ=="}])),
    },
    "mailgun": {
        "no recipient-variables": _without("recipient-variables"),
        "one without variables": _variables(_lose_variables),
        "a variable lost": _variables(_lose_one_variable),
        "variables swapped": _variables(_swap_variables),
        "empty recipient-variables": _variables(lambda read, boxes, pick: read.clear()),
        "another to": _field("to", OTHER),
        "cc": _field("cc", OTHER),
        "bcc": _field("bcc", OTHER),
        "a To field": _field("h:To", OTHER),
        "another's address in the text": _field("text", OTHER),
        "an id for all": lambda body, pick: [
            pair.__setitem__(1, "same") for pair in body if pair[0] == "v:delivery"
        ],
        "a template": _field("template", "welcome"),
        "links rewritten": _without("o:tracking-clicks"),
        "answers elsewhere": lambda body, pick: [
            pair.__setitem__(1, OTHER) for pair in body if pair[0] == "h:Reply-To"
        ],
    },
    "ses": {
        "another in ToAddresses": lambda b, pick: b["Destination"]["ToAddresses"].append(OTHER),
        "another in Cc": lambda b, pick: b["Destination"].update(CcAddresses=[OTHER]),
        "another in Bcc": lambda b, pick: b["Destination"].update(BccAddresses=[OTHER]),
        "somebody else": lambda b, pick: b["Destination"].update(ToAddresses=[OTHER]),
        "nobody": lambda b, pick: b.pop("Destination"),
        "another in the To field": _raw(b"\r\nTo: ", b"\r\nTo: " + OTHER.encode() + b", "),
        "a Cc field": _raw(b"\r\nTo: ", b"\r\nCc: " + OTHER.encode() + b"\r\nTo: "),
        "a word of the text": _raw(
            b"Content-Transfer-Encoding: ", b"X-A: b\r\nContent-Transfer-E: "
        ),
        "an id of another": lambda b, pick: b.update(
            EmailTags=[{"Name": "delivery", "Value": "x"}]
        ),
        "no id": lambda b, pick: b.pop("EmailTags"),
        "a template beside it": lambda b, pick: b["Content"].update(Template={"TemplateName": "t"}),
    },
}
CASES = [(name, change) for name, changes in CHANGES.items() for change in changes]


@pytest.mark.parametrize("name", WAYS)
def test_a_request_as_it_is_built_is_sealed(name: str) -> None:
    way = WAYS[name]
    batch = PEOPLE[:1] if way.whole else PEOPLE
    result = seal_request(built(way, batch), batch)
    assert isinstance(result, SealedRequest), result
    assert result.deliveries == tuple(each.deliveries[0] for each in batch)


@pytest.mark.parametrize(("name", "what"), CASES, ids=[f"{n}: {w}" for n, w in CASES])
def test_a_changed_request_is_refused(name: str, what: str) -> None:
    way = WAYS[name]
    for seed in range(SEEDS):
        rng = random.Random(seed)
        batch = PEOPLE[:1] if way.whole else PEOPLE[: rng.randint(2, 5)]
        request = built(way, batch)
        body = opened(request)
        CHANGES[name][what](body, lambda most, rng=rng: rng.randrange(max(1, most)))
        result = seal_request(closed(request, body), batch)
        assert isinstance(result, Refusal), seed
        assert "@" not in result.reason


@pytest.mark.parametrize("name", ["sendgrid", "postmark", "resend", "mailgun"])
def test_any_small_change_is_refused_or_changes_nothing_anybody_sees(name: str) -> None:
    """One place of the body replaced by another of its places: whatever that makes of it."""
    way, batch = WAYS[name], PEOPLE[:3]
    request = built(way, batch)
    seen = _seen(way, request)
    for seed in range(5 * SEEDS):
        rng, body = random.Random(seed), opened(request)
        places = [p for p in _places(body) if name != "mailgun" or isinstance(p[0][p[1]], str)]
        (holder, key), (source, other) = rng.choice(places), rng.choice(places)
        holder[key] = copy.deepcopy(source[other])
        changed = closed(request, body)
        if isinstance(seal_request(changed, batch), SealedRequest):
            assert _seen(way, changed) == seen, seed


def _places(value: Any) -> Any:
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _seen(way: Way, request: HttpRequest) -> dict[str, Any]:
    path = request.url.removeprefix(URL)
    headers = {name.lower(): value for name, value in request.headers}
    provider = way.make(URL, Secret(way.key), 1_000)
    headers |= {n.lower(): v for n, v in provider.authorized(request, 0.0).items()}
    path = path.split("?")[0]
    try:
        received, _, _ = way.expand(Call("POST", path, headers, request.body))
    except Refused:
        return {}
    return {each.recipient: oracle.said(each.raw) for each in received}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"url": f"{URL}/v3/contacts"},
        {"headers": (("Content-Type", "application/json"), ("X-Bcc", "a@b.example"))},
        {"headers": (("Content-Type", "text/plain"), ("content-type", "application/json"))},
        {"body": b""},
        {"body": b"\xff\xfe"},
    ],
    ids=["method", "endpoint", "header", "header twice", "nothing", "no text"],
)
def test_an_envelope_of_another_kind_is_refused(name: str, changed: dict[str, Any]) -> None:
    batch = PEOPLE[:1]
    request = msgspec.structs.replace(built(WAYS[name], batch), **changed)
    assert isinstance(seal_request(request, batch), Refusal)


@pytest.mark.parametrize("name", WAYS)
def test_messages_are_as_they_were_sealed_or_the_request_is_refused(name: str) -> None:
    batch = PEOPLE[:1]
    request = built(WAYS[name], batch)
    payload = msgspec.structs.replace(batch[0].payload, message=PEOPLE[1].payload.message)
    spoilt = [msgspec.structs.replace(batch[0], payload=payload)]
    assert isinstance(seal_request(request, spoilt), Refusal)
    assert isinstance(seal_request(request, PEOPLE[1:2]), Refusal)
    assert isinstance(seal_request(request, PEOPLE[:2]), Refusal)
    assert isinstance(seal_request(request, []), Refusal)
