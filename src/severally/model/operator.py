"""Who works with a workspace: operators, what each may do, and the passes they show.

Responsible for the nouns of the register. Not for how a password is hashed or a code made.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What an operator may do. One person may have several."""

    AUTHOR = "author"
    """Proposes mailings."""
    APPROVER = "approver"
    """Approves what others proposed; adds and disables operators."""
    OPERATOR = "operator"
    """Sends what was approved, decides at gates, breaks the glass."""
    AUDITOR = "auditor"
    """Reviews what was done in a hurry."""


class Operator(msgspec.Struct, frozen=True):
    """One person in the register.

    `password` is an argon2id hash. `salt` and `box` hold the secret of the one-time codes,
    encrypted under the workspace's data key. `step` is the last code's, which is used up with all
    before it (RFC 6238 5.2). Times are Unix seconds; `disabled_at` 0.0 means not. `tries` of a
    password or a code went wrong one after the other, or are being looked at; the last at
    `tried_at`.
    """

    name: str
    roles: tuple[Role, ...]
    password: str
    salt: bytes
    box: bytes
    step: int = 0
    added_at: float = 0.0
    disabled_at: float = 0.0
    tries: int = 0
    tried_at: float = 0.0


FREE_TRIES = 5
"""So many wrong ones are forgiven: typing errors."""
FIRST_WAIT_S, LONGEST_WAIT_S = 60.0, 3_600.0
"""After that each waits twice as long as the one before it (OWASP Authentication Cheat Sheet,
"Account Lockout"), and never longer than this: nobody can be kept out for good. At three codes of
a million that hold at one moment, guessing for a year finds one once in 40 times."""


def waits_until(tries: int, tried_at: float) -> float:
    """When the next password or code is looked at (Unix seconds); 0.0 for at once."""
    if tries < FREE_TRIES:
        return 0.0
    wait_s = FIRST_WAIT_S * 2.0 ** min(tries - FREE_TRIES, 10)
    return tried_at + min(wait_s, LONGEST_WAIT_S)


class PassKind(StrEnum):
    """What a pass is for."""

    SESSION = "session"
    """A person who signed in, for a short time."""
    TOKEN = "token"  # noqa: S105  (not a password)
    """A program."""


class Pass(msgspec.Struct, frozen=True):
    """What stands for an operator for a while. `hash` is the secret's SHA-256.

    `scopes` are the verbs a token may do; a session may do all that its operator may.
    `purpose` is the workspace's when it was made: a token made for trials opens nothing live.
    """

    hash: bytes
    operator: str
    kind: PassKind
    label: str
    scopes: tuple[str, ...]
    purpose: str
    made_at: float
    expires_at: float
