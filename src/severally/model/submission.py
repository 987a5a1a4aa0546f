"""A submission: what another program handed in to be sent, and its letters."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class SubmissionState(StrEnum):
    """What became of a submission as a whole."""

    PASSED = "passed"
    HELD = "held"
    """Too many were to get one content at once; a person decides."""
    RELEASED = "released"
    DISCARDED = "discarded"


class Submission(msgspec.Struct, frozen=True):
    """One request of a program. `way` is its protocol; `content` a hash of what is the same in
    all its messages; `count` its letters. Holds nothing of a recipient."""

    id: str
    way: str
    at: float
    content: bytes
    count: int
    state: SubmissionState = SubmissionState.PASSED


class Boxed(msgspec.Struct, frozen=True, gc=False):
    """One letter as it is kept: its payload encrypted, bound to the submission and `seq`; the
    keyed hash of its recipient's address."""

    seq: int
    blind: bytes
    salt: bytes
    box: bytes


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A letter that is to be sent now. `number` is its own, in the order of arrival."""

    number: int
    submission: str
    seq: int
    salt: bytes
    box: bytes
    attempts: int
    first_at: int
