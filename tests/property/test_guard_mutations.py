"""The guard against everything that can be done to a message.

Proper messages are always sealed. Each dressing of a stranger's address, at each place where a
reader could find it, is refused. Bytes changed at random never crash the guard, and what it
still seals shows no stranger, as `tests.letters` reads it, which shares no code with it.
"""

from __future__ import annotations

import base64
import functools
import html
import quopri
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import letters, mailings
from tests.dresses import DRESSES, HEADER_DRESSES

from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.envelope import Composed, Refusal, Sealed
from severally.model.formats import show
from severally.model.notice import Kind
from severally.model.recipient import Recipient, row_of
from severally.model.values import parse_value
from severally.transport.build import build_smtp

STRANGER = "eve.stranger@yahoo.example"
LOCALES = tuple(mailings.sample().stencils)

names = st.text(
    st.characters(
        blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Cn", "Co"),
        blacklist_characters="@\uff20\ufe6b&%\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    ),
    min_size=1,
    max_size=40,
).filter(str.strip)
codes = st.from_regex(r"[A-Za-z0-9#$._/=+-]{1,30}", fullmatch=True)
amounts = st.builds(
    lambda whole, cents, code: f"{whole}.{cents:02} {code}",
    st.integers(-(10**9), 10**12),
    st.integers(0, 99),
    st.sampled_from(["USD", "EUR", "JPY", "BTC", "USDT"]),
)
locals_ = st.from_regex(r"[a-z0-9]{1,12}(?:[._+-][a-z0-9]{1,8}){0,2}", fullmatch=True)
domains = st.sampled_from(
    ["gmail.example", "yahoo.example", "mail.co.example", "xn--mnchen-3ya.example"]
)
recipients = st.builds(
    lambda local, domain, locale, zone, name, code, amount: Recipient(
        "c1",
        f"{local}@{domain}",
        locale,
        zone,
        {"first_name": name.strip(), "account": code, "position": amount},
    ),
    locals_,
    domains,
    st.sampled_from([*LOCALES, "fr-CA", "zh-Hans-CN", "tr"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"]),
    names,
    codes,
    amounts,
)


@functools.cache
def compositor(kind: Kind) -> Compositor:
    return Compositor(mailings.sample(kind))


def composed(person: Recipient, kind: Kind = Kind.SERVICE) -> Composed:
    return compositor(kind).compose(person, mailings.ticket())


def judged(
    message: bytes, person: Recipient, kind: Kind = Kind.SERVICE, guard: Guard | None = None
) -> Sealed | Refusal:
    made = msgspec.structs.replace(composed(person, kind), message=message)
    guard = guard or Guard(mailings.sample(kind))
    return guard.seal(build_smtp(made), 1, row_of(person), mailings.ticket())


@given(recipients, st.sampled_from([Kind.SERVICE, Kind.MARKETING]))
@settings(max_examples=150, deadline=None)
def test_a_proper_message_is_always_sealed(person: Recipient, kind: Kind) -> None:
    for variable in mailings.sample().notice.variables:
        if variable.value is None:
            assert parse_value(variable.type, person.values[variable.name])
    result = judged(composed(person, kind).message, person, kind)
    assert isinstance(result, Sealed), result.reason
    assert strangers(result.payload.message) == {person.address}


def strangers(message: bytes) -> set[str]:
    """The addresses in it that are not the sender's."""
    return {a for a in letters.addresses(message) if not a.endswith("@exchange.example")}


# --- a stranger's address, in every dress, at every place


def _quoted(text: str) -> bytes:
    return quopri.encodestring(text.encode(), quotetabs=True).replace(b"\n", b"\r\n")


def in_text(message: bytes, dressed: str) -> bytes:
    """At the end of the plain part, quoted-printable."""
    at = message.index(b"\r\n--=_", message.index(b"text/plain"))
    return message[:at] + b"=\r\n" + _quoted(dressed) + message[at:]


def in_html(message: bytes, dressed: str) -> bytes:
    return _before(message, b"</body>", _quoted(tame(dressed)))


def in_attribute(message: bytes, dressed: str) -> bytes:
    link = f'<a href="https://exchange.example/{tame(dressed)}">x</a>'
    return _before(message, b"</body>", _quoted(link))


def tame(dressed: str) -> str:
    """What would end an attribute or begin a tag, escaped."""
    return html.escape(dressed) if "<" in dressed or '"' in dressed else dressed


def in_comment(message: bytes, dressed: str) -> bytes:
    return _before(message, b"</body>", _quoted(f"<!-- {dressed} -->"))


def _before(message: bytes, marker: bytes, extra: bytes) -> bytes:
    assert marker in message
    return message.replace(marker, b"=\r\n" + extra + b"=\r\n" + marker, 1)


PLACES = {
    "text": in_text,
    "html": in_html,
    "attribute": in_attribute,
    "comment": in_comment,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dress", DRESSES)
def test_a_dressed_stranger_in_a_part_is_refused(dress: str, place: str) -> None:
    person = mailings.customer()
    message = PLACES[place](composed(person).message, DRESSES[dress](STRANGER))
    assert isinstance(judged(message, person), Refusal)


@pytest.mark.parametrize("dress", DRESSES)
def test_a_dressed_stranger_is_accounted_for_even_where_the_mailing_says_it(dress: str) -> None:
    """The two lines do not lean on each other: here the frozen stencil itself holds it, so that
    the text is what it should be, and the accounting of every '@' alone can refuse."""
    frozen = mailings.sample()
    stencil = frozen.stencils["en"]
    assert isinstance(stencil.html[-1], str)
    assert isinstance(stencil.text[-1], str)
    dressed = DRESSES[dress](STRANGER)
    link = f'<a title="{tame(dressed)}">x</a></body>'
    lasts = {
        "html": stencil.html[-1].replace("</body>", link),
        "text": f"{stencil.text[-1]} {dressed}",
    }
    for part, last in lasts.items():
        pieces = getattr(stencil, part)
        spoilt = msgspec.structs.replace(
            frozen,
            stencils={"en": msgspec.structs.replace(stencil, **{part: (*pieces[:-1], last)})},
        )
        person = mailings.customer()
        made = Compositor(spoilt).compose(person, mailings.ticket())
        result = Guard(spoilt).seal(build_smtp(made), 1, row_of(person), mailings.ticket())
        assert letters.shows(made.message, STRANGER)
        assert isinstance(result, Refusal), f"{dress} in {part} was let through"


FIELDS = {
    "joined to To": (b"\r\nSubject:", b", %s\r\nSubject:"),
    "a Cc": (b"\r\nSubject:", b"\r\nCc: %s\r\nSubject:"),
    "a Bcc": (b"\r\nSubject:", b"\r\nBcc: %s\r\nSubject:"),
    "a folded Bcc": (b"\r\nSubject:", b"\r\nBcc:\r\n %s\r\nSubject:"),
    "a Resent-To": (b"\r\nSubject:", b"\r\nResent-To: %s\r\nSubject:"),
    "an X field": (b"\r\nSubject:", b"\r\nX-Original-To: %s\r\nSubject:"),
    "a second To": (b"\r\nSubject:", b"\r\nTo: %s\r\nSubject:"),
    "a To with a comment": (b"\r\nSubject:", b" (%s)\r\nSubject:"),
    "a display name": (b"\r\nTo: ", b'\r\nTo: "%s" '),
    "in the subject": (b"\r\nSubject: ", b"\r\nSubject: %s "),
    "in From": (b"\r\nFrom: ", b"\r\nFrom: %s "),
    "in Reply-To": (b"\r\nReply-To: ", b"\r\nReply-To: <%s>, "),
    "in the Message-ID": (b"\r\nMessage-ID: <", b"\r\nMessage-ID: <%s "),
    "in the language": (b"\r\nContent-Language: ", b"\r\nContent-Language: %s, "),
    "in Auto-Submitted": (b"auto-generated", b'auto-generated; to="%s"'),
    "in the date": (b" +0000\r\n", b" +0000 (%s)\r\n"),
    "in the MIME version": (b"MIME-Version: 1.0", b"MIME-Version: 1.0 (%s)"),
    "a MIME parameter": (b"multipart/alternative;", b'multipart/alternative; to="%s";'),
    "a parameter of a part": (
        b"text/plain; charset=utf-8",
        b'text/plain; name="%s"; charset=utf-8',
    ),
    "a field of a part": (
        b"\r\nContent-Type: text/html",
        b"\r\nContent-Description: %s\r\nContent-Type: text/html",
    ),
    "a first field": (b"Date: ", b"X: %s\r\nDate: "),
}


@pytest.mark.parametrize("dress", HEADER_DRESSES)
@pytest.mark.parametrize("place", FIELDS)
def test_a_stranger_in_a_field_is_refused(place: str, dress: str) -> None:
    person = mailings.customer()
    old, new = FIELDS[place]
    message = composed(person).message
    assert old in message
    new = new.replace(b"%s", HEADER_DRESSES[dress](STRANGER).encode())
    assert isinstance(judged(message.replace(old, new, 1), person), Refusal)


def _extra_part(message: bytes, part: bytes) -> bytes:
    boundary = message.split(b'boundary="')[1].split(b'"')[0]
    end = b"--" + boundary + b"--\r\n"
    assert message.endswith(end)
    return message[: -len(end)] + b"--" + boundary + b"\r\n" + part + b"\r\n" + end


def _nested(message: bytes, stranger: bytes) -> bytes:
    inner = b'Content-Type: multipart/mixed; boundary="inner"\r\n\r\n--inner\r\n'
    return _extra_part(
        message, inner + b"Content-Type: text/plain\r\n\r\n" + stranger + b"\r\n--inner--"
    )


STRUCTURES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "a preamble": lambda m, s: m.replace(b"\r\n\r\n--=_", b"\r\n\r\n" + s + b"\r\n--=_", 1),
    "an epilogue": lambda m, s: m + s + b"\r\n",
    "an extra part": lambda m, s: _extra_part(m, b"Content-Type: text/plain\r\n\r\n" + s),
    "an attachment": lambda m, s: _extra_part(
        m,
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(s),
    ),
    "a message in it": lambda m, s: _extra_part(
        m, b"Content-Type: message/rfc822\r\n\r\nTo: " + s + b"\r\n\r\nhello"
    ),
    "a nested multipart": _nested,
    "after the last boundary's dashes": lambda m, s: m[:-2] + s + b"\r\n",
    "a blank line in the head": lambda m, s: m.replace(
        b"\r\nSubject:", b"\r\n\r\n" + s + b"\r\nSubject:", 1
    ),
    "a line that is no field": lambda m, s: m.replace(
        b"\r\nSubject:", b"\r\n" + s + b"\r\nSubject:", 1
    ),
    "a fold before the first field": lambda m, s: b" " + s + b"\r\n" + m,
    "8-bit bytes": lambda m, s: m.replace(
        b"</body>", s.replace(b"@", "＠".encode()) + b"</body>", 1
    ),
    "utf-7": lambda m, s: m.replace(b"charset=utf-8", b"charset=utf-7", 1).replace(
        b"</body>", s.replace(b"@", b"+AEA-") + b"</body>", 1
    ),
    "uuencode": lambda m, s: m.replace(b"quoted-printable", b"x-uuencode", 1),
    "an unknown encoding": lambda m, s: m.replace(b"quoted-printable", b"8bit", 1),
    "a bare CR": lambda m, s: m.replace(b"\r\nSubject:", b"\rBcc: " + s + b"\r\nSubject:", 1),
    "a bare LF": lambda m, s: m.replace(b"\r\nSubject:", b"\nBcc: " + s + b"\r\nSubject:", 1),
    "base64 with junk in it": lambda m, s: m.replace(b"</body>", b"=\r\n=4" + s + b"</body>", 1),
}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_stranger_outside_the_two_parts_is_refused(structure: str) -> None:
    person = mailings.customer()
    message = composed(person).message
    spoilt = STRUCTURES[structure](message, STRANGER.encode())
    assert spoilt != message
    assert isinstance(judged(spoilt, person), Refusal)


# --- the envelope and the ticket


def test_an_envelope_for_somebody_else_is_refused() -> None:
    person = mailings.customer()
    payload = build_smtp(composed(person))
    guard = Guard(mailings.sample())
    row, ticket = row_of(person), mailings.ticket()
    other = mailings.customer(2)
    changes = [
        {"rcpt_to": (STRANGER,)},
        {"rcpt_to": (person.address, STRANGER)},
        {"rcpt_to": (person.address, person.address)},
        {"rcpt_to": ()},
        {"mail_from": STRANGER},
        {"mail_from": payload.mail_from.replace("+", "+x")},
        {"message": bytearray(payload.message)},
    ]
    for change in changes:
        spoilt = msgspec.structs.replace(payload, **change)
        assert isinstance(guard.seal(spoilt, 1, row, ticket), Refusal), change
    assert isinstance(guard.seal(payload, 1, row_of(other), ticket), Refusal)
    assert isinstance(guard.seal(payload, 1, row, mailings.ticket(2)), Refusal)
    assert isinstance(guard.seal(payload, 2, row, ticket), Refusal)
    assert isinstance(guard.seal(payload, 1, b"\x93garbage", ticket), Refusal)
    assert isinstance(guard.seal(payload, 1, row, ticket), Sealed)
    assert (guard.sealed, guard.refused) == (1, len(changes) + 4)


@given(recipients, recipients)
@settings(max_examples=60, deadline=None)
def test_another_customers_values_are_refused(one: Recipient, other: Recipient) -> None:
    frozen = mailings.sample()
    locale = one.locale.split("-")[0]
    mixed = msgspec.structs.replace(one, values=other.values)

    def read_as(person: Recipient) -> list[str]:
        fmt = frozen.stencils.get(locale, frozen.stencils["en"]).format
        kinds = {v.name: v.type for v in frozen.notice.variables}
        return [show(kinds[name], text, fmt, "UTC") for name, text in person.values.items()]

    if read_as(one) != read_as(other):
        assert isinstance(judged(composed(mixed).message, one), Refusal)
