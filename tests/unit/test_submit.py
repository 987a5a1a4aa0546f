"""What programs hand in is read as their provider would act on it, or refused by name."""

from __future__ import annotations

import base64
import email
import email.policy
import json
from email.message import EmailMessage
from typing import Any

import pytest

from severally.submit import mailgun, postmark, resend, sendgrid, ses
from severally.submit.draft import (
    HALTED,
    LEAK,
    Draft,
    NamedAddress,
    Request,
    Unread,
    Unsupported,
    Why,
)
from severally.submit.likeness import likeness
from severally.submit.writing import written

A, B = "ada@c.example", "bob@c.example"
US = NamedAddress("us@exchange.example", "Us")
FORM = {"content-type": "multipart/form-data; boundary=x"}


def request(path: str, body: Any, headers: dict[str, str] | None = None) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", path, headers or {}, data)


def by_sendgrid(**more: Any) -> Draft:
    body = {
        "from": {"email": "us@exchange.example"},
        "subject": "Hi",
        "content": [{"type": "text/plain", "value": "Hello -n-"}],
        "personalizations": [{"to": [{"email": A}]}],
        **more,
    }
    (draft,) = sendgrid.read(request(sendgrid.PATH, body)).drafts
    return draft


def by_postmark(**more: Any) -> Draft:
    (draft,) = postmark.read(
        request("/email", {"From": "us@x.example", "To": A, "TextBody": "x", **more})
    ).drafts
    return draft


def by_resend(**more: Any) -> Draft:
    (draft,) = resend.read(
        request("/emails", {"from": "us@x.example", "to": A, "text": "x", **more})
    ).drafts
    return draft


def by_ses(path: str = ses.SEND, **more: Any) -> Draft:
    body = {"FromEmailAddress": "us@x.example", "Destination": {"ToAddresses": [A]}, **more}
    return ses.read(request(path, body)).drafts[0]


def parts(*fields: tuple[str, bytes]) -> bytes:
    said = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields
    )
    return said + b"--x--\r\n"


def by_mailgun(*fields: tuple[str, bytes], path: str = "/v3/x.example/messages") -> list[Draft]:
    base = [("from", b"us@x.example"), ("subject", b"Hi"), ("text", b"Hello")]
    return list(mailgun.read(request(path, parts(*base, *fields), FORM)).drafts)


def message_of(
    draft: Draft, to: NamedAddress | None = None, readdress: bool = False
) -> EmailMessage:
    raw = written(draft, to or draft.everyone[0], "id@x.example", 0.0, readdress)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def said_in(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).rstrip("\n")


# --- read as the provider would


def test_sendgrid_puts_substitutions_in_and_lets_a_personalization_speak_for_itself() -> None:
    row = {
        "to": [{"email": A, "name": "Ada"}],
        "subject": "For -n-",
        "substitutions": {"-n-": "you"},
        "headers": {"X-Own": "1"},
    }
    draft = by_sendgrid(personalizations=[row], headers={"X-Own": "0", "X-All": "2"})
    assert (draft.subject, draft.text, draft.to) == (
        "For you",
        "Hello you",
        (NamedAddress(A, "Ada"),),
    )
    assert dict(draft.headers) == {"X-Own": "1", "X-All": "2"}


def test_sendgrid_refuses_an_address_that_stands_twice() -> None:
    rows = [{"to": [{"email": A}]}, {"to": [{"email": A.upper()}]}]
    with pytest.raises(Unread, match="more than one personalization"):
        by_sendgrid(personalizations=rows)


def test_the_sandbox_is_a_rehearsal() -> None:
    body = {
        "from": {"email": A},
        "subject": "x",
        "content": [{"type": "text/plain", "value": "x"}],
        "personalizations": [{"to": [{"email": A}]}],
        "mail_settings": {"sandbox_mode": {"enable": True}},
    }
    assert sendgrid.read(request(sendgrid.PATH, body)).rehearsal


def test_ses_fills_a_template_that_stands_in_the_request() -> None:
    template = {"TemplateContent": {"Subject": "Hi {{ n }}", "Html": "<p>{{n}} {{m}}</p>"}}
    body = {
        "DefaultContent": {"Template": {**template, "TemplateData": '{"n": "all", "m": 2}'}},
        "BulkEmailEntries": [
            {
                "Destination": {"ToAddresses": [A]},
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {"ReplacementTemplateData": '{"n": "you"}'}
                },
            }
        ],
    }
    draft = by_ses(ses.BULK, **body)
    assert (draft.subject, draft.html) == ("Hi you", "<p>you 2</p>")


def test_mailgun_puts_each_ones_variables_in() -> None:
    variables = json.dumps({A: {"n": "Ada"}, B: {"n": "Bob"}}).encode()
    ada, bob = by_mailgun(
        ("to", A.encode()),
        ("to", B.encode()),
        ("recipient-variables", variables),
        ("html", b"<p>%recipient.n% at %recipient%</p>"),
    )
    assert (ada.html, bob.html) == (f"<p>Ada at {A}</p>", f"<p>Bob at {B}</p>")
    assert (ada.to, bob.to) == ((NamedAddress(A),), (NamedAddress(B),))


def test_a_finished_message_keeps_its_bytes_unless_it_is_readdressed() -> None:
    raw = (
        b"From: us@x.example\r\nDKIM-Signature: v=1\r\nTo: ada@c.example,\r\n bob@c.example\r\n"
        b"Cc: bob@c.example\r\nSubject: Hi\r\n\r\nTo: stays\r\n"
    )
    draft = Draft(US, (NamedAddress(A), NamedAddress(B)), raw=raw)
    assert written(draft, NamedAddress(A), "id", 0.0, readdress=False) == raw
    alone = message_of(draft, NamedAddress(B, "Bob B"), readdress=True)
    assert alone.get_all("To") == ["Bob B <bob@c.example>"] and alone["Subject"] == "Hi"
    assert alone["Cc"] is None and alone["DKIM-Signature"] is None
    assert alone.get_content().splitlines() == ["To: stays"]


def test_everything_a_draft_says_arrives() -> None:
    file = {"Name": "Übersicht.txt", "Content": base64.b64encode(b"rows").decode()}
    image = {
        "Name": "l.png",
        "Content": "AAAA",
        "ContentType": "image/png",
        "ContentID": "cid:logo@x",
    }
    draft = by_postmark(
        From="Börse <us@x.example>",
        Subject="Änderung " * 20,
        TextBody="Grüße\n.\n..x",
        HtmlBody="<p>Grüße</p>" + "x" * 3_000,
        ReplyTo="help@x.example",
        Headers=[{"Name": "X-One", "Value": "ü"}],
        Attachments=[file, image],
    )
    message = message_of(draft)
    assert message["From"].addresses[0].display_name == "Börse"
    assert message["Subject"] == ("Änderung " * 20).strip()
    assert (message["Reply-To"], message["X-One"]) == ("help@x.example", "ü")
    assert said_in(message) == "Grüße\n.\n..x"
    assert said_in(message, "html").startswith("<p>Grüße</p>xxx")
    names = {part.get_filename(): part for part in message.walk() if part.get_filename()}
    assert names["Übersicht.txt"].get_content() == b"rows"
    assert names["l.png"]["Content-ID"] == "<logo@x>"


# --- what is refused, and in whose words

ONLY_THERE: dict[str, Any] = {
    "sendgrid template": lambda: by_sendgrid(template_id="d-1"),
    "sendgrid dynamic data": lambda: by_sendgrid(
        personalizations=[{"to": [{"email": A}], "dynamic_template_data": {"x": 1}}]
    ),
    "sendgrid unsubscribe group": lambda: by_sendgrid(asm={"group_id": 1}),
    "sendgrid later": lambda: by_sendgrid(send_at=2_000_000_000),
    "sendgrid footer": lambda: by_sendgrid(mail_settings={"footer": {"enable": True}}),
    "sendgrid amp": lambda: by_sendgrid(content=[{"type": "text/x-amp-html", "value": "x"}]),
    "ses stored template": lambda: by_ses(Content={"Template": {"TemplateName": "t"}}),
    "ses contact list": lambda: by_ses(Content={}, ListManagementOptions={"ContactListName": "x"}),
    "ses conditions": lambda: by_ses(
        Content={"Template": {"TemplateContent": {"Text": "{{#if x}}y{{/if}}"}}}
    ),
    "mailgun template": lambda: by_mailgun(("to", A.encode()), ("template", b"t")),
    "mailgun later": lambda: by_mailgun(("to", A.encode()), ("o:deliverytime", b"tomorrow")),
    "postmark template": lambda: postmark.read(request("/email/withTemplate", {"To": A})),
    "resend later": lambda: by_resend(scheduled_at="in 1 min"),
    "resend fetched file": lambda: by_resend(attachments=[{"path": "http://127.0.0.1/x"}]),
    "a header of ours": lambda: message_of(by_resend(headers={"Bcc": B})),
}


@pytest.mark.parametrize("what", ONLY_THERE)
def test_what_would_have_to_be_dropped_is_refused(what: str) -> None:
    with pytest.raises(Unsupported) as refused:
        ONLY_THERE[what]()
    assert "@" not in str(refused.value)


UNREADABLE: dict[str, Any] = {
    "not JSON": lambda: sendgrid.read(request(sendgrid.PATH, b"{")),
    "no personalizations": lambda: by_sendgrid(personalizations=[]),
    "nobody": lambda: by_sendgrid(personalizations=[{"to": []}]),
    "an address without email": lambda: by_sendgrid(personalizations=[{"to": [{"name": "x"}]}]),
    "no content": lambda: by_sendgrid(content=[]),
    "a number for text": lambda: by_resend(text=7),
    "51 in to": lambda: by_resend(to=[f"c{n}@c.example" for n in range(51)]),
    "101 messages": lambda: resend.read(request("/emails/batch", [{}] * 101)),
    "501 messages": lambda: postmark.read(request("/email/batch", [{}] * 501)),
    "two spellings": lambda: by_postmark(to=B),
    "no destination": lambda: by_ses(Destination={}, Content={"Simple": {}}),
    "51 destinations": lambda: by_ses(
        ses.BULK,
        DefaultContent={"Template": {"TemplateContent": {"Text": "x"}}},
        BulkEmailEntries=[{"Destination": {"ToAddresses": [A]}}] * 51,
    ),
    "missing template data": lambda: by_ses(
        Content={"Template": {"TemplateContent": {"Text": "{{n}}"}}}
    ),
    "raw that is not base64": lambda: by_ses(Content={"Raw": {"Data": "é"}}),
    "a form cut off": lambda: mailgun.read(
        request("/v3/x.example/messages", parts(("to", b"x"))[:-6], FORM)
    ),
    "a file that is not base64": lambda: by_resend(attachments=[{"content": "é"}]),
    "an attachment's type": lambda: message_of(
        by_resend(attachments=[{"content": "AAAA", "content_type": "text/plain\r\nBcc: x@y.z"}])
    ),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_not_what_it_has_to_be_is_refused(what: str) -> None:
    with pytest.raises(Unread) as refused:
        UNREADABLE[what]()
    assert "@" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "Hi\r\nBcc: eve@x.example",
        "Hi\rx",
        "Hi\nx",
        "Hi\x0bx",
        "Hi\x0cx",
        "Hi\x85x",
        "Hi\u2028x",
        "\0",
    ],
)
def test_a_line_break_in_a_field_is_refused(value: str) -> None:
    """Hostile inputs 1, 2, 4 and 5: in a subject, a name, a header."""
    name = f'"{value}" <us@x.example>'
    with pytest.raises(Unread):
        message_of(by_resend(subject=value))
    with pytest.raises(Unread):
        message_of(by_resend(headers={"X-Own": value}))
    with pytest.raises(Unread):
        message_of(by_sendgrid(**{"from": {"email": "us@x.example", "name": value}}))
    with pytest.raises(Unread):
        message_of(Draft(NamedAddress("us@x.example", name), (NamedAddress(A),), text="x"))


def test_an_encoded_word_stays_what_it_says() -> None:
    """Hostile input 3, CVE-2024-6923: an encoded line break becomes no field."""
    message = message_of(by_resend(subject="=?utf-8?q?x=0ABcc=3A_eve=40x.example?="))
    assert message["Bcc"] is None and message["Subject"].startswith("=?utf-8?q?x")


def test_a_name_that_looks_like_a_list_is_one_phrase() -> None:
    """Hostile input 6."""
    draft = by_sendgrid(personalizations=[{"to": [{"email": A, "name": 'A <eve@x.example>, "B'}]}])
    (to,) = message_of(draft)["To"].addresses
    assert to.addr_spec == A


@pytest.mark.parametrize(
    "address",
    ["a@x.example; b@x.example", "g: a@x.example;", "a@x.example>\r\nRCPT TO:<e@x.example", "a"],
)
def test_an_address_that_is_not_one_is_refused(address: str) -> None:
    """Hostile inputs 7, 9 and 12."""
    with pytest.raises(Unread):
        message_of(by_sendgrid(personalizations=[{"to": [{"email": address}]}]))


def test_bare_line_ends_become_whole_ones() -> None:
    """Hostile inputs 13 and 14: nothing is left that another server could take for the end."""
    draft = Draft(US, (NamedAddress(A),), raw=b"To: ada@c.example\n\nHi\n.\nMAIL FROM:<e@x>\r.\rx")
    raw = written(draft, NamedAddress(A), "id", 0.0, readdress=False)
    assert raw == b"To: ada@c.example\r\n\r\nHi\r\n.\r\nMAIL FROM:<e@x>\r\n.\r\nx\r\n"


@pytest.mark.parametrize(
    ("module", "path", "status", "where"),
    [
        (sendgrid, sendgrid.PATH, 400, lambda said: said["errors"][0]["message"]),
        (ses, ses.SEND, 400, lambda said: said["message"]),
        (mailgun, "/v3/x.example/messages", 400, lambda said: said["message"]),
        (postmark, "/email", 422, lambda said: said["Message"]),
        (resend, "/emails", 422, lambda said: said["message"]),
    ],
)
def test_each_refuses_in_its_own_form(module: Any, path: str, status: int, where: Any) -> None:
    answer = module.refused(request(path, b""), Why(LEAK, "words"))
    assert answer.status == status and where(json.loads(answer.body)) == "words"
    assert (
        module.refused(request(path, b""), Why(HALTED, "words")).status != status or module is ses
    )


# --- one content


def test_what_is_a_persons_own_makes_no_other_content() -> None:
    def text(name: str, code: int) -> Draft:
        said = (
            f"Dear {name},\nyour code {code} is at https://x.example/{code}?to={name}, use it.\nBye"
        )
        return Draft(US, (NamedAddress(f"{name}@c.example", name),), text=said)

    same = {likeness(text(name, code)) for name, code in (("ada", 1), ("bob", 22), ("cy", 333))}
    assert len(same) == 1
    other = Draft(US, (NamedAddress(A),), text="Something else altogether, to everybody")
    assert likeness(other) not in same


def test_a_finished_message_is_known_by_its_text() -> None:
    def raw(to: str) -> Draft:
        message = EmailMessage()
        message["To"] = to
        message.set_content("Our index changes on Monday, for everybody.")
        return Draft(US, (NamedAddress(to),), raw=message.as_bytes())

    plain = Draft(US, (NamedAddress(A),), text="Our index changes on Monday, for everybody.")
    assert likeness(raw(A)) == likeness(raw(B)) == likeness(plain)
