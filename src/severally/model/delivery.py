"""A delivery: one mailing's duty towards one recipient, and the states it goes through."""

from __future__ import annotations

import base64
import hashlib
import hmac
from enum import IntEnum

import msgspec


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


class Ticket(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a delivery adds to its recipient when it is composed.

    `token` is unguessable, one per delivery, `[a-z2-7]{26}`; `date` the second of the first
    claim (Unix), kept for every retry and route, so that a retry has the same bytes.
    """

    delivery: int
    token: str
    date: int


def delivery_token(key: bytes, delivery: int) -> str:
    """The delivery's own reference: 128 bits of HMAC-SHA256, base32 in lower case."""
    digest = hmac.digest(key, b"%d" % delivery, hashlib.sha256)[:16]
    return base64.b32encode(digest).decode().rstrip("=").lower()


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
