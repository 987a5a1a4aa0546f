"""The guard's quick reading gives what the full one gives, or nothing."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import mailings
from tests.property.test_guard_mutations import LOCALES, recipients
from tests.property.test_guard_random import mutate

from severally.compose.compositor import Compositor
from severally.guard.familiar import CUTS, Familiar
from severally.guard.reading import Message, Unreadable, read
from severally.guard.scan import Scanner
from severally.guard.sealing import Guard
from severally.model.envelope import Composed, Refusal, Sealed
from severally.model.recipient import Recipient, row_of
from severally.transport.build import build_smtp

FROZEN = mailings.sample()
COMPOSITOR = Compositor(FROZEN)
STRANGER = "eve.stranger@yahoo.example"


def composed(person: Recipient) -> Composed:
    return COMPOSITOR.compose(person, mailings.ticket())


def verdict(guard: Guard, person: Recipient, message: bytes) -> Sealed | Refusal:
    payload = build_smtp(msgspec.structs.replace(composed(person), message=message))
    return guard.seal(payload, 1, row_of(person), mailings.ticket())


def judging() -> Guard:
    """A guard that has sealed a few messages in each language."""
    guard = Guard(FROZEN)
    for locale in LOCALES:
        for number in range(1, 6):
            person = mailings.customer(number, locale=locale)
            assert isinstance(verdict(guard, person, composed(person).message), Sealed)
    return guard


def reader() -> tuple[Familiar, Scanner]:
    scanner = Scanner(frozenset())
    familiar = Familiar(scanner.clean)
    for locale in LOCALES:
        for number in range(1, 6):
            familiar.learn(composed(mailings.customer(number, locale=locale)).message, locale)
    return familiar, scanner


WARM = judging()
FAMILIAR, SCANNER = reader()


def fully(message: bytes) -> Message | None:
    try:
        return read(message, utf8_head=False)
    except (Unreadable, ValueError):
        return None


def same(message: bytes, locale: str) -> Message | None:
    """What the quick way reads, after holding it against the full one."""
    quick = FAMILIAR.read(message, False, locale)
    if quick is not None:
        whole = fully(message)
        assert whole is not None
        assert (quick.fields, quick.text, quick.html) == (whole.fields, whole.text, whole.html)
        cuts = CUTS.values()
        for cut, some, every in zip(
            cuts,
            (quick.fresh_text, quick.fresh_html),
            (whole.fresh_text, whole.fresh_html),
            strict=True,
        ):
            forgetful = Scanner(frozenset())
            found = SCANNER.strangers(some, cut, learn=False)
            assert found == forgetful.strangers(every, cut, learn=False)
    return quick


@given(recipients)
@settings(max_examples=100, deadline=None)
def test_proper_messages_are_read_alike(person: Recipient) -> None:
    same(composed(person).message, person.locale.split("-")[0])
    assert isinstance(verdict(WARM, person, composed(person).message), Sealed)


@pytest.mark.parametrize("locale", LOCALES)
def test_most_of_a_further_message_is_recognised(locale: str) -> None:
    message = composed(mailings.customer(77, locale=locale)).message
    quick = same(message, locale)
    assert quick is not None
    assert len(quick.fresh_html) < len(quick.html) / 2


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.sampled_from(LOCALES))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_spoilt_messages_are_read_and_judged_alike(
    rng: random.Random, changes: int, locale: str
) -> None:
    person = mailings.customer(9, locale=locale)
    message = bytearray(composed(person).message)
    for _ in range(changes):
        mutate(message, rng)
    spoilt = bytes(message)
    same(spoilt, locale)
    assert verdict(WARM, person, spoilt) == verdict(Guard(FROZEN), person, spoilt)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_bytes_put_between_lines_are_read_alike(data: st.DataObject) -> None:
    """Where the quick way cuts: a line end is the only place where a run may begin or end."""
    locale = data.draw(st.sampled_from(LOCALES))
    person = mailings.customer(9, locale=locale)
    lines = composed(person).message.split(b"\r\n")
    extra = data.draw(
        st.sampled_from(
            [
                STRANGER.encode(),
                b"eve.stranger=",
                b"=",
                b"=3D=",
                b"=C3=",
                b"=C3",
                b"\x1e",
                b"=1E",
                b"=00",
                b"=0D=0A",
                b"\n",
                b"\r",
                b"",
                b" ",
                b"x" * 999,
                b"<",
                b"<a title=3D",
                b"\xc3\xa4",
                b"\0",
            ]
        )
    )
    place = data.draw(st.integers(0, len(lines)))
    if data.draw(st.booleans()) and place < len(lines):
        lines[place] += extra
    else:
        lines.insert(place, extra)
    spoilt = b"\r\n".join(lines)
    same(spoilt, locale)
    assert verdict(WARM, person, spoilt) == verdict(Guard(FROZEN), person, spoilt)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_whatever_was_learned_the_text_is_read_alike(bodies: list[list[str]]) -> None:
    """Any lines in any order, learned or not: quick says what full says, or nothing."""
    person = mailings.customer()
    proper = composed(person).message
    start = proper.index(b"quoted-printable\r\n\r\n") + len(b"quoted-printable\r\n\r\n")
    end = proper.index(b"\r\n--=_", start)
    familiar = Familiar(Scanner(frozenset()).clean)
    for letters in bodies:
        lines = [letter.encode() * 30 + (b"=" if letter in "aceg" else b"") for letter in letters]
        message = proper[:start] + b"\r\n".join([*lines, b"end"]) + proper[end:]
        quick, whole = familiar.read(message, False, "en"), fully(message)
        assert whole is not None
        if quick is not None:
            assert (quick.text, quick.html) == (whole.text, whole.html)
        familiar.learn(message, "en")


def test_a_choice_between_texts_shrinks_what_is_recognised_and_stays_right() -> None:
    """A message unlike those before is read in full, and learned from."""
    familiar = Familiar(Scanner(frozenset()).clean)
    one = composed(mailings.customer(1)).message
    other = one.replace(b"</p>", b"</p>=\r\n<hr>=\r\n", 1)
    familiar.learn(one, "en")
    assert familiar.read(other, False, "en") is None
    familiar.learn(other, "en")
    for message in (one, other):
        quick, whole = familiar.read(message, False, "en"), fully(message)
        assert quick is not None
        assert whole is not None
        assert (quick.text, quick.html) == (whole.text, whole.html)
