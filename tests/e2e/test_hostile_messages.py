"""Hostile messages: what a broken composer could hand over, refused on the final bytes.

The composers run inside the composing process, put there through the wiring; the sink says
what arrived. Each test bears the number of its input.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.smtp_sink import Sink
from tests.workshop import Workshop, rows

from severally.app.wiring import MakeComposer, Wiring
from severally.compose.compositor import Compositor
from severally.model.delivery import Ticket
from severally.model.envelope import Composed
from severally.model.mailing import Frozen
from severally.model.recipient import Recipient


class Replacing:
    """The real composer, and one replacement in its bytes; `{own}` is the recipient's address."""

    def __init__(self, frozen: Frozen, old: bytes, new: bytes) -> None:
        self._real = Compositor(frozen)
        self._old, self._new = old, new

    def compose(self, recipient: Recipient, ticket: Ticket) -> Composed:
        composed = self._real.compose(recipient, ticket)
        new = self._new.replace(b"{own}", recipient.address.encode())
        assert self._old in composed.message
        message = composed.message.replace(self._old, new, 1)
        return msgspec.structs.replace(composed, message=message)


def _replacing(old: bytes, new: bytes, frozen: Frozen) -> Replacing:
    return Replacing(frozen, old, new)


def replacing(old: bytes, new: bytes) -> MakeComposer:
    return functools.partial(_replacing, old, new)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def halted(tmp_path: Path, sink: Sink, old: bytes, new: bytes, *words: str) -> None:
    shop = Workshop(tmp_path / "shop", sink.port)
    people = [[*row[:2], "en", *row[3:]] for row in rows(3)]  # in quoted-printable
    wiring = Wiring(make_composer=replacing(old, new))
    ran = shop.send(shop.customers(people), wiring=wiring)
    assert ran.code == 4, ran.everything
    assert ran.said["state"] == "halted"
    assert ran.said["counts"]["accepted"] == 0
    assert sink.received == []
    for word in words:
        assert word in ran.said["reason"]
    assert not any(row[1] in ran.everything for row in people)
    assert "eve@" not in ran.everything


@pytest.mark.parametrize("other", [b"{own}", b"eve@evil.example"])
def test_hostile_10_two_to_headers(other: bytes, tmp_path: Path, sink: Sink) -> None:
    new = b"\r\nTo: " + other + b"\r\nSubject:"
    halted(tmp_path, sink, b"\r\nSubject:", new, "2 To fields")


FIELDS = (b"Cc", b"bcc", b"Resent-To", b"RESENT-CC", b"Resent-Bcc", b"Resent-From")


@pytest.mark.parametrize("name", FIELDS, ids=lambda name: name.decode())
def test_hostile_11_a_field_for_others(name: bytes, tmp_path: Path, sink: Sink) -> None:
    new = b"\r\n" + name + b": {own}\r\nSubject:"
    halted(tmp_path, sink, b"\r\nSubject:", new, name.decode().title())


@pytest.mark.parametrize(
    "new",
    [
        b"\n.\nMAIL FROM:<eve@evil.example>\n",
        b"\n.\r\nMAIL FROM:<eve@evil.example>\r\n",
        b"\r\n.\nMAIL FROM:<eve@evil.example>\r\n",
    ],
)
def test_hostile_13_a_bare_line_feed_before_a_dot(new: bytes, tmp_path: Path, sink: Sink) -> None:
    halted(tmp_path, sink, b"</body>", new + b"</body>", "bare CR or LF")
    assert not any("eve@" in command for command in sink.commands)


@pytest.mark.parametrize("new", [b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\0.\r\n"])
def test_hostile_14_a_bare_carriage_return_before_a_dot(
    new: bytes, tmp_path: Path, sink: Sink
) -> None:
    halted(tmp_path, sink, b"</body>", new + b"MAIL FROM:<eve@evil.example></body>")
    assert not any("eve@" in command for command in sink.commands)


def test_hostile_15_a_composed_line_over_998_octets(tmp_path: Path, sink: Sink) -> None:
    halted(tmp_path, sink, b"</body>", b"x" * 999 + b"</body>", "998")
