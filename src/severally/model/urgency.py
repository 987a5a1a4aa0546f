"""Breaking the glass: one person, now, with a reason; what it still owes.

Pure: everything is read from the acts of the record, so nothing of it can be forged that the
record would not show.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from severally.model.entries import Act
from severally.model.mailing import MailingState

MOST = 1_000
"""Recipients until a second person acknowledges it."""
LASTS_S = 3_600.0
REVIEW_S = 24 * 3_600.0
BROKEN, ACKNOWLEDGED, REVIEWED = "break-glass", "acknowledged", "reviewed"
"""What the acts are called."""
_UNSIGNED = "somebody"


class Urgency(msgspec.Struct, frozen=True):
    """One use. `acknowledged` and `reviewed` name who did, empty for nobody yet. A halt ends it
    (`over`): what goes on after one was approved."""

    mailing: str
    who: str
    at: float
    why: str
    acknowledged: str = ""
    reviewed: str = ""
    over: bool = False

    def holds(self, now: float) -> bool:
        """Whether people and waiting are skipped."""
        return not self.over and now < self.at + LASTS_S

    def expired(self, now: float) -> bool:
        """Whether it ran out before a second person stood by it."""
        return not self.over and not self.acknowledged and now >= self.at + LASTS_S

    def most(self) -> int | None:
        """How many may be told; None for everybody."""
        return None if self.over or self.acknowledged else MOST

    @property
    def due(self) -> float:
        """When its review is owed (Unix seconds)."""
        return self.at + REVIEW_S


def urgency_of(acts: Iterable[Act]) -> Urgency | None:
    """The last use in the acts of a mailing; None where the glass is whole."""
    found: Urgency | None = None
    for act in acts:
        if act.what == BROKEN:
            found = Urgency(act.mailing, act.who, act.at, act.detail)
        elif found and act.what == ACKNOWLEDGED:
            found = msgspec.structs.replace(found, acknowledged=act.who or _UNSIGNED)
        elif found and act.what == REVIEWED:
            found = msgspec.structs.replace(found, reviewed=act.who or _UNSIGNED)
        elif found and act.what == MailingState.HALTED.value:
            found = msgspec.structs.replace(found, over=True)
    return found
