"""A gate: may the mailing go on to its next step? Pure.

Responsible for the one answer out of all that was observed, and for saying why in figures.
Missing data is never a pass: what is not known yet waits, what stays unknown goes to a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from severally.stage.arrival import Curve
from severally.stage.bounce_test import BounceTest, Group, Score, Verdict

SMALL_AUDIENCE = 600
"""Below this the bounce test cannot tell 0.5 % from 2 % (462 to 782 messages are needed)."""
COMPLAINTS_HALT = 0.003
COMPLAINTS_ASK = 0.001
"""Gmail acts above 0.3 %, SES reviews a sender at 0.1 %."""
_FEWEST_COMPLAINTS = 3
REFUSALS_HALT = 0.05
REFUSING_LANES = 3
"""Policy refusals above 5 % at three receivers or more are about us, not about them."""
DEFERRAL_BURST = 0.5
_FEWEST_ATTEMPTS = 50


class Answer(StrEnum):
    """What becomes of the mailing at the gate."""

    PASS = "pass"  # noqa: S105  (not a password)
    HALT = "halt"
    WAIT = "wait"
    """More has to be heard; the next step trickles or stands still until then."""
    PERSON = "person"
    """The figures do not decide it."""


class Arrived(StrEnum):
    """What became of one sentinel's message."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"
    """Nothing arrived, or something of it is not known yet."""


class SentinelSeen(msgspec.Struct, frozen=True):
    """One sentinel mailbox. `why` says what is wrong with what arrived; `folder` where it lies,
    `after_s` how long it took."""

    mailbox: str
    route: str
    locale: str
    arrived: Arrived
    why: str = ""
    folder: str = ""
    after_s: float = 0.0


class LaneSeen(msgspec.Struct, frozen=True):
    """One lane since the mailing began. `groups` are for the bounce test; `blocked` are
    refusals that are about the sender; `deferred` attempts that were put off."""

    groups: tuple[Group, ...]
    attempts: int = 0
    deferred: int = 0
    blocked: int = 0


class Evidence(msgspec.Struct, frozen=True):
    """All that is known at the gate.

    `waited_s` since the last message of the step left. `channel_proven`: a message that must
    bounce has been heard of, so that silence means something; None where none was sent, because
    everything of interest is said in the dialogue.
    """

    audience: int
    lanes: Mapping[str, LaneSeen]
    sentinels: Sequence[SentinelSeen] = ()
    guard_refused: int = 0
    complaints: int = 0
    waited_s: float = 0.0
    channel_proven: bool | None = None


class Reason(msgspec.Struct, frozen=True):
    """One check's answer, in words with its figures; no recipient's data."""

    check: str
    answer: Answer
    words: str


class Decision(msgspec.Struct, frozen=True):
    """The gate's answer and every check's."""

    answer: Answer
    reasons: tuple[Reason, ...]
    bounces: Score


class Gate(msgspec.Struct, frozen=True):
    """Settings. `patience_s`: how long missing data is waited for before a person is asked."""

    bounces: BounceTest = BounceTest()
    patience_s: float = 6 * 3600.0
    sentinel_patience_s: float = 900.0

    def decide(self, seen: Evidence, early: Curve, late: Curve) -> Decision:
        """The worst answer of all checks; `early` and `late` as in `BounceTest.score`."""
        groups = [group for lane in seen.lanes.values() for group in lane.groups]
        score = self.bounces.score(groups, early, late)
        reasons = (
            *self._guard(seen),
            *self.sentinels(seen.sentinels, seen.waited_s),
            *self._overall(seen, score),
            *self._per_lane(seen, early, late),
            *self._complaints(seen),
            *self._refusals(seen),
            *self._deferrals(seen),
        )
        answer = max((reason.answer for reason in reasons), key=_SEVERITY.index)
        return Decision(answer, reasons, score)

    def _guard(self, seen: Evidence) -> Iterator[Reason]:
        if seen.guard_refused:
            words = f"the guard refused {seen.guard_refused:,} messages"
            yield Reason("guard", Answer.HALT, words)

    def sentinels(self, seen: Sequence[SentinelSeen], waited_s: float) -> tuple[Reason, ...]:
        """What keeps the mailing from going on: wrong, or missing for `waited_s` seconds."""
        reasons: list[Reason] = []
        for each in seen:
            place = f"{each.mailbox} ({each.route}, {each.locale})"
            if each.arrived is Arrived.WRONG:
                reasons.append(Reason("sentinel", Answer.HALT, f"{place}: {each.why}"))
            elif each.arrived is Arrived.MISSING:
                late = waited_s > self.sentinel_patience_s
                answer = Answer.PERSON if late else Answer.WAIT
                words = each.why or "nothing arrived yet"
                reasons.append(Reason("sentinel", answer, f"{place}: {words}"))
        return tuple(reasons)

    def _overall(self, seen: Evidence, score: Score) -> Iterator[Reason]:
        words = (
            f"{score.bounced:,} hard bounces of {score.messages:,} ({score.known:,.0f} known in "
            f"full, {score.rate:.2%}); score {score.score:+.2f}, bound ±{score.bound:.2f}"
        )
        if score.verdict is Verdict.HALT:
            yield Reason("bounces", Answer.HALT, words)
        elif seen.channel_proven is False:
            yield Reason("bounces", self._late(seen), f"{words}; no bounce has been heard at all")
        elif seen.audience < SMALL_AUDIENCE:
            words += f"; an audience under {SMALL_AUDIENCE} is too small to tell by"
            yield Reason("bounces", Answer.PERSON, words)
        elif score.verdict is Verdict.PASS:
            yield Reason("bounces", Answer.PASS, words)
        else:
            yield Reason("bounces", self._late(seen), words)

    def _late(self, seen: Evidence) -> Answer:
        return Answer.PERSON if seen.waited_s > self.patience_s else Answer.WAIT

    def _per_lane(self, seen: Evidence, early: Curve, late: Curve) -> Iterator[Reason]:
        """A lane can halt the mailing, not let it pass; the error is shared among them."""
        if len(seen.lanes) < 2:
            return
        share = msgspec.structs.replace(self.bounces, error=self.bounces.error / len(seen.lanes))
        for name, lane in seen.lanes.items():
            score = share.score(lane.groups, early, late)
            if score.verdict is Verdict.HALT:
                words = f"{name}: {score.bounced:,} hard bounces of {score.messages:,}"
                yield Reason("bounces of a lane", Answer.HALT, words)

    def _complaints(self, seen: Evidence) -> Iterator[Reason]:
        messages = sum(group.count for lane in seen.lanes.values() for group in lane.groups)
        if seen.complaints < _FEWEST_COMPLAINTS or not messages:
            return
        rate = seen.complaints / messages
        words = f"{seen.complaints:,} complaints of {messages:,} ({rate:.2%})"
        if rate > COMPLAINTS_HALT:
            yield Reason("complaints", Answer.HALT, words)
        elif rate > COMPLAINTS_ASK:
            yield Reason("complaints", Answer.PERSON, words)

    def _refusals(self, seen: Evidence) -> Iterator[Reason]:
        refusing = [
            name
            for name, lane in seen.lanes.items()
            if lane.attempts >= _FEWEST_ATTEMPTS and lane.blocked > lane.attempts * REFUSALS_HALT
        ]
        if not refusing:
            return
        halt = len(refusing) >= min(REFUSING_LANES, len(seen.lanes))
        words = f"refused for what we are, not for whom: {', '.join(refusing)}"
        yield Reason("refusals", Answer.HALT if halt else Answer.PERSON, words)

    def _deferrals(self, seen: Evidence) -> Iterator[Reason]:
        bursting = [
            name
            for name, lane in seen.lanes.items()
            if lane.attempts >= _FEWEST_ATTEMPTS and lane.deferred > lane.attempts * DEFERRAL_BURST
        ]
        if bursting:
            words = f"most attempts are put off: {', '.join(bursting)}"
            yield Reason("deferrals", self._late(seen), words)


_SEVERITY = (Answer.PASS, Answer.WAIT, Answer.PERSON, Answer.HALT)
