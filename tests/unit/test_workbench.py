"""Many messages at once: each gets the answer it would get alone, at its own place."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from tests import mailings

from severally.adapters.keys import AesRowCipher
from severally.compose.compositor import Compositor
from severally.deliver.bench import Workbench
from severally.guard.sealing import Guard, Presented
from severally.model.delivery import Claim, Ticket, delivery_token
from severally.model.envelope import Blocked, Composed, Payload, Refusal, Sealed
from severally.model.recipient import Recipient, row_of
from severally.transport.build import build_smtp

FROZEN = mailings.sample()
STRANGER = b"eve.stranger@yahoo.example"
CIPHER = AesRowCipher(b"a" * 32, "a-1")
TOKEN_KEY = b"t" * 32


def into_body(message: bytes) -> bytes:
    return message.replace(b"</body>", STRANGER + b"</body>", 1)


def into_head(message: bytes) -> bytes:
    return message.replace(b"\r\nSubject:", b"\r\nBcc: " + STRANGER + b"\r\nSubject:", 1)


MEDDLING: dict[int, Callable[[bytes], bytes]] = {3: into_body, 6: into_head}
NAMELESS = {2, 7}
LAST = 8


class Meddling:
    """A composer that spoils the messages of some deliveries."""

    def __init__(self) -> None:
        self._real = Compositor(FROZEN)

    def compose(self, recipient: Recipient, ticket: Ticket) -> Composed:
        composed = self._real.compose(recipient, ticket)
        spoil = MEDDLING.get(ticket.delivery, lambda message: message)
        return msgspec.structs.replace(composed, message=spoil(composed.message))


def person(number: int) -> Recipient:
    one = mailings.customer(number, locale=("en", "de")[number % 2])
    if number not in NAMELESS:
        return one
    left = {name: value for name, value in one.values.items() if name != "first_name"}
    return msgspec.structs.replace(one, values=left)


def claim(number: int) -> Claim:
    return Claim(number, number, *CIPHER.seal(number, row_of(person(number))), mailings.DATE, 0)


def test_sound_refused_and_blocked_ones_of_a_batch_stay_apart() -> None:
    guard = Guard(FROZEN)
    bench = Workbench(CIPHER, Meddling(), build_smtp, guard, TOKEN_KEY)
    sound = {*range(1, LAST + 1)} - NAMELESS - set(MEDDLING)
    for _ in range(2):  # the second time every language is familiar
        checked = bench.work([claim(number) for number in range(1, LAST + 1)])
        for number, each in enumerate(checked, 1):
            if number in NAMELESS:
                assert each == Blocked(number, "the value of first_name is missing")
            elif number in MEDDLING:
                assert isinstance(each, Refusal) and each.deliveries == (number,)
            else:
                assert isinstance(each, Sealed) and each.deliveries == (number,)
                token = delivery_token(TOKEN_KEY, number)
                assert each.payload.rcpt_to == (person(number).address,)
                assert each.payload.mail_from == f"bounces+{token}@exchange.example"
                assert STRANGER not in each.payload.message
    assert (guard.sealed, guard.refused) == (2 * len(sound), 2 * len(MEDDLING))


def presented() -> list[Presented]:
    """One for each check to refuse, between those that pass."""
    compositor = Compositor(FROZEN)
    built: list[Presented] = []
    spoils: list[Callable[[Payload], Payload] | None] = [
        None,
        lambda p: msgspec.structs.replace(p, rcpt_to=("eve.stranger@yahoo.example",)),
        None,
        lambda p: msgspec.structs.replace(p, message=b"neither head nor body"),
        lambda p: msgspec.structs.replace(p, message=into_head(p.message)),
        None,
        lambda p: msgspec.structs.replace(p, message=into_body(p.message)),
        lambda p: msgspec.structs.replace(
            p, message=p.message.replace(b"</body>", b"more</body>", 1)
        ),
        None,
    ]
    for number, spoil in enumerate(spoils, 1):
        one, ticket = mailings.customer(number), mailings.ticket(number)
        payload = build_smtp(compositor.compose(one, ticket))
        built.append((spoil(payload) if spoil else payload, number, row_of(one), ticket))
    built.append((*built[0][:2], b"\x93garbage", built[0][3]))
    return built


def test_a_batch_is_answered_as_each_of_it_alone() -> None:
    cases = presented()
    together, alone = Guard(FROZEN), Guard(FROZEN)
    answers = together.seal_all(cases)
    assert answers == [alone.seal(*each) for each in cases]
    assert (together.sealed, together.refused) == (alone.sealed, alone.refused) == (4, 6)
    refused = [each.reason for each in answers if isinstance(each, Refusal)]
    assert len(set(refused)) == len(refused)
    assert together.seal_all([]) == []
