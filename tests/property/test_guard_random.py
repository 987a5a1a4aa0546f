"""The guard against bytes changed at random: it never crashes, and what it still seals shows no
stranger, as `tests.letters` reads it, which shares no code with it."""

from __future__ import annotations

import base64
import random

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import letters, mailings

from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.envelope import Sealed
from severally.model.recipient import row_of
from severally.transport.build import build_smtp

STRANGER = "eve.stranger@yahoo.example"
COMPOSITOR = Compositor(mailings.sample())


@given(st.randoms(use_true_random=False), st.integers(1, 12), st.sampled_from(["en", "de", "ja"]))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_changes_never_crash_and_never_show_a_stranger(
    rng: random.Random, changes: int, locale: str
) -> None:
    person = mailings.customer(locale=locale)
    proper = COMPOSITOR.compose(person, mailings.ticket())
    message = bytearray(proper.message)
    for _ in range(changes):
        mutate(message, rng)
    spoilt = bytes(message)
    payload = build_smtp(msgspec.structs.replace(proper, message=spoilt))
    result = Guard(mailings.sample()).seal(payload, 1, row_of(person), mailings.ticket())
    if isinstance(result, Sealed):
        shown = {a for a in letters.addresses(spoilt) if not a.endswith("@exchange.example")}
        assert shown == {person.address}
    else:
        assert STRANGER not in result.reason
        assert person.address not in result.reason


SNIPPETS = [
    STRANGER.encode(),
    b"\r\nBcc: " + STRANGER.encode(),
    b"\r\n\r\n" + STRANGER.encode(),
    base64.b64encode(STRANGER.encode()),
    b"=\r\n" + STRANGER.encode() + b"=\r\n",
    b"eve=40yahoo=2Eexample",
    b"\r\n ",
    b"=?utf-8?b?" + base64.b64encode(STRANGER.encode()) + b"?=",
    b"--",
    b"\r\n",
    b"=",
    b"@",
    b"\0",
    b"\xff",
]


def mutate(message: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(message) + 1)
    match rng.randrange(5):
        case 0:
            message[at:at] = rng.choice(SNIPPETS)
        case 1:
            del message[at : at + rng.choice([1, 1, 2, 10, 200])]
        case 2 if at < len(message):
            message[at] = rng.randrange(256)
        case 3:
            other = rng.randrange(len(message) + 1)
            message[at:at] = message[other : other + rng.randrange(80)]
        case _:
            message[at : at + 2] = message[at : at + 2][::-1]
