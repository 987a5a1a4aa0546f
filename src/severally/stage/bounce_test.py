"""The sequential test on hard bounces: is this a good send or a bad one? Pure.

Wald's sequential probability ratio test between a bounce rate that is good (0.5 %) and one
that is bad (2 %), with two corrections without which it is wrong in practice: a message whose
bounce would not be known yet counts only for the share that would (`arrival`), and bounces that
come in clumps, a dead domain at a time, count for less than independent ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from severally.stage.arrival import Curve

GOOD_RATE = 0.005
BAD_RATE = 0.02
"""Hard bounces per message: a kept list has 0.5 % or less; receivers act from 2 % on."""
ERROR = 0.01
"""Chance of halting a good send, and of passing a bad one."""
LEAST_DISPERSION = 2.0
"""Bounces are never taken to be fully independent: a few clumps that have not been met yet
would otherwise pass a clumped bad send on its first clean hundreds."""


class Verdict(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105  (not a password)
    HALT = "halt"
    UNDECIDED = "undecided"


class Group(msgspec.Struct, frozen=True):
    """Messages of one domain that were accepted or refused at about the same time.

    `age_s` since then; `bounced` of them are known to have bounced hard, in the dialogue or
    afterwards.
    """

    domain: str
    age_s: float
    count: int
    bounced: int


class Score(msgspec.Struct, frozen=True):
    """The test's figures, for people: why it decided.

    `known` is how many messages count in full (each by the share of its bounce that would be
    known by now), `bound` what the score has to pass in either direction.
    """

    verdict: Verdict
    score: float
    bound: float
    messages: int
    known: float
    bounced: int
    dispersion: float

    @property
    def rate(self) -> float:
        """Bounces per message whose bounce would be known."""
        return self.bounced / self.known if self.known else 0.0


class BounceTest(msgspec.Struct, frozen=True):
    """The test's settings."""

    good: float = GOOD_RATE
    bad: float = BAD_RATE
    error: float = ERROR
    least_known: float = 300.0

    @property
    def bound(self) -> float:
        """Of the score, for independent bounces: 4.60 at 1 % (Wald)."""
        return math.log((1 - self.error) / self.error)

    def score(self, groups: Sequence[Group], early: Curve, late: Curve) -> Score:
        """Judge what is known now.

        Nobody knows the curve of a new receiver, so there are two: bounces come no sooner than
        `early` says and no later than `late`. A send is halted if it is bad even by the early
        one, and passed if it is good even by the late one; a learned curve is both.
        """
        by_age = _by_age(groups)
        against, favour = self._sum(by_age, early), self._sum(by_age, late)
        messages = sum(count for count, _ in by_age.values())
        bounced = sum(bounced for _, bounced in by_age.values())
        known = _known(by_age, late)
        dispersion = max(LEAST_DISPERSION, _dispersion(groups, early))
        bound = self.bound * dispersion
        if against >= bound:
            verdict, score, known = Verdict.HALT, against, _known(by_age, early)
        elif favour <= -bound and known >= self.least_known:
            verdict, score = Verdict.PASS, favour
        else:
            verdict, score = Verdict.UNDECIDED, favour
        return Score(verdict, score, bound, messages, known, bounced, dispersion)

    def _sum(self, by_age: _ByAge, curve: Curve) -> float:
        """The logarithm of how much likelier a bad send makes this than a good one."""
        per_bounce = math.log(self.bad / self.good)
        total = 0.0
        for age, (count, bounced) in by_age.items():
            share = curve.at(age)
            per_clean = math.log((1 - self.bad * share) / (1 - self.good * share))
            total += bounced * per_bounce + (count - bounced) * per_clean
        return total


_ByAge = Mapping[float, tuple[int, int]]
"""Age in seconds -> (messages, bounced)."""


def _by_age(groups: Sequence[Group]) -> _ByAge:
    sums: dict[float, tuple[int, int]] = {}
    for group in groups:
        count, bounced = sums.get(group.age_s, (0, 0))
        sums[group.age_s] = (count + group.count, bounced + group.bounced)
    return sums


def _known(by_age: _ByAge, curve: Curve) -> float:
    """How many count in full: a bounce does, a silence by its age."""
    return sum(b + (count - b) * curve.at(age) for age, (count, b) in by_age.items())


def _dispersion(groups: Sequence[Group], curve: Curve) -> float:
    """How much more bounces vary between domains than independent ones would (1.0 = not at
    all): the Pearson statistic of the domains' sums, weighted by size."""
    shares = {age: curve.at(age) for age in {group.age_s for group in groups}}
    exposed: dict[str, float] = {}
    bounced: dict[str, int] = {}
    for group in groups:
        known = group.bounced + (group.count - group.bounced) * shares[group.age_s]
        exposed[group.domain] = exposed.get(group.domain, 0.0) + known
        bounced[group.domain] = bounced.get(group.domain, 0) + group.bounced
    return _pearson(exposed, bounced)


def _pearson(exposed: Mapping[str, float], bounced: Mapping[str, int]) -> float:
    everything, all_bounced = sum(exposed.values()), sum(bounced.values())
    if not all_bounced or all_bounced >= everything:
        return 1.0
    rate = all_bounced / everything
    spread = sum((bounced[domain] - exposed[domain] * rate) ** 2 for domain in exposed)
    return spread / (everything * rate * (1 - rate))
