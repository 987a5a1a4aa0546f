"""How a mailing is staged: its steps, its gates, and the sentinels that go before everybody."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from severally.model.entries import Act


class Step(msgspec.Struct, frozen=True):
    """One step. `count` messages; `gate` says that a gate must pass before it may leave.

    A step without a gate follows the one before it while that one's gate is undecided: the
    canary's hundreds, and the trickle at canary rate.
    """

    name: str
    count: int
    gate: bool


class Sentinel(msgspec.Struct, frozen=True):
    """A mailbox of ours that is told first, as a customer of this locale would be, and read
    back. `name` stands in reports; the address does not."""

    name: str
    address: str
    locale: str


class StagingPlan(msgspec.Struct, frozen=True):
    """What the approvers approve: the steps in order, and how long missing data is waited for.

    `patience_s` for bounces, `sentinel_patience_s` for sentinels, then a person is asked.
    `trickle_s` lies between the chunks that leave while a gate is undecided. `follow_links`: the
    links of what arrived are followed.
    """

    steps: tuple[Step, ...]
    sentinels: tuple[Sentinel, ...] = ()
    patience_s: float = 6 * 3600.0
    sentinel_patience_s: float = 900.0
    trickle_s: float = 600.0
    follow_links: bool = False


NO_STEP = -1
"""Before the first, and while sentinels are told anew: what is decided then is about them."""
DECIDED, HALTED, WAITS, SEEN = "decided", "halted", "waits", "sentinels"
"""What the acts are called."""


def decided_to_pass(acts: Iterable[Act], step: int) -> bool:
    """Whether a person let the mailing go on beyond this step, since it was last halted."""
    passed = False
    for act in acts:
        if act.what == HALTED:
            passed = False
        elif act.what == DECIDED:
            passed = act.detail.startswith(f"pass at step {step}:")
    return passed


def waits_for(acts: Iterable[Act]) -> str:
    """What the mailing waits for, in words with figures; empty where it goes on."""
    waiting = ""
    for act in acts:
        if act.what == WAITS:
            waiting = act.detail
        elif act.what in (HALTED, DECIDED, SEEN) or act.what.startswith("step "):
            waiting = ""
    return waiting


def asks_a_person(acts: Iterable[Act]) -> str:
    """What a person is asked to decide, in words; empty where nothing waits for one."""
    waiting = waits_for(acts)
    return waiting if ": person:" in waiting else ""
