"""Notices that may be sent any number of times: proposed, approved once by digest, looked up.

What is sent is what was approved, from the ledger: a changed file changes nothing until its new
version is approved too.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from severally.app.office import Office
from severally.app.operations import drafts
from severally.app.operations.fitness import identity_of
from severally.app.operations.signing import act_as, on_record
from severally.model.entries import Act
from severally.model.errors import Finding, Refused
from severally.model.mailing import Frozen
from severally.model.operator import Role
from severally.model.urgent import UrgentNotice
from severally.notice.declaration import read_declaration
from severally.ports import Ledger

REFRESH_S = 1.0


class UrgentNotices(msgspec.Struct, frozen=True):
    """`urgent list`: every version, the oldest first."""

    notices: tuple[UrgentNotice, ...]


def propose(office: Office, name: str) -> UrgentNotice:
    """Check the notice and keep this version of it. Raises Refused with every finding."""
    with on_record(office, "", f"urgent propose {name}"):
        who = act_as(office, "urgent propose", Role.AUTHOR).name
        return _proposed(office, name, who)


def _proposed(office: Office, name: str, who: str) -> UrgentNotice:
    routes = office.workspace.urgent.routes
    if not routes:
        raise Refused(
            "this workspace sends no urgent messages",
            [Finding("severally.toml", "[urgent] routes is missing", 'routes = ["main"]')],
        )
    draft = drafts.compiled(office, name)
    declared = read_declaration(drafts.folder_of(office, name), [])
    if not declared.event:
        where = declared.where("title")
        cure = 'write what triggers it: event = "password_reset"'
        raise Refused(f"{name} is no urgent notice", [Finding(where, "it has no event", cure)])
    frozen = drafts.freeze(office, draft, routes[0])
    digest = identity_of(frozen, f"urgent {declared.event} {declared.expires_s}")
    now = office.wiring.clock.wall()
    made = UrgentNotice(digest, frozen.notice.name, declared.event, declared.expires_s, now, who)
    act = Act(now, "", "urgent notice proposed", f"{made.name} {digest}", who)
    office.ledger.propose_urgent(made, frozen, act)
    return next(each for each in office.ledger.urgent_notices() if each.digest == digest)


def approve(office: Office, name: str, digest: str, code: str) -> UrgentNotice:
    """Give one's word for a version: the one whose digest begins so, else the newest.

    In a workspace where nobody signs, it is proposed on the way. Raises Refused.
    """
    with on_record(office, "", f"urgent approve {name}"):
        actor = act_as(office, "urgent approve", Role.APPROVER, code=code)
        if not actor.signed:
            _proposed(office, name, "")
        found = [
            each
            for each in office.ledger.urgent_notices()
            if each.name == name and each.digest.startswith(digest.lower())
        ]
        if not found:
            raise Refused(
                f"no such version of {name} was proposed",
                [Finding("", f"its author proposes it with: severally urgent propose {name}")],
            )
        chosen = found[-1]
        if actor.signed and actor.name == chosen.proposed_by:
            raise Refused(f"{actor.name} proposed this: somebody else has to approve it")
        now = office.wiring.clock.wall()
        act = Act(now, "", "urgent notice approved", f"{name} {chosen.digest}", actor.name)
        return office.ledger.approve_urgent(chosen.digest, act)


def listed(office: Office) -> UrgentNotices:
    """Every version."""
    return UrgentNotices(tuple(office.ledger.urgent_notices()))


class Catalogue:
    """The approved version of every notice, looked up often and read rarely."""

    def __init__(self, ledger: Ledger, monotonic: Callable[[], float]) -> None:
        self._ledger = ledger
        self._monotonic = monotonic
        self._read_at = -REFRESH_S
        self._by_name: dict[str, UrgentNotice] = {}
        self._frozen: dict[str, Frozen] = {}

    def find(self, name: str) -> tuple[UrgentNotice, Frozen] | None:
        """What is sent under this name now; None for nothing."""
        now = self._monotonic()
        if now - self._read_at >= REFRESH_S or name not in self._by_name:
            self._read_at = now
            approved = [each for each in self._ledger.urgent_notices() if each.approved_at]
            approved.sort(key=lambda each: each.approved_at)
            self._by_name = {each.name: each for each in approved}
        notice = self._by_name.get(name)
        if notice is None:
            return None
        frozen = self._frozen.get(notice.digest)
        if frozen is None:
            frozen = self._frozen[notice.digest] = self._ledger.urgent_frozen(notice.digest)
        return notice, frozen
