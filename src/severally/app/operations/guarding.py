"""The drop-in guard's verbs: what is held, and what a person decides about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from severally.app.office import Office
from severally.app.operations.signing import act_as, on_record
from severally.app.stopping import told_to_end
from severally.model.entries import Act
from severally.model.operator import Role
from severally.model.submission import Submission

if TYPE_CHECKING:
    from severally.app.guarding.serving import Open

ALLOWED_S = 24 * 3600.0
"""How long a content that was released may go on without being held again."""


class HeldLine(msgspec.Struct, frozen=True):
    """One held submission. `content` is the beginning of its hash: alike ones have the same."""

    id: str
    way: str
    at: float
    letters: int
    content: str


class HeldList(msgspec.Struct, frozen=True):
    """`held list`. `letters` counts all that the guard has taken, by state; `halted` is why
    nothing is taken or sent, or empty."""

    held: tuple[HeldLine, ...]
    letters: dict[str, int]
    halted: str


class Decided(msgspec.Struct, frozen=True):
    """`held release`, `held discard`."""

    submission: str
    letters: int
    what: str


def run(
    office: Office,
    told: Callable[[str], None],
    ready: Callable[[Open], None],
    until: float | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, or until sending fails; `until` is Unix seconds."""
    from severally.app.guarding.serving import serving  # two servers, which other verbs do without

    async def serve() -> None:
        stop = told_to_end(until, office.wiring.clock.wall())
        async with serving(office, told) as where:
            ready(where)
            ended = asyncio.ensure_future(where.ended.wait())
            asked = asyncio.ensure_future(stop.wait())
            await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            asked.cancel()

    asyncio.run(serve())


def held(office: Office) -> HeldList:
    """What waits for a person, and how all letters stand."""
    return HeldList(
        tuple(map(_line, office.ledger.held())),
        {state.word: count for state, count in office.ledger.letter_counts().items()},
        office.ledger.guard_halt(),
    )


def release(office: Office, submission_id: str, code: str) -> Decided:
    """Let it go, and others of its content for a day. Raises UsageError where it is not held."""
    with on_record(office, submission_id, "release"):
        actor = act_as(office, "release", Role.APPROVER, Role.OPERATOR, code=code)
        now = office.wiring.clock.wall()
        act = Act(now, submission_id, "released", "its content may go on for a day", actor.name)
        letters = office.ledger.release(submission_id, now + ALLOWED_S, act)
    return Decided(submission_id, letters, "released")


def discard(office: Office, submission_id: str, reason: str) -> Decided:
    """Never send it. Raises UsageError where it is not held."""
    with on_record(office, submission_id, "discard"):
        actor = act_as(office, "discard", Role.APPROVER, Role.OPERATOR)
        act = Act(office.wiring.clock.wall(), submission_id, "discarded", reason, actor.name)
        letters = office.ledger.discard(submission_id, act)
    return Decided(submission_id, letters, "discarded")


def resume(office: Office) -> None:
    """The guard goes on after a halt."""
    with on_record(office, "", "resume"):
        actor = act_as(office, "resume", Role.OPERATOR, Role.APPROVER)
        act = Act(office.wiring.clock.wall(), "", "guard resumed", "", actor.name)
        office.ledger.resume_guard(act)


def _line(one: Submission) -> HeldLine:
    return HeldLine(one.id, one.way, one.at, one.count, one.content.hex()[:8])
