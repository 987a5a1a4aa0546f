"""What both ledgers must agree on about urgent messages: caps, floods, first states. Pure."""

from __future__ import annotations

from collections.abc import Callable

from severally.model.delivery import DeliveryState
from severally.model.errors import UsageError
from severally.model.urgent import Caps, Happening, Urgent, shown

_D = DeliveryState
HOUR_S, MINUTE_S = 3600.0, 60.0
NOT_TOLD = (_D.WITHDRAWN, _D.EXCLUDED)
"""The states that do not count towards a flood: nobody was told."""


def capped(
    caps: Caps,
    urgent: Urgent,
    of_person: Callable[[float], int],
    of_event: Callable[[float], int],
) -> str:
    """Why this one is not accepted, or empty. The callables count since a moment."""
    if caps.barred:
        return caps.barred
    now = urgent.accepted_at
    if caps.per_person and not urgent.exempt and of_person(now - HOUR_S) >= caps.per_person:
        return f"more than {caps.per_person} messages to one person in an hour"
    if caps.per_event and of_event(now - MINUTE_S) >= caps.per_event:
        return f"more than {caps.per_event:,} messages of {urgent.event} in a minute"
    return ""


def first_state(caps: Caps, urgent: Urgent, recent: int, claimed: bool) -> DeliveryState:
    """The state of a new message; `recent` of its event went to its person within the window."""
    if recent >= caps.few:
        return _D.HELD
    return _D.CLAIMED if claimed and urgent.due <= urgent.accepted_at else _D.READY


def accepted(now: float, state: DeliveryState) -> Happening:
    """The first thing that happens to a message."""
    if state is _D.HELD:
        return Happening(now, "held", text="many of one kind in a short time: told in one message")
    return Happening(now, "accepted")


def crashed(now: float, route: str) -> Happening:
    """The sending process ended while the message was on its way."""
    return Happening(now, "in_doubt", route, "the sending process ended; it is sent again")


def folded(now: float, into: int) -> Happening:
    """Another message tells of this one too."""
    return Happening(now, "withdrawn", text=f"told together with others in {shown(into)}")


def stands_for(now: float, others: int) -> Happening:
    """This message tells of others too."""
    return Happening(now, "released", text=f"tells of {others + 1:,} together")


def no_notice(digest: str) -> UsageError:
    """Nothing has this digest."""
    return UsageError(f"there is no urgent notice with the digest {digest[:12]}")


def no_key(key_id: str) -> UsageError:
    """Nothing has this id."""
    return UsageError(f"there is no key {key_id!r}; severally key list shows them")
