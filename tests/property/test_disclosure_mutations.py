"""Random private batches in each provider's form, and one change to the final request: whatever
changes who sees what is noticed."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from severally.guard.disclosure import (
    Disclosure,
    NotUnderstood,
    mailgun,
    postmark,
    resend,
    sendgrid,
    ses,
)

boxes = st.lists(
    st.integers(0, 10**6).map(lambda n: f"customer.{n}@mail{n % 7}.example"),
    min_size=2,
    max_size=12,
    unique=True,
)
Body = Any
Change = Callable[[Body, list[str], Callable[[int], int]], Body]


class Form:
    """One provider: how a private batch looks, and how it can go wrong."""

    def __init__(
        self,
        batch: Callable[[list[str]], Body],
        ask: Callable[[Body], Disclosure],
        changes: dict[str, Change],
    ) -> None:
        self.batch, self.ask, self.changes = batch, ask, changes


def _json(function: Any, path: str) -> Callable[[Body], Disclosure]:
    def ask(body: Body) -> Disclosure:
        found: Disclosure = function("POST", path, {}, json.dumps(body).encode())
        return found

    return ask


def _form(body: Body) -> Disclosure:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    data = urllib.parse.urlencode(body).encode()
    return mailgun.disclosure("POST", "/v3/exchange.example/messages", kind, data)


def _sendgrid(people: list[str]) -> Body:
    envelopes = [{"to": [{"email": p}], "custom_args": {"delivery": str(i)}} for i, p in en(people)]
    return {"from": {"email": "us@exchange.example"}, "subject": "x", "personalizations": envelopes}


def en(people: list[str]) -> list[tuple[int, str]]:
    return list(enumerate(people))


def _merge(body: Body, people: list[str], pick: Callable[[int], int]) -> Body:
    rows = body["personalizations"]
    gone = rows.pop(pick(len(rows)))
    rows[pick(len(rows))]["to"] += gone["to"]
    return body


def _into(key: str, rows: Callable[[Body], Any], shape: Callable[[str], Any]) -> Change:
    """Append another's address to a list of one message."""

    def change(body: Body, people: list[str], pick: Callable[[int], int]) -> Body:
        at = pick(len(people))
        row = rows(body)[at]
        row[key] = [*row.get(key, []), shape(people[at - 1])]
        return body

    return change


def _joined(key: str) -> Change:
    def change(body: Body, people: list[str], pick: Callable[[int], int]) -> Body:
        at = pick(len(people))
        body[at][key] = ", ".join(filter(None, [body[at].get(key, ""), people[at - 1]]))
        return body

    return change


def _said(rows: Callable[[Body], Any], key: str) -> Change:
    """Another's address left standing in one message's text."""

    def change(body: Body, people: list[str], pick: Callable[[int], int]) -> Body:
        at = pick(len(people))
        rows(body)[at][key] = f"Dear {people[at - 1]}"
        return body

    return change


def _without_variables(body: Body, people: list[str], pick: Callable[[int], int]) -> Body:
    return [field for field in body if field[0] != "recipient-variables"]


def _one_unknown(body: Body, people: list[str], pick: Callable[[int], int]) -> Body:
    """Two recipients lose their variables."""
    kept = {box: {} for box in people[2:]}
    fields = _without_variables(body, people, pick)
    return [*fields, ("recipient-variables", json.dumps(kept))]


def _with(name: str) -> Change:
    return lambda body, people, pick: [*body, (name, people[pick(len(people))])]


def _itself(body: Body) -> Any:
    return body


FORMS = {
    "sendgrid": Form(
        _sendgrid,
        _json(sendgrid.disclosure, "/v3/mail/send"),
        {
            "merged": _merge,
            "to": _into("to", lambda b: b["personalizations"], lambda p: {"email": p}),
            "cc": _into("cc", lambda b: b["personalizations"], lambda p: {"email": p}),
            "bcc": _into("bcc", lambda b: b["personalizations"], lambda p: {"email": p}),
            "subject": _said(lambda b: b["personalizations"], "subject"),
        },
    ),
    "ses": Form(
        lambda people: {
            "BulkEmailEntries": [{"Destination": {"ToAddresses": [p]}} for p in people],
            "DefaultContent": {"Template": {"TemplateContent": {"Subject": "x"}}},
        },
        _json(ses.disclosure, ses.BULK),
        {
            key: _into(
                key, lambda b: [e["Destination"] for e in b["BulkEmailEntries"]], lambda p: p
            )
            for key in ("ToAddresses", "CcAddresses", "BccAddresses")
        },
    ),
    "mailgun": Form(
        lambda people: [
            ("from", "us@exchange.example"),
            *(("to", person) for person in people),
            ("recipient-variables", json.dumps({person: {} for person in people})),
        ],
        _form,
        {
            "no variables": _without_variables,
            "two without": _one_unknown,
            "cc": _with("cc"),
            "bcc": _with("bcc"),
            "text": _with("text"),
            "header": _with("h:X-To"),
        },
    ),
    "postmark": Form(
        lambda people: [{"To": person, "Subject": "x"} for person in people],
        _json(postmark.disclosure, postmark.BATCH),
        {
            **{key: _joined(key) for key in ("To", "Cc", "Bcc")},
            "HtmlBody": _said(_itself, "HtmlBody"),
        },
    ),
    "resend": Form(
        lambda people: [{"to": [person], "subject": "x"} for person in people],
        _json(resend.disclosure, resend.BATCH),
        {
            **{key: _into(key, _itself, lambda p: p) for key in ("to", "cc", "bcc")},
            "text": _said(_itself, "text"),
        },
    ),
}
CHANGES = [(name, change) for name, form in FORMS.items() for change in form.changes]


@given(st.sampled_from(sorted(FORMS)), boxes)
def test_a_private_batch_is_exactly_its_recipients(name: str, people: list[str]) -> None:
    form = FORMS[name]
    assert form.ask(form.batch(people)).exactly(people)
    assert not form.ask(form.batch(people)).exactly(people[1:])


@given(st.sampled_from(CHANGES), boxes, st.data())
def test_every_change_that_shows_somebody_is_noticed(
    chosen: tuple[str, str], people: list[str], data: st.DataObject
) -> None:
    name, change = chosen
    form = FORMS[name]
    body = form.batch(people)
    changed = form.changes[change](
        body, people, lambda count: data.draw(st.integers(0, count - 1), label="at")
    )
    try:
        found = form.ask(changed)
    except NotUnderstood:
        return
    assert not found.exactly(people)
    assert not found.private


@given(st.sampled_from(sorted(FORMS)), st.binary(max_size=300))
def test_no_bytes_are_private_by_accident_and_none_crash_it(name: str, body: bytes) -> None:
    module = {"sendgrid": sendgrid, "ses": ses, "postmark": postmark, "resend": resend}.get(name)
    path = {
        "sendgrid": "/v3/mail/send",
        "ses": ses.SEND,
        "postmark": "/email",
        "resend": resend.ONE,
    }.get(name, "/v3/x.example/messages")
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    try:
        (module or mailgun).disclosure("POST", path, kind, body)
    except NotUnderstood as error:
        assert "@" not in str(error)
