"""Messages that come back, damaged in every way: nothing crashes, nobody else is meant.

A million of them in proofs/incoming.py.
"""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bounces import corpus
from tests.mailbag import Mailbag

from severally.model.event import EventKind
from severally.model.incoming import Came

CASES = list(corpus())
BAG = Mailbag(3)
PERSON = BAG.people[1]
TOKEN = BAG.tokens[PERSON]
WHOLE = [case.message(TOKEN, PERSON, to) for case in CASES for to in ("bounces", "")]
WORDS = {*EventKind, "answer", "delayed", "strange", "no token of ours", "not-spam", "auth-failure"}


def damaged(raw: bytes, seed: int) -> bytes:
    """Cut, doubled, swapped, overwritten, spliced with another; up to six times."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 6)):
        lines = raw.split(b"\n")
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        place = rng.randrange(len(raw) + 1)
        match rng.randrange(9):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines = lines[: at + 1]
            case 4:
                lines[at] = bytes(rng.randrange(256) for _ in range(len(lines[at])))
            case 5:
                donor = rng.choice(WHOLE).split(b"\n")
                lines[at:at] = donor[rng.randrange(len(donor)) :][:20]
            case 6:
                lines = [raw[:place] + bytes([rng.randrange(256)]) + raw[place + 1 :]]
            case 7:
                lines = [raw[:place] + raw[place + rng.randrange(40) :]]
            case 8:
                lines[at] = lines[at].replace(b":", b"").replace(b"=", b":").swapcase()
        raw = b"\n".join(lines)
    return raw


def sound(raw: bytes) -> None:
    """It is read, and about nobody but whose token it carries."""
    judged = BAG.intake.judge(Came("x", raw, 5.0))
    assert judged.word in WORDS or len(judged.word) < 100
    if judged.event is not None:
        assert judged.event.delivery == BAG.deliveries[PERSON]
        assert judged.event.party.blind == BAG.blind(PERSON)
        assert "@" not in judged.event.text and judged.event.text.isprintable()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WHOLE), st.integers(0, 2**32))
def test_damaged_messages_are_read_and_mean_nobody_else(raw: bytes, seed: int) -> None:
    sound(damaged(raw, seed))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_at_all(raw: bytes) -> None:
    sound(raw)
