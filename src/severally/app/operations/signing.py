"""Who is acting: signed in, allowed to, and with a fresh code where it matters.

Responsible for saying no, and for that being written down. In a trial workspace whose register
is empty everything is done unsigned; a live one does nothing unsigned.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from severally.adapters.credentials import SecretBox, pass_hash, step_of
from severally.app.office import Office
from severally.model.audit import Checkpoint
from severally.model.entries import Act
from severally.model.errors import Refused, SeverallyError
from severally.model.operator import Operator, Pass, PassKind, Role

SIGN_IN = "sign in with: severally sign-in NAME"


@dataclass(frozen=True)
class Actor:
    """Who acts. `name` is empty for an unsigned act; `scopes` limit a program's token."""

    name: str = ""
    roles: tuple[Role, ...] = ()
    scopes: tuple[str, ...] | None = None

    @property
    def signed(self) -> bool:
        """Whether somebody is known to act."""
        return bool(self.name)


def act_as(office: Office, verb: str, *roles: Role, code: str | None = None) -> Actor:
    """Whoever is signed in, if one of the roles is theirs.

    `code` None means that the verb needs none; else it must be a fresh one of theirs, and it is
    used up. Raises Refused.
    """
    actor = _present(office)
    if not actor.signed:
        return actor
    if actor.scopes is not None:
        if verb not in actor.scopes:
            raise Refused(
                f"this token is not for {verb}; it is for {', '.join(actor.scopes)}: a person does "
                "this, or make another with: severally operator token"
            )
    elif code is not None:
        use_code(office, operator_named(office, actor.name), code)
    if not set(roles) & set(actor.roles):
        wanted = " or ".join(roles)
        whom = _having(office, roles)
        raise Refused(f"{verb} is for the role {wanted}, and {actor.name} has not got it; {whom}")
    return actor


def _having(office: Office, roles: Sequence[Role]) -> str:
    """Whom to ask."""
    found = [
        one.name
        for one in office.ledger.operators()
        if set(one.roles) & set(roles) and not one.disabled_at
    ]
    return f"ask {' or '.join(found)}" if found else "nobody has: severally operator add NAME"


def whoever(office: Office) -> str:
    """The name of who is signed in, for acts that nobody needs leave for; may be empty."""
    try:
        return _present(office).name
    except SeverallyError:
        return ""


def needs_code(office: Office) -> bool:
    """Whether a fresh code has to be asked for: a person acts, and the register is in use."""
    try:
        actor = _present(office)
    except Refused:
        return False  # refused in a moment, with or without
    return actor.signed and actor.scopes is None


@contextmanager
def on_record(office: Office, mailing_id: str, verb: str) -> Iterator[None]:
    """A refusal is written down before it is said; and what was done or refused is anchored."""
    try:
        yield
    except Refused as refused:
        now = office.wiring.clock.wall()
        detail = f"{verb}: {refused.what}"
        office.ledger.add_act(Act(now, mailing_id, "refused", detail, whoever(office)))
        raise
    finally:
        _anchor(office)


def _anchor(office: Office) -> None:
    seq, head = office.ledger.head()
    places = office.wiring.open_checkpoints(office.workspace, office.keys)
    places.append(Checkpoint(office.wiring.clock.wall(), seq, head.hex()))


def _present(office: Office) -> Actor:
    operators = {one.name: one for one in office.ledger.operators()}
    if not operators:
        if office.workspace.purpose == "live":
            raise Refused(
                "a live workspace is worked with by operators, and its register is empty; begin "
                "with an approver: severally operator add NAME --role approver"
            )
        return Actor()
    shown = office.wiring.sessions(office.workspace).shown()
    if not shown:
        raise Refused(f"nobody is signed in; {SIGN_IN}")
    found = _valid(office, office.ledger.find_pass(pass_hash(shown)))
    one = operators.get(found.operator)
    if one is None or one.disabled_at:
        raise Refused(f"{found.operator} is not an operator any more")
    scopes = found.scopes if found.kind is PassKind.TOKEN else None
    return Actor(one.name, one.roles, scopes)


def _valid(office: Office, found: Pass | None) -> Pass:
    if found is None:
        raise Refused(f"the session or token is not known here, or was ended; {SIGN_IN}")
    if found.expires_at <= office.wiring.clock.wall():
        raise Refused(f"the {found.kind.value} of {found.operator} has run out; {SIGN_IN}")
    if found.purpose != office.workspace.purpose:
        raise Refused(
            f"this {found.kind.value} was made for a {found.purpose} workspace, and this one is "
            f"{office.workspace.purpose}; make another"
        )
    return found


def operator_named(office: Office, name: str) -> Operator:
    """Raises Refused for nobody, and for who was disabled."""
    for one in office.ledger.operators():
        if one.name == name and not one.disabled_at:
            return one
    raise Refused(f"there is no operator {name}, or no longer; `severally operator list` names all")


@contextmanager
def trying(office: Office, one: Operator) -> Iterator[None]:
    """Passwords and codes are looked at in here. A try counts as wrong until it is left well, and
    after some wrong ones the next has to wait. Raises Refused."""
    until = office.ledger.count_try(one.name, office.wiring.clock.wall())
    if until:
        at = time.strftime("%H:%M:%S", time.gmtime(until))
        raise Refused(
            f"too many wrong passwords or codes of {one.name}, one after the other: the next is "
            f"looked at from {at} UTC on"
        )
    yield
    office.ledger.forget_tries(one.name)


def use_code(office: Office, one: Operator, code: str) -> None:
    """Check a code and use it up. Raises Refused."""
    if not code:
        raise Refused("this needs a fresh code from your authenticator: --code 123456")
    with trying(office, one):
        check_code(office, one, code)


def check_code(office: Office, one: Operator, code: str) -> None:
    """The same within `trying`."""
    secret = SecretBox(office.keys.operator_key()).open(one.name, one.salt, one.box)
    step = step_of(secret, code, office.wiring.clock.wall())
    if step is None:
        raise Refused(
            f"that is not {one.name}'s code of this minute; type the one that is shown now"
        )
    if not office.ledger.use_code(one.name, step):
        raise Refused("that code was used already; wait for the next one")
