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
    before it (RFC 6238 5.2). Times are Unix seconds; `disabled_at` 0.0 means not.
    """

    name: str
    roles: tuple[Role, ...]
    password: str
    salt: bytes
    box: bytes
    step: int = 0
    added_at: float = 0.0
    disabled_at: float = 0.0


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
