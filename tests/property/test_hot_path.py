"""The short ways of the hot path say the same as the long ones."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from severally.compose.dkim import body_hash, field
from severally.guard.reading import Unreadable, read
from severally.guard.scan import _SUSPECT, Scanner, _plain_words, addresses
from severally.model.outcome import Reply
from severally.transport.replies import Garbage, ReplyParser

_BOUNDARY = b"=_abcdefghij"
_HEAD = b'Content-Type: multipart/alternative; boundary="' + _BOUNDARY + b'"\r\n\r\n'


def message(text: bytes, encoding: bytes = b"quoted-printable") -> bytes:
    """A message with this encoded text part."""
    part = b"--%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    return b"".join(
        (
            _HEAD,
            part % (_BOUNDARY, b"plain", encoding),
            text + b"\r\n",
            part % (_BOUNDARY, b"html", b"quoted-printable"),
            b"<p>x</p>\r\n--" + _BOUNDARY + b"--\r\n",
        )
    )


@given(st.text(max_size=300).map(lambda text: re.sub("[\r\n\0]", "\n", text)))
def test_quoted_printable_is_read_as_the_standard_library_reads_it(text: str) -> None:
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    read_text = read(message(encoded.replace(b"\n", b"\r\n")), utf8_head=False).text
    assert read_text == binascii.a2b_qp(encoded)


@given(st.text(max_size=300).map(lambda text: re.sub("[\r\n\0]", "\r\n", text)))
def test_base64_is_read_as_the_standard_library_reads_it(text: str) -> None:
    raw = text.encode("utf-8", "replace")
    encoded = base64.encodebytes(raw).strip().replace(b"\n", b"\r\n")
    read_text = read(message(encoded, b"base64"), utf8_head=False).text
    assert read_text == raw.replace(b"\r\n", b"\n")


@given(st.integers(0, 3), st.sampled_from([b"\r", b"\n", b"\0", b"\xff", b"=4", b"=\r"]))
def test_stray_bytes_are_refused_wherever_they_stand(place: int, stray: bytes) -> None:
    words = [b"one", b"two", b"three", b"four"]
    words.insert(place, stray)
    with pytest.raises(Unreadable):
        read(message(b" x ".join(words)), utf8_head=False)


@given(st.lists(st.integers(0, 1200), max_size=12))
def test_a_line_over_998_octets_is_found_at_any_place(lengths: list[int]) -> None:
    text = b"\r\n".join(b"x" * length for length in lengths)
    if max(lengths, default=0) > 998:
        with pytest.raises(Unreadable, match="998"):
            read(message(text), utf8_head=False)
    else:
        assert read(message(text), utf8_head=False).text.count(b"x") == sum(lengths)


@given(st.text(alphabet="ab1 .@%&=<>/\u00ad\uff20\n", max_size=60))
def test_plain_words_are_never_suspect(chunk: str) -> None:
    if _plain_words(chunk):
        assert _SUSPECT.search(chunk) is None


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "you@shop.example", "%40", "&#64;", " ", "hi", "<a href='x>y'>", ">"]
        ),
        max_size=20,
    )
)
def test_the_scanner_finds_what_the_pieces_hold_whatever_it_remembers(words: list[str]) -> None:
    text = "".join(words)
    scanner = Scanner(frozenset())
    first = scanner.strangers(text, "<", learn=True)
    assert scanner.strangers(text, "<", learn=True) == first
    pieces = re.split("[<>]", text)
    assert first == frozenset().union(*(addresses(piece) for piece in pieces))


@given(st.binary(max_size=200))
def test_the_body_is_hashed_as_ending_with_one_line_end(body: bytes) -> None:
    plain = hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()
    if body.rstrip(b"\r\n") + b"\r\n" == body or not body.endswith(b"\n"):
        assert body_hash(body) == base64.b64encode(plain)
    for ends in range(4):
        assert body_hash(b"text" + b"\r\n" * ends) == body_hash(b"text\r\n")


def test_a_field_is_signed_with_its_white_space_relaxed() -> None:
    assert field(b"Subject:  a \t b  ") == (b"subject", b"subject:a b\r\n")


@given(
    st.lists(st.integers(200, 599), min_size=1, max_size=5),
    st.text(alphabet="abc 2.01", max_size=12),
    st.integers(1, 7),
)
def test_replies_are_the_same_in_whatever_pieces_they_come(
    codes: list[int], text: str, size: int
) -> None:
    data = b"".join(b"%d %s\r\n" % (code, text.encode()) for code in codes)
    whole = ReplyParser().feed(data)
    parser = ReplyParser()
    parts: list[Reply] = []
    for start in range(0, len(data), size):
        parts += parser.feed(data[start : start + size])
    assert parts == whole
    assert [reply.code for reply in whole] == codes


@pytest.mark.parametrize("line", [b"999 no\r\n", b"abc\r\n", b"2x0 ok\r\n", b"100 early\r\n"])
def test_what_is_no_reply_stays_garbage(line: bytes) -> None:
    with pytest.raises(Garbage):
        ReplyParser().feed(line)
