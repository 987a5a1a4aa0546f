"""What the world sees in a message: every form in which an address can stand there."""

from __future__ import annotations

import base64
import quopri

import pytest

from severally.sim.reading import Watched, read

WORLD = Watched(("gmail.example", "yahoo.example"))
HEAD = b"From: n@exchange.example\r\nTo: anna@gmail.example\r\nMessage-ID: <t@exchange.example>\r\n"
OTTO = b"otto@yahoo.example"


def part(encoding: str, body: bytes) -> bytes:
    return b"Content-Transfer-Encoding: %s\r\n\r\n%s\r\n" % (encoding.encode(), body)


def multipart(inner: bytes) -> bytes:
    return (
        HEAD + b'Content-Type: multipart/alternative;\r\n boundary="=_b"\r\n\r\n'
        b"--=_b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--=_b\r\n" + inner + b"--=_b--\r\n"
    )


@pytest.mark.parametrize(
    "message",
    [
        HEAD + b"\r\nwrite to otto@yahoo.example.\r\n",
        HEAD + b"\r\n<mailto:OTTO@Yahoo.Example>",
        HEAD + b"X-Note: otto@yahoo.example\r\n\r\nhi",
        HEAD + b"X-Note: =?utf-8?b?b3R0b0B5YWhvby5leGFtcGxl?=\r\n\r\nhi",
        HEAD + b"\r\nhttps://x.example/?to=otto%40yahoo.example&x=1",
        HEAD + b"\r\n<p>otto&#64;yahoo.example and otto&#x40;yahoo.example</p>",
        HEAD + part("base64", base64.encodebytes(b"dear " + OTTO)),
        HEAD + part("quoted-printable", quopri.encodestring(b"dear \xc3\xa9 " + OTTO)),
        multipart(part("base64", base64.encodebytes(b"<b>" + OTTO + b"</b>"))),
        multipart(b"\r\n" + OTTO + b"\r\n"),
        multipart(
            b"Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n"
            + part("quoted-printable", b"=6Ftto=40yahoo.example")
            + b"--in--\r\n"
        ),
        multipart(b"\r\nhi\r\n") + OTTO,
    ],
)
def test_a_stranger_is_seen_in_every_form(message: bytes) -> None:
    seen = read(message, WORLD)
    assert seen.to == ("anna@gmail.example",)
    assert seen.body == (OTTO.decode(),)
    assert seen.message_id == "<t@exchange.example>"


def test_folded_and_several_recipient_fields_are_read() -> None:
    message = (
        b"To: a@gmail.example,\r\n b@gmail.example\r\nCc: c@gmail.example\r\n"
        b"Bcc: d@gmail.example\r\nResent-To: e@gmail.example\r\n\r\n"
    )
    assert read(message, WORLD).to == tuple(f"{name}@gmail.example" for name in "abcde")


def test_only_watched_domains_count() -> None:
    message = (
        b"To: a@elsewhere.example\r\n\r\nn@exchange.example a@gmail.example.org x@gmail.example."
    )
    assert read(message, WORLD).to == ()
    assert read(message, WORLD).body == ("x@gmail.example",)
    anywhere = Watched(("*",), ("exchange.example",))
    assert read(message, anywhere).to == ("a@elsewhere.example",)
    assert read(message, anywhere).body == ("a@gmail.example.org", "x@gmail.example")


def test_a_sentence_in_chinese_ends_an_address() -> None:
    message = "\r\n\r\n写信给 support@exchange.example。然后 x@gmail.example。再".encode()
    assert read(message, Watched(("*",), ("exchange.example",))).body == ("x@gmail.example",)


@pytest.mark.parametrize(
    "message", [b"", b"\r\n\r\n", b"@@@", b"To: @\r\n\r\n@", b"\xff\x00@gmail.example"]
)
def test_what_is_broken_is_read_as_it_stands(message: bytes) -> None:
    assert read(message, WORLD).to == ()
