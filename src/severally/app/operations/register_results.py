"""What the verbs of the register answer with. A secret stands only where it is shown once."""

from __future__ import annotations

import msgspec

from severally.model.operator import Role


class OperatorAdded(msgspec.Struct, frozen=True):
    """`operator add`. `secret` and `enrolment` are shown this once, for the authenticator."""

    name: str
    roles: tuple[Role, ...]
    secret: str
    enrolment: str


class OperatorLine(msgspec.Struct, frozen=True):
    """One line of `operator list`. Times are Unix seconds; `disabled_at` 0.0 means not."""

    name: str
    roles: tuple[Role, ...]
    added_at: float
    disabled_at: float


class OperatorList(msgspec.Struct, frozen=True):
    """`operator list`."""

    operators: tuple[OperatorLine, ...]


class OperatorDisabled(msgspec.Struct, frozen=True):
    """`operator disable`."""

    name: str


class TokenMade(msgspec.Struct, frozen=True):
    """`operator token`. `token` is shown this once."""

    operator: str
    label: str
    scopes: tuple[str, ...]
    expires_at: float
    token: str


class SignedIn(msgspec.Struct, frozen=True):
    """`sign-in`."""

    name: str
    roles: tuple[Role, ...]
    expires_at: float


class SignedOut(msgspec.Struct, frozen=True):
    """`sign-out`; `name` is empty where nobody was signed in."""

    name: str
