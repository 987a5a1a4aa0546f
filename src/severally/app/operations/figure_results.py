"""What `report` says about lanes, locales and time: plain structs that print as JSON."""

from __future__ import annotations

import msgspec


class Group(msgspec.Struct, frozen=True):
    """The recipients of one lane and locale.

    `accepted`: taken by the receiver, whatever came back later; `delivered`: said to lie in the
    mailbox. `bounced` by class, refusals in the dialogue (`refused`) and what was given up
    included. `half_s`, `most_s`: seconds from the start until half, and 95 %, of those accepted
    had arrived; 0.0 for none.
    """

    lane: str
    locale: str
    recipients: int
    accepted: int
    delivered: int
    deferred: int
    refused: int
    bounced: dict[str, int]
    complaints: int
    unsubscribes: int
    excluded: int
    half_s: float
    most_s: float


class Curve(msgspec.Struct, frozen=True):
    """`accepted`, `bounced`, `complaints` or `unsubscribes`: (seconds from the start, so many by
    then)."""

    what: str
    points: tuple[tuple[float, int], ...]


class Earlier(msgspec.Struct, frozen=True):
    """An earlier mailing of the notice. `at` is Unix seconds; `elapsed_s` 0.0 while it runs."""

    mailing: str
    at: float
    recipients: int
    accepted: int
    bounced: int
    complaints: int
    unsubscribes: int
    elapsed_s: float


class Figures(msgspec.Struct, frozen=True):
    """By lane and locale, over time, and beside earlier mailings of the notice, newest first."""

    groups: tuple[Group, ...]
    curves: tuple[Curve, ...]
    earlier: tuple[Earlier, ...]
