"""How late bounces come: the share of them that is known at a given age. Pure.

Most receivers refuse an unknown user while the message is handed over; some accept first and
send a report minutes or hours later. A test that forgets the second kind counts silence as
health: with 80 % of bounces late by two hours on average it passes 78 % of bad sends.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

LATE_SHARE = 0.8
LATE_MEAN_S = 2 * 3600.0
"""What is assumed of receivers nobody has heard from yet: the worst that was measured."""
_LEAST_LEARNED = 50
"""Bounces below which a learned curve is not trusted (a share is then known to +-14 %)."""
_POINTS = 32


class Curve(msgspec.Struct, frozen=True):
    """`ages` (seconds, rising) and the share of all bounces known by then (0 to 1, rising).

    Between two points the share is interpolated; after the last it is the last.
    """

    ages: tuple[float, ...]
    shares: tuple[float, ...]

    def at(self, age_s: float) -> float:
        """The share of a message's possible bounce that would be known by now."""
        if age_s < self.ages[0]:
            return 0.0
        after = bisect_right(self.ages, age_s)
        if after == len(self.ages):
            return self.shares[-1]
        left, right = self.ages[after - 1], self.ages[after]
        part = (age_s - left) / (right - left)
        return self.shares[after - 1] + part * (self.shares[after] - self.shares[after - 1])

    def age_of(self, share: float) -> float:
        """When that share is known, in seconds; infinite where it never is."""
        for age, known in zip(self.ages, self.shares, strict=True):
            if known >= share:
                return age
        return math.inf


AT_ONCE = Curve((0.0,), (1.0,))
"""Every bounce in the dialogue: the earliest that can be assumed."""


def assumed(late_share: float = LATE_SHARE, late_mean_s: float = LATE_MEAN_S) -> Curve:
    """At once but for `late_share`, which comes after an exponential time."""
    ages = [0.0, *(late_mean_s * 6 * (i / _POINTS) ** 2 for i in range(1, _POINTS + 1))]
    shares = [1 - late_share * math.exp(-age / late_mean_s) for age in ages]
    return Curve(tuple(ages), tuple(shares))


def learned(ages_s: Sequence[float], assumed_curve: Curve | None = None) -> Curve:
    """The curve of earlier bounces' ages; the assumed one while there are too few.

    The ages have to come from mailings old enough to have heard everything: a fresh one would
    teach that bounces are always early.
    """
    if len(ages_s) < _LEAST_LEARNED:
        return assumed_curve or assumed()
    ordered = sorted(max(0.0, age) for age in ages_s)
    count = len(ordered)
    picks = sorted({round(i * (count - 1) / _POINTS) for i in range(_POINTS + 1)})
    points: dict[float, float] = {}
    for pick in picks:
        points[ordered[pick]] = (pick + 1) / (count + 1)
    at_once = sum(age <= 1.0 for age in ordered) / (count + 1)
    points[0.0] = max(points.get(0.0, 0.0), at_once)
    ages = sorted(points)
    return Curve(tuple(ages), tuple(points[age] for age in ages))
