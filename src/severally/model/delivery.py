"""A delivery: one mailing's duty towards one recipient, and the states it goes through."""

from __future__ import annotations

import base64
import functools
import hmac
import re
from enum import Enum, IntEnum
from threading import get_ident

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes


class DeliveryState(IntEnum):
    """Where a delivery stands. The numbers are stored; never renumber."""

    READY = 0
    CLAIMED = 1
    ATTEMPTING = 2
    ACCEPTED = 3
    DEFERRED = 4
    REFUSED = 5
    IN_DOUBT = 6
    BLOCKED = 7
    EXPIRED = 8
    WITHDRAWN = 9
    EXCLUDED = 10
    HELD = 11
    DELIVERED = 12
    BOUNCED = 13
    COMPLAINED = 14

    @property
    def word(self) -> str:
        """The lower-case word that reports use."""
        return self.name.lower()


_S = DeliveryState

TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    _S.READY: frozenset({_S.CLAIMED, _S.EXCLUDED, _S.EXPIRED, _S.WITHDRAWN, _S.HELD}),
    _S.CLAIMED: frozenset({_S.ATTEMPTING, _S.READY, _S.DEFERRED, _S.BLOCKED, _S.HELD}),
    # back to ready, or to deferred where it had been tried before: failed before the final dot
    # straight to expired where the last deferral comes too late for another try
    _S.ATTEMPTING: frozenset(
        {_S.ACCEPTED, _S.DEFERRED, _S.REFUSED, _S.IN_DOUBT, _S.READY, _S.EXPIRED}
    ),
    # a deferred delivery is claimed again when it is due
    _S.DEFERRED: frozenset({_S.CLAIMED, _S.READY, _S.EXCLUDED, _S.EXPIRED, _S.WITHDRAWN, _S.HELD}),
    # by evidence, or by an approved retry
    _S.IN_DOUBT: frozenset({_S.ACCEPTED, _S.DELIVERED, _S.BOUNCED, _S.COMPLAINED, _S.READY}),
    _S.ACCEPTED: frozenset({_S.DELIVERED, _S.BOUNCED, _S.COMPLAINED}),
    _S.DELIVERED: frozenset({_S.BOUNCED, _S.COMPLAINED}),
    _S.HELD: frozenset({_S.READY, _S.DEFERRED, _S.WITHDRAWN}),
    _S.BLOCKED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.EXCLUDED: frozenset(),
    # a forwarder may bounce what somebody read and complained about
    _S.BOUNCED: frozenset({_S.COMPLAINED}),
    _S.COMPLAINED: frozenset(),
}
"""Every legal step of a delivery."""

OPEN: frozenset[DeliveryState] = frozenset(
    {_S.READY, _S.CLAIMED, _S.ATTEMPTING, _S.DEFERRED, _S.HELD}
)
"""The states in which something is still going to happen by itself."""

LEFT: frozenset[DeliveryState] = frozenset(
    {
        *(_S.ATTEMPTING, _S.ACCEPTED, _S.REFUSED, _S.IN_DOUBT),
        *(_S.DELIVERED, _S.BOUNCED, _S.COMPLAINED),
    }
)
"""The states of whom a message left for, or may have left for, whatever was said to it."""


class Ticket(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a delivery adds to its recipient when it is composed.

    `token` is unguessable, one per delivery, `[a-z2-7]{26}`; `date` the second of the first
    claim (Unix), kept for every retry and route, so that a retry has the same bytes; `out`
    the token that unsubscribes, for marketing alone.
    """

    delivery: int
    token: str
    date: int
    out: str = ""

    @property
    def way_out(self) -> str:
        """The token that unsubscribes; where nobody made one, that of the delivery, which does
        not."""
        return self.out or self.token


class Purpose(Enum):
    """What a token is good for: one for a purpose is none for another."""

    DELIVERY = b"delivery"
    """The way back: return path, Message-ID."""
    UNSUBSCRIBE = b"unsubscr"
    """The way out of notices of the delivery's kind."""


def delivery_token(key: bytes, delivery: int, purpose: Purpose = Purpose.DELIVERY) -> str:
    """The delivery's own reference, `[a-z2-7]{26}`: its number and the purpose, enciphered.

    One block of AES-256 under the mailing's own key (32 bytes). To anybody without the key it is
    128 random bits; whoever holds it reads the number, and 64 known bits tell a made-up token
    (encode-then-encipher, Bellare and Rogaway 2000): no table of tokens is kept anywhere.
    """
    block = _enciphering(key, get_ident()).update(delivery.to_bytes(8, "big") + purpose.value)
    bits = int.from_bytes(block, "big") << 2  # 26 characters of five bits hold 130
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


def delivery_of(key: bytes, token: str, purpose: Purpose = Purpose.DELIVERY) -> int | None:
    """The delivery whose token this is, under this key and for this purpose; else None.

    Case does not matter: some systems on the way back change it.
    """
    if not _TOKEN.fullmatch(token):
        return None
    sealed = base64.b32decode(token.upper() + "======")
    block = _cipher(key).decryptor().update(sealed)
    # the last character says two bits only: another one would be a second name for the token
    same = hmac.compare_digest(block[8:], purpose.value)
    number = int.from_bytes(block[:8], "big")
    return number if same and delivery_token(key, number, purpose) == token.lower() else None


@functools.lru_cache(maxsize=64)
def _cipher(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  (a single block, never a second)


@functools.lru_cache(maxsize=64)
def _enciphering(key: bytes, thread: int) -> CipherContext:
    """One for all blocks: none depends on those before it. One a thread: it is in use meanwhile."""
    return _cipher(key).encryptor()


_TOKEN = re.compile(r"[A-Za-z2-7]{26}")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 6, in lower case
_PAIRS = [one + other for one in _BASE32 for other in _BASE32]
_SHIFTS = range(120, -1, -10)


class Claim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A claimed delivery with its recipient's row, still encrypted.

    `seq` is the recipient's number within its audience, bound into the encryption.
    """

    delivery: int
    seq: int
    salt: bytes
    box: bytes
    date: int
    attempts: int
