"""The register of operators: `operator add|list|disable|token`, `sign-in`, `sign-out`."""

from __future__ import annotations

import re
from pathlib import Path

from severally.adapters.credentials import (
    SecretBox,
    enrolment,
    hashed,
    matches,
    new_pass,
    new_secret,
    pass_hash,
)
from severally.app.office import Office
from severally.app.operations.register_results import (
    OperatorAdded,
    OperatorDisabled,
    OperatorLine,
    OperatorList,
    SignedIn,
    SignedOut,
    TokenMade,
)
from severally.app.operations.signing import (
    act_as,
    check_code,
    on_record,
    operator_named,
    trying,
)
from severally.model.entries import Act
from severally.model.errors import Refused, UsageError
from severally.model.operator import Operator, Pass, PassKind, Role

SESSION_S = 3_600.0
"""How long a sign-in lasts."""
SCOPES = ("propose", "send", "halt", "decide")
"""The verbs a program may do. Approving and breaking the glass are for people."""
_LEAST_PASSWORD = 12
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
_LONGEST_TOKEN_S = 366 * 86_400.0


def add(
    office: Office, name: str, roles: tuple[str, ...], password: str, code: str
) -> OperatorAdded:
    """Enter somebody. The secret of their codes is shown this once.

    The first is an approver, and from then on an approver enters the others, with a code.
    Raises Refused for one person under two names, as far as a credential shows it.
    """
    wanted = _roles(roles)
    _fit_name(name)
    with on_record(office, "", f"operator add {name}"):
        who = _may_register(office, "operator add", wanted, code)
        _fit(office, password)
        now, secret = office.wiring.clock.wall(), new_secret()
        salt, box = SecretBox(office.keys.operator_key()).seal(name, secret)
        made = Operator(name, wanted, hashed(password), salt, box, added_at=now)
        detail = f"{name}: {', '.join(wanted)}"
        office.ledger.add_operator(made, Act(now, "", "operator added", detail, who))
    return OperatorAdded(name, wanted, secret, enrolment(secret, name, office.workspace.root.name))


def _roles(names: tuple[str, ...]) -> tuple[Role, ...]:
    try:
        roles = tuple(sorted({Role(name) for name in names}))
    except ValueError as error:
        raise UsageError(f"{error}; roles are {', '.join(Role)}") from None
    if not roles:
        raise UsageError(f"name a role: --role, one of {', '.join(Role)}")
    return roles


def _may_register(office: Office, verb: str, roles: tuple[Role, ...], code: str) -> str:
    if office.ledger.operators():
        return act_as(office, verb, Role.APPROVER, code=code).name
    if Role.APPROVER not in roles:
        raise Refused(
            "the first operator is an approver, who then enters the others: --role approver"
        )
    return ""


def _fit_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError("an operator's name is made of a-z, 0-9, '.', '_' and '-', 32 at most")


def _fit(office: Office, password: str) -> None:
    if len(password) < _LEAST_PASSWORD:
        raise UsageError(f"a password has {_LEAST_PASSWORD} characters at least")
    for one in office.ledger.operators():
        if matches(one.password, password):
            raise Refused(
                f"this is the credential of {one.name}: two names with one credential would be "
                "one person approving their own work"
            )


def listed(office: Office) -> OperatorList:
    """Everybody who was ever entered."""
    return OperatorList(
        tuple(
            OperatorLine(one.name, one.roles, one.added_at, one.disabled_at)
            for one in office.ledger.operators()
        )
    )


def disable(office: Office, name: str, code: str) -> OperatorDisabled:
    """End somebody's part, with every session and token of theirs."""
    _fit_name(name)
    with on_record(office, "", f"operator disable {name}"):
        who = act_as(office, "operator disable", Role.APPROVER, code=code).name
        one = operator_named(office, name)
        others = [each for each in office.ledger.operators() if each.name != name]
        if Role.APPROVER in one.roles and not any(map(_approves, others)):
            raise Refused(f"{name} is the last approver; enter another one first")
        now = office.wiring.clock.wall()
        office.ledger.disable_operator(name, Act(now, "", "operator disabled", name, who))
    return OperatorDisabled(name)


def _approves(one: Operator) -> bool:
    return Role.APPROVER in one.roles and not one.disabled_at


def token(
    office: Office, label: str, scopes: tuple[str, ...], lasts_s: float, code: str
) -> TokenMade:
    """A token for a program that acts in the name of who is signed in. Shown this once."""
    with on_record(office, "", "operator token"):
        actor = act_as(office, "operator token", *Role, code=code)
        if not actor.signed:
            raise Refused(
                "a token stands for an operator, and there is none yet: severally operator add"
            )
        if not scopes or set(scopes) - set(SCOPES):
            raise UsageError(f"name what it may do: --scope, one of {', '.join(SCOPES)}")
        if lasts_s > _LONGEST_TOKEN_S:
            raise UsageError("a token lasts a year at most")
        made, shown = _make(office, actor.name, PassKind.TOKEN, label, scopes, lasts_s)
        detail = f"{label}: {', '.join(scopes)}"
        office.ledger.add_pass(made, Act(made.made_at, "", "token made", detail, actor.name))
    return TokenMade(actor.name, label, scopes, made.expires_at, shown)


def sign_in(office: Office, name: str, password: str, code: str) -> SignedIn:
    """Begin a session of an hour. Raises Refused."""
    _fit_name(name)
    with on_record(office, "", f"sign-in {name}"):
        one = operator_named(office, name)
        with trying(office, one):
            if not matches(one.password, password):
                raise Refused(f"that is not the password of {name}")
            check_code(office, one, code)
        made, secret = _make(office, name, PassKind.SESSION, "", (), SESSION_S)
        office.ledger.add_pass(made, Act(made.made_at, "", "signed in", "", name))
    session = office.wiring.sessions(office.workspace)
    session.keep(secret)
    return SignedIn(name, one.roles, made.expires_at)


def sign_out(office: Office) -> SignedOut:
    """End the session."""
    session = office.wiring.sessions(office.workspace)
    found = office.ledger.find_pass(pass_hash(session.shown()))
    session.forget()
    name = found.operator if found and found.kind is PassKind.SESSION else ""
    if found and name:
        now = office.wiring.clock.wall()
        office.ledger.drop_pass(found.hash, Act(now, "", "signed out", "", name))
    return SignedOut(name)


def _make(
    office: Office, name: str, kind: PassKind, label: str, scopes: tuple[str, ...], lasts_s: float
) -> tuple[Pass, str]:
    purpose, now = office.workspace.purpose, office.wiring.clock.wall()
    secret = new_pass(kind, purpose)
    made = Pass(pass_hash(secret), name, kind, label, scopes, purpose, now, now + lasts_s)
    return made, secret


def password_in(file: Path) -> str:
    """The first line of a file for its owner's eyes. Raises UsageError."""
    try:
        if file.stat().st_mode & 0o077:
            raise UsageError(f"{file} can be read by others; run: chmod 600 {file}")
        return file.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file} cannot be read; write the password into it") from None
