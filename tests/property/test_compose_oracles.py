"""Composed messages, read back by others: the standard library's `email` and dkimpy.

Both are oracles: neither knows how our bytes were made.
"""

from __future__ import annotations

import base64
import email.policy
import functools
import hashlib
import html
import re
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage

import dkim
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests import mailings

from severally.compose.compositor import Compositor, signers_for
from severally.model.delivery import Ticket
from severally.model.errors import ComposeError
from severally.model.mailing import Frozen
from severally.model.notice import Kind
from severally.model.recipient import Recipient
from severally.model.sender import DkimKey

FIELDS = [
    "Date", "From", "To", "Subject", "Message-ID", "Reply-To", "Auto-Submitted",
    "Content-Language", "MIME-Version", "Content-Type",
]  # fmt: skip
LOCALES = tuple(mailings.sample().stencils)

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking: `email` is slow to parse, and a failing example names its field anyway."""

texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), max_codepoint=0x1FFFF),
    min_size=1,
    max_size=60,
).map(str.strip)
people = st.builds(
    lambda local, name, code, locale: Recipient(
        "c1",
        f"{local}@gmail.example",
        locale,
        "Asia/Tokyo",
        {"first_name": name, "account": code, "position": "12.50 USD"},
    ),
    st.from_regex(r"[a-z0-9]{1,20}(?:[._+-][a-z0-9]{1,8}){0,2}", fullmatch=True),
    texts.filter(bool),
    st.from_regex(r"[!-?A-~]{1,40}", fullmatch=True),
    st.sampled_from(LOCALES),
)


@functools.cache
def compositor(kind: Kind = Kind.SERVICE) -> Compositor:
    return Compositor(mailings.sample(kind))


def parsed(message: bytes) -> EmailMessage:
    result = message_from_bytes(message, policy=email.policy.SMTP)
    assert isinstance(result, EmailMessage)
    return result


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


@given(people, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_email_reads_back_what_was_said(person: Recipient, date: int) -> None:
    ticket = Ticket(7, mailings.ticket(7).token, date)
    composed = compositor().compose(person, ticket)
    filled = compositor().fill(person)
    message = parsed(composed.message)
    assert message.defects == []
    assert all(each.defects == [] for each in message.walk())
    assert message.keys() == FIELDS
    assert [str(a) for a in message["To"].addresses] == [person.address]
    assert [a.addr_spec for a in message["From"].addresses] == [mailings.SENDER.address]
    assert message["From"].addresses[0].display_name == mailings.SENDER.display_name
    assert message["Subject"].split() == filled.subject.split()
    assert message["Content-Language"] == person.locale
    assert int(message["Date"].datetime.timestamp()) == date
    assert message["Message-ID"] == f"<{ticket.token}@exchange.example>"
    assert part(message, "plain").rstrip("\n") == filled.text.rstrip("\n")
    assert part(message, "html").rstrip("\n") == filled.html.rstrip("\n")
    assert composed.rcpt_to == person.address
    assert composed.mail_from == f"bounces+{ticket.token}@exchange.example"


@given(people)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_lines_are_short_and_end_with_crlf(person: Recipient) -> None:
    message = compositor().compose(person, mailings.ticket()).message
    lines = message.split(b"\r\n")
    assert message.count(b"\r") == message.count(b"\n") == len(lines) - 1
    assert message.isascii()
    assert max(map(len, lines)) <= 78
    body = message.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert max(map(len, body)) <= 76
    assert not any(line.startswith(b".") and len(line) == 1 for line in lines)


@given(people)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_the_same_arguments_give_the_same_bytes(person: Recipient) -> None:
    one = compositor().compose(person, mailings.ticket())
    other = Compositor(mailings.sample()).compose(
        msgspec.structs.replace(person, values=dict(reversed(person.values.items()))),
        mailings.ticket(),
    )
    assert one == other


@given(people, people, st.integers(1, 10**9), st.integers(1, 10**9))
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_what_is_sent_is_what_was_previewed(
    person: Recipient, before: Recipient, one: int, other: int
) -> None:
    """But for Date, Message-ID, return path token (and the boundary made of it), and DKIM."""
    preview = compositor().compose(person, mailings.ticket(one))
    signed = Compositor(*signed_mailing())
    signed.compose(before, mailings.ticket(3))  # what came before leaves nothing behind
    later = Ticket(other, mailings.ticket(other).token, mailings.DATE + 12345)
    sent = signed.compose(person, later)

    def constant(message: bytes, token: str) -> bytes:
        message = re.sub(rb"DKIM-Signature: (?:.*\r\n(?:[ \t].*\r\n)*)", b"", message)
        message = re.sub(rb"\r\nDate: [^\r]*|^Date: [^\r]*", b"", message)
        return message.replace(token.encode(), b"TOKEN")

    assert constant(preview.message, mailings.ticket(one).token) == constant(
        sent.message, later.token
    )


HOSTILE = [
    "<script>alert(1)</script>", "<b>", "</td></table>", '" onload="x', "' onload='x", "&lt;b&gt;",
    "&amp;", "{{7*7}}", "{% raw %}", "-->", "<!--", "]]>", "=3D", "=?utf-8?q?x?=", "\u202f",
    "a\u0301",
    "--=_boundary", ".", "..", "From me", "\\", "$1", "%s", "%0d%0a", "\ue0000\ue001", "zqslot0zq",
]  # fmt: skip


@pytest.mark.parametrize("locale", ["en", "ar", "ja"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_never_markup(value: str, locale: str) -> None:
    plain = mailings.customer(locale=locale)
    marked = msgspec.structs.replace(plain, values={**plain.values, "first_name": value})
    markers = [
        parsed(compositor().compose(each, mailings.ticket()).message) for each in (plain, marked)
    ]
    name = plain.values["first_name"]
    for kind, shown in (("plain", value), ("html", html.escape(value))):
        assert part(markers[0], kind).replace(name, shown) == part(markers[1], kind)


@pytest.mark.parametrize("value", ["a\r\nBcc: eve", "a\nb", "a\rb", "a\0b", "a\x85b", "a\u2028b"])
def test_a_value_with_a_line_end_cannot_reach_a_header(value: str) -> None:
    frozen = mailings.sample()
    stencil = frozen.stencils["en"]
    slot = next(p for p in stencil.text if not isinstance(p, str) and p.name == "first_name")
    spoilt = msgspec.structs.replace(stencil, subject=("Hello ", slot))
    person = mailings.customer()
    person = msgspec.structs.replace(person, values={**person.values, "first_name": value})
    with pytest.raises(ComposeError, match="line break"):
        Compositor(msgspec.structs.replace(frozen, stencils={"en": spoilt})).compose(
            person, mailings.ticket()
        )


@given(texts.filter(bool))
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_any_display_name_is_one_phrase(name: str) -> None:
    frozen = mailings.sample()
    sender = msgspec.structs.replace(frozen.sender, display_name=name)
    made = Compositor(msgspec.structs.replace(frozen, sender=sender)).compose(
        mailings.customer(), mailings.ticket()
    )
    addresses = parsed(made.message)["From"].addresses
    assert [a.addr_spec for a in addresses] == [sender.address]
    # Python 3.11 keeps the space between encoded words, which RFC 2047 6.2 has dropped
    assert "".join(addresses[0].display_name.split()) == "".join(name.split())


def test_a_missing_value_blocks_only_its_recipient() -> None:
    person = mailings.customer()
    values = {name: text for name, text in person.values.items() if name != "account"}
    with pytest.raises(ComposeError, match="account is missing"):
        compositor().compose(msgspec.structs.replace(person, values=values), mailings.ticket())


def test_marketing_can_be_unsubscribed_from() -> None:
    ticket = mailings.ticket()
    message = parsed(compositor(Kind.MARKETING).compose(mailings.customer(), ticket).message)
    ways = re.findall("<([^>]*)>", message["List-Unsubscribe"])
    assert ways == [
        f"https://exchange.example/leave/{ticket.token}",
        f"mailto:leave+{ticket.token}@exchange.example",
    ]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    at = message.keys().index("List-Unsubscribe")
    assert [*message.keys()[:at], *message.keys()[at + 2 :]] == FIELDS


# --- DKIM


@functools.cache
def pems() -> tuple[tuple[DkimKey, bytes, bytes], ...]:
    """An RSA and an Ed25519 key: what is frozen, the private PEM, the DNS record."""
    made: list[tuple[DkimKey, bytes, bytes]] = []
    rsa_key = rsa.generate_private_key(65537, 2048)
    ed_key = ed25519.Ed25519PrivateKey.generate()
    for key, selector, algorithm in (
        (rsa_key, "s1", "rsa-sha256"),
        (ed_key, "s2", "ed25519-sha256"),
    ):
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        print_of = hashlib.sha256(spki).hexdigest()
        public = spki if algorithm == "rsa-sha256" else spki[-32:]
        kind = algorithm.partition("-")[0].encode()
        record = b"v=DKIM1; k=" + kind + b"; p=" + base64.b64encode(public)
        frozen = DkimKey("exchange.example", selector, algorithm, print_of)  # type: ignore[arg-type]
        made.append((frozen, pem, record))
    return tuple(made)


@functools.cache
def signed_mailing() -> tuple[Frozen, list[object]]:
    frozen = mailings.sample(dkim=tuple(key for key, _, _ in pems()))
    by_print = {key.fingerprint: pem for key, pem, _ in pems()}
    return frozen, signers_for(frozen.sender, by_print.__getitem__)  # type: ignore[return-value]


def records() -> Mapping[bytes, bytes]:
    return {
        f"{key.selector}._domainkey.exchange.example.".encode(): record for key, _, record in pems()
    }


def verified(message: bytes) -> list[bool]:
    """One verdict for each signature, in order."""
    found = records()

    def txt(name: bytes, timeout: int = 5) -> bytes | None:
        return found.get(name)

    def verdict(index: int) -> bool:
        try:
            return bool(dkim.DKIM(message).verify(idx=index, dnsfunc=txt))
        except dkim.ValidationError:
            return False

    return [verdict(0), verdict(1)]


@given(people)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_dkimpy_verifies_both_signatures(person: Recipient) -> None:
    message = Compositor(*signed_mailing()).compose(person, mailings.ticket()).message
    assert verified(message) == [True, True]
    assert parsed(message).keys() == ["DKIM-Signature", "DKIM-Signature", *FIELDS]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\nSubject: ", b"\r\nSubject: x"),
        (b"\r\nFrom: ", b"\r\nFrom: x "),
        (b"\r\nSubject:", b"\r\nFrom: <eve@evil.example>\r\nSubject:"),
        (b"\r\nTo: ", b"\r\nTo: x"),
        (b"</body>", b"x</body>"),
        (b"\r\nDate: ", b"\r\nDate: x"),
        (b"Content-Type: multipart", b"Content-Type: x-multipart"),
    ],
)
def test_a_changed_message_verifies_no_more(old: bytes, new: bytes) -> None:
    message = Compositor(*signed_mailing()).compose(mailings.customer(), mailings.ticket()).message
    assert old in message
    assert verified(message.replace(old, new, 1)) == [False, False]


def test_relaying_that_rfc_6376_allows_keeps_the_signatures() -> None:
    message = Compositor(*signed_mailing()).compose(mailings.customer(), mailings.ticket()).message
    head, _, body = message.partition(b"\r\n\r\n")
    refolded = head.replace(b"\r\nSubject: ", b"\r\nsubject:   ").replace(
        b"Reply-To: ", b"REPLY-TO:\t"
    )
    relayed = b"Received: from x by y; now\r\n" + refolded + b"\r\n\r\n" + body + b"\r\n"
    assert verified(relayed) == [True, True]
