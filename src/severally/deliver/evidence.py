"""What the ledger saw, as the evidence that a gate judges. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from severally.model.delivery import DeliveryState
from severally.model.observed import Seen
from severally.stage.bounce_test import Group
from severally.stage.gates import Evidence, LaneSeen

_S = DeliveryState
_WELL = frozenset({_S.ACCEPTED, _S.DELIVERED, _S.COMPLAINED})
_BAD = frozenset({_S.REFUSED, _S.BOUNCED})


def evidence_of(
    seen: Sequence[Seen],
    audience: int,
    lanes: Mapping[str, str],
    guard_refused: int,
    hard: Callable[[str], bool],
) -> Evidence:
    """`lanes` maps receiver groups to lanes; `hard` says of a reply rule that it means an
    address nobody can be reached at, not something about us.

    What is in doubt is neither: it counts as an attempt and not as a message.
    """
    by_lane: dict[str, list[Seen]] = {}
    for each in seen:
        by_lane.setdefault(lanes[each.receiver], []).append(each)
    complaints = sum(each.count for each in seen if each.state is _S.COMPLAINED)
    return Evidence(
        audience,
        {lane: _lane(found, hard) for lane, found in by_lane.items()},
        guard_refused=guard_refused,
        complaints=complaints,
        waited_s=min((each.age_s for each in seen), default=0.0),
    )


def _lane(seen: Sequence[Seen], hard: Callable[[str], bool]) -> LaneSeen:
    groups: list[Group] = []
    deferred = blocked = 0
    for each in seen:
        if each.state in _WELL:
            groups.append(Group(each.receiver, each.age_s, each.count, 0))
        elif each.state in _BAD and hard(each.rule):
            groups.append(Group(each.receiver, each.age_s, each.count, each.count))
        elif each.state in _BAD:
            blocked += each.count
        elif each.state is _S.DEFERRED:
            deferred += each.count
    return LaneSeen(tuple(groups), sum(each.count for each in seen), deferred, blocked)
