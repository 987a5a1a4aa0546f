"""Whatever is handed in, what would be written is private: random requests, and random bytes."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from severally.deliver.desk import Desk, Handed, Rules, Taken
from severally.deliver.dialects import DIALECTS, Dialect
from severally.guard.disclosure import NotUnderstood
from severally.guard.disclosure.smtp import disclosure
from severally.guard.passing import pass_on
from severally.ledger.memory import MemoryLedger
from severally.model.envelope import Refusal, Sealed, SmtpPayload
from severally.submit.draft import Read, Request, Unread, Unsupported
from severally.submit.writing import mailbox, written

FROM = "us@exchange.example"
FORM = {"content-type": "application/x-www-form-urlencoded"}
boxes = st.lists(
    st.integers(0, 40).map(lambda n: f"c{n}@customer.example"), min_size=1, max_size=4, unique=True
)
groups = st.lists(boxes, min_size=1, max_size=4)
NAMES = {dialect.name: dialect for dialect in DIALECTS}


def sendgrid(rows: list[list[str]]) -> Request:
    body = {
        "from": {"email": FROM},
        "subject": "x",
        "content": [{"type": "text/plain", "value": "Hello"}],
        "personalizations": [{"to": [{"email": box} for box in row]} for row in rows],
    }
    return Request("POST", "/v3/mail/send", {}, json.dumps(body).encode())


def ses(rows: list[list[str]]) -> Request:
    entries = [{"Destination": {"ToAddresses": row[:1], "CcAddresses": row[1:]}} for row in rows]
    template = {"Template": {"TemplateContent": {"Subject": "x", "Text": "Hello"}}}
    body = {"FromEmailAddress": FROM, "DefaultContent": template, "BulkEmailEntries": entries}
    return Request("POST", "/v2/email/outbound-bulk-emails", {}, json.dumps(body).encode())


def mailgun(rows: list[list[str]]) -> Request:
    """Those of the first row have variables."""
    every = dict.fromkeys(box for row in rows for box in row)
    fields = [("from", FROM), ("subject", "x"), ("text", "Hello"), *(("to", box) for box in every)]
    fields.append(("recipient-variables", json.dumps({box: {} for box in rows[0]})))
    return Request("POST", "/v3/x.example/messages", FORM, urllib.parse.urlencode(fields).encode())


def postmark(rows: list[list[str]]) -> Request:
    body = [{"From": FROM, "To": ", ".join(row), "TextBody": "Hello"} for row in rows]
    return Request("POST", "/email/batch", {}, json.dumps(body).encode())


def resend(rows: list[list[str]]) -> Request:
    body = [{"from": FROM, "to": row, "text": "Hello"} for row in rows]
    return Request("POST", "/emails/batch", {}, json.dumps(body).encode())


NAMES_OF_FIELDS = ["to", "To", "from", "From", "personalizations", "content", "email"]
NAMES_OF_FIELDS += ["Destination", "ToAddresses", "Content", "Raw", "BulkEmailEntries"]
FORMS = {"sendgrid": sendgrid, "ses": ses, "mailgun": mailgun, "postmark": postmark}
FORMS |= {"resend": resend}


def letters(read: Read, readdress: bool) -> list[SmtpPayload]:
    return [
        SmtpPayload(
            FROM, (mailbox(party.address),), written(draft, party, "i@x.example", 0.0, readdress)
        )
        for draft in read.drafts
        for party in draft.everyone
    ]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(FORMS)), groups)
def test_reader_and_judge_agree_and_every_letter_is_private(
    name: str, rows: list[list[str]]
) -> None:
    dialect, request = NAMES[name], FORMS[name](rows)
    try:
        read = dialect.read(request)
    except Unread:
        return  # SendGrid: an address in two personalizations
    found = dialect.judge(request)
    made = letters(read, readdress=not found.private)
    assert {payload.rcpt_to[0] for payload in made} == set(found.visible)
    everyone = frozenset(found.visible)
    for number, payload in enumerate(made):
        assert isinstance(pass_on(payload, number, everyone).result, Sealed)
        assert disclosure(FROM, payload.rcpt_to, payload.message).private


@settings(deadline=None)
@given(
    st.sampled_from(sorted(FORMS)),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=9) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["to", "To", "from", "From", "personalizations", "content", "email"]
                )
                | st.sampled_from(
                    ["Destination", "ToAddresses", "Content", "Raw", "BulkEmailEntries"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)
def test_nothing_crashes_a_reader(name: str, body: bytes) -> None:
    path = FORMS[name]([["a@c.example"]]).path
    for headers in ({}, FORM, {"content-type": "multipart/form-data; boundary=x"}):
        try:
            NAMES[name].read(Request("POST", path, headers, body))
        except (Unread, Unsupported) as error:
            assert "@" not in str(error)


class Keys:
    """Secrets nobody needs to keep."""

    def token_key(self, mailing: str) -> bytes:
        return mailing.encode()

    def audience_key(self, audience: str) -> bytes:
        return audience.encode()

    def print_key(self) -> bytes:
        return b"print"

    def blind(self, text: str) -> bytes:
        return text.encode()


class Clear:
    """Encrypts nothing."""

    def seal(self, seq: int, row: bytes) -> tuple[bytes, bytes]:
        return b"", row


def desk(split: bool, lines: list[str]) -> Desk:
    keys: Any = Keys()
    cipher: Any = Clear()
    numbers = iter(range(1_000))
    return Desk(
        ledger=MemoryLedger(),
        keys=keys,
        cipher=lambda key, name: cipher,
        wall=lambda: 1.0,
        stamp=lambda: f"g-{next(numbers)}",
        allowed=lambda domain: True,
        rules=Rules(split=split, most=0),
        told=lines.append,
    )


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(FORMS)), groups, st.booleans())
def test_the_desk_takes_what_is_private_and_splits_the_rest(
    name: str, rows: list[list[str]], split: bool
) -> None:
    lines: list[str] = []
    one = desk(split, lines)
    dialect: Dialect = NAMES[name]
    request = FORMS[name](rows)
    result = one.hand_in(
        Handed(name, "cure", lambda: dialect.judge(request), lambda: dialect.read(request))
    )
    waiting = one.ledger.letters_due(2.0, 1_000)
    private = _private(dialect, request)
    assert isinstance(result, Taken) == (private is not None and (private or split))
    assert bool(waiting) == isinstance(result, Taken)
    assert len(lines) == 1 and "@" not in lines[0]


def _private(dialect: Dialect, request: Request) -> bool | None:
    try:
        dialect.read(request)
        return dialect.judge(request).private
    except (Unread, NotUnderstood):
        return None


def test_a_letter_that_names_another_is_refused() -> None:
    message = (
        b"From: us@x.example\r\nTo: ada@c.example\r\n\r\nDear ada@c.example, not bob@c.example\r\n"
    )
    payload = SmtpPayload(FROM, ("ada@c.example",), message)
    assert isinstance(pass_on(payload, 1).result, Sealed)
    refused = pass_on(payload, 1, ["bob@c.example"]).result
    assert (
        isinstance(refused, Refusal)
        and refused.reason == "the message shows 1 of the other recipients"
    )
    both = SmtpPayload(FROM, ("ada@c.example", "bob@c.example"), message)
    assert isinstance(pass_on(both, 1).result, Refusal)
    listed = SmtpPayload(FROM, ("ada@c.example",), message.replace(b"To: ", b"To: bob@c.example, "))
    assert isinstance(pass_on(listed, 1).result, Refusal)
