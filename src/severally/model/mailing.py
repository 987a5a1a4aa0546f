"""A mailing: one notice going to one audience, and the states it goes through."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from severally.model.notice import Notice
from severally.model.proposal import Proposal
from severally.model.schedule import Schedule
from severally.model.sender import Sender
from severally.model.staging import StagingPlan
from severally.model.stencil import Stencil

SENTINELS = ".s"
"""At the end of the id of every small mailing to sentinels."""


def sentinels_of(mailing: str, halt_epoch: int) -> str:
    """The id of the mailing to a mailing's sentinels, who are told anew after each halt."""
    return f"{mailing}.{halt_epoch}{SENTINELS}" if halt_epoch else f"{mailing}{SENTINELS}"


def is_to_sentinels_of(other: str, mailing: str) -> bool:
    """Whether `other` is the id of one of them."""
    return other.startswith(f"{mailing}.") and other.endswith(SENTINELS)


class MailingState(StrEnum):
    """Where a mailing stands."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REHEARSED = "rehearsed"
    CANARY = "canary"
    RAMPING = "ramping"
    SENDING = "sending"
    DONE = "done"
    HALTED = "halted"
    VOID = "void"
    CANCELLED = "cancelled"


_S = MailingState
_LIVE = frozenset({_S.REHEARSED, _S.CANARY, _S.RAMPING, _S.SENDING})
_ENDS = frozenset({_S.VOID, _S.CANCELLED})

TRANSITIONS: dict[MailingState, frozenset[MailingState]] = {
    # a trial mailing may go straight to sending
    _S.DRAFT: frozenset({_S.PROPOSED, _S.SENDING}) | _ENDS,
    # broken glass skips the approval, and nothing else
    _S.PROPOSED: frozenset({_S.APPROVED, _S.REHEARSED}) | _ENDS,
    _S.APPROVED: frozenset({_S.REHEARSED}) | _ENDS,
    _S.REHEARSED: frozenset({_S.CANARY, _S.HALTED}) | _ENDS,
    _S.CANARY: frozenset({_S.RAMPING, _S.HALTED}) | _ENDS,
    _S.RAMPING: frozenset({_S.SENDING, _S.HALTED}) | _ENDS,
    _S.SENDING: frozenset({_S.DONE, _S.HALTED}) | _ENDS,
    _S.HALTED: _LIVE | _ENDS,
    _S.DONE: frozenset(),
    _S.VOID: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""Every legal step of a mailing."""


class Frozen(msgspec.Struct, frozen=True):
    """All that decides what people get, fixed when the mailing is made; kept in the ledger.

    With a recipient, a ticket and the private keys named in `sender.dkim` it gives the
    bytes of a message. `route` is the name of the way out. A mailing that is not staged (in a
    trial workspace) has neither staging plan nor proposal. `schedule` is UNSET without times.
    """

    notice: Notice
    sender: Sender
    stencils: dict[str, Stencil]
    route: str
    staging: StagingPlan | None = None
    proposal: Proposal | None = None
    schedule: Schedule | msgspec.UnsetType = msgspec.UNSET

    @property
    def times(self) -> Schedule:
        """When it may leave."""
        return Schedule() if self.schedule is msgspec.UNSET else self.schedule


class Audience(msgspec.Struct, frozen=True):
    """A frozen list of recipients.

    `root` is the SHA-256 over the leaves in order (hex). `content` is a keyed hash of the
    rows that does not depend on their order or salts: the same file read twice has the same.
    `locales` counts recipients by locale.
    """

    id: str
    name: str
    count: int
    root: str
    content: str
    locales: dict[str, int] = {}


class Cohort(msgspec.Struct, frozen=True):
    """Recipients that pacing counts together: within one mailing, one receiver group, one step of
    the ramp (0 is the first) and, where it has sending windows, one time zone.

    Deliveries are numbered so that a cohort is the range `first..last`, both included.
    """

    id: int
    mailing: str
    receiver: str
    first: int
    last: int
    step: int = 0
    zone: str = ""

    @property
    def count(self) -> int:
        """How many deliveries the range holds."""
        return self.last - self.first + 1


class Mailing(msgspec.Struct, frozen=True):
    """What the ledger knows of a mailing. Times are Unix seconds; 0.0 means not yet.

    `step` is the last step of its ramp that may leave; -1 for none yet.
    """

    id: str
    notice: str
    audience: str
    count: int
    digest: str
    state: MailingState
    route: str
    halt_epoch: int = 0
    created_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    estimate_s: float = 0.0
    reason: str = ""
    step: int = 0
