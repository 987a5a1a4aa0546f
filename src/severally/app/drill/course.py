"""How far a drill has come, read from the record of its mailing. Pure.

Responsible for which moments count and how long each took. It knows nothing of who does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from severally.model.entries import Act
from severally.model.staging import WAITS
from severally.model.urgency import ACKNOWLEDGED, BROKEN, REVIEWED

ALLOWED_S = 600.0
"""From the draft to the canary."""
CANARY = "canary"


class StepTime(msgspec.Struct, frozen=True):
    """One step that was reached: seconds since the drill began, and since the step before."""

    step: str
    at_s: float
    took_s: float


class DrillResult(msgspec.Struct, frozen=True):
    """`drill`. `to_canary_s`: from the beginning until the first customers; 0.0 where nobody came
    so far."""

    mailing: str
    by_hand: bool
    steps: tuple[StepTime, ...]
    to_canary_s: float

    @property
    def exit_code(self) -> int:
        """0 where the canary was reached in time, 5 where the drill was given up before."""
        return 0 if 0.0 < self.to_canary_s <= ALLOWED_S else 5


Mark = tuple[str, Callable[[Act], bool]]


def _is(what: str) -> Callable[[Act], bool]:
    return lambda act: act.what == what


def _waits_for_a_second(act: Act) -> bool:
    return act.what == WAITS and act.detail.startswith("break-glass: waits")


MARKS: tuple[Mark, ...] = (
    ("proposed", _is("proposed")),
    ("the glass broken", _is(BROKEN)),
    ("the canary rehearsed, the sentinels told", _is("canary")),
    (CANARY, _is("step 0 opened")),
    ("the first hundred told", _is("step 1 opened")),
    ("a thousand told, a second person asked", _waits_for_a_second),
    ("acknowledged", _is(ACKNOWLEDGED)),
    ("everybody told", _is("done")),
    ("reviewed", _is(REVIEWED)),
)
"""The moments in the order in which they come, each with the act that says so."""
NAMES = ("drafted", *(name for name, _ in MARKS))


def steps(began: float, drafted: float, acts: Sequence[Act]) -> tuple[StepTime, ...]:
    """What was reached, in order of time. `began` and `drafted` are Unix seconds, 0.0 for not."""
    moments = [("drafted", drafted)] if drafted else []
    moments += [(name, at) for name, reached in MARKS if (at := _first(acts, reached))]
    moments.sort(key=lambda moment: moment[1])
    before = began
    result: list[StepTime] = []
    for name, at in moments:
        result.append(
            StepTime(name, round(max(0.0, at - began), 1), round(max(0.0, at - before), 1))
        )
        before = at
    return tuple(result)


def _first(acts: Iterable[Act], reached: Callable[[Act], bool]) -> float:
    return next((act.at for act in acts if reached(act)), 0.0)


def result_of(mailing: str, by_hand: bool, reached: tuple[StepTime, ...]) -> DrillResult:
    """The drill as it stands."""
    told = next((step.at_s for step in reached if step.step == CANARY), 0.0)
    return DrillResult(mailing, by_hand, reached, told)
