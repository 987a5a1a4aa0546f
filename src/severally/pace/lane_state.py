"""What pacing knows of one lane and one route: slots, what is in flight, holds and probes."""

from __future__ import annotations

import math
from collections import OrderedDict, deque

from severally.model.lane import Lane, Limits
from severally.model.outcome import Action, Verdict
from severally.pace.governor import Governor
from severally.pace.limiter import Limiter, spacing_of

_SERVICE_S = 0.5
"""How long a message is taken to be in flight before any has been seen to end."""
_FORGET = 0.95
"""Weight that what was seen before keeps with every message that ends."""


class RouteState:
    """A route's own limits, shared by its lanes."""

    def __init__(self, limits: Limits, jitter_s: float, run: int, in_flight: int) -> None:
        self.limiter = Limiter(spacing_of(limits.rate, jitter_s))
        self.left = -math.inf
        self.turn: deque[LaneState] = deque()
        self.in_flight = 0
        self.batch = limits.batch or 0
        if limits.rate and self.batch:
            self.batch = min(self.batch, limits.rate.count)
        per_connection = self.batch or (1 if limits.rate else run)
        most = limits.connections * per_connection if limits.connections else 1_000_000_000
        self._most = min(most, max(in_flight, self.batch))

    @property
    def spacing(self) -> float:
        """Seconds between slots of the route, 0.0 without a limit."""
        return self.limiter.spacing

    def room(self) -> int:
        """How many more may be in flight."""
        return self._most - self.in_flight

    def can_go(self, now: float, horizon: float) -> bool:
        """Whether anything may be granted on it up to the horizon."""
        return self.in_flight < self._most and self.limiter.first(now) <= horizon

    def ready_at(self, now: float) -> float:
        """When the route's next slot is."""
        return self.limiter.first(now)


class LaneState:
    """One lane. Times are seconds of the clock that is passed in. `batch`: messages that leave
    in one request, 0 where each is handed over by itself.

    `each`: messages that one of its counts stands for; 1 wherever mail is sent. A plan of
    many moves more at a time, and then a slot of the lane is so many of the route's.
    """

    def __init__(self, lane: Lane, route: RouteState, jitter_s: float, each: float = 1.0) -> None:
        self.key = lane.key
        self.route = route
        self.each = each
        self.in_flight = 0
        self.waiting = 0
        self.queued = False
        self.later = False
        self._limits = lane.limits
        self.batch = route.batch
        if self.batch and lane.limits.rate:
            self.batch = min(self.batch, lane.limits.rate.count)
        self.reserve = 0
        self._left = -math.inf
        self._area = _SERVICE_S
        self._ended = 1.0
        self._since = 0.0
        self._limiter = Limiter(spacing_of(lane.limits.rate, jitter_s) * each)
        self._cohorts: OrderedDict[int, int] = OrderedDict()
        self._governor = Governor(self._limiter.spacing, lane.limits.connections or math.inf)

    @property
    def spacing(self) -> float:
        """Seconds between this lane's slots, 0.0 without a limit."""
        return self._limiter.spacing

    @property
    def connections(self) -> float:
        """How many connections may carry it now."""
        return self._governor.connections

    @property
    def held_until(self) -> float:
        """When its silence ends."""
        return self._governor.held_until

    # --- what waits

    def add(self, cohort: int, count: int) -> None:
        """More of a cohort waits."""
        self._cohorts[cohort] = self._cohorts.get(cohort, 0) + count
        self.waiting += count

    def remove(self, cohort: int) -> int:
        """A cohort no longer waits; how many they were."""
        count = self._cohorts.pop(cohort, 0)
        self.waiting -= count
        return count

    def next_cohort(self, most: int) -> tuple[int, int]:
        """Whose turn it is, and how many of it up to `most`; they no longer wait."""
        cohort, count = next(iter(self._cohorts.items()))
        taken = min(most, count)
        if taken == count:
            del self._cohorts[cohort]
        else:
            self._cohorts[cohort] = count - taken
            self._cohorts.move_to_end(cohort)
        self.waiting -= taken
        return cohort, taken

    # --- what it may do

    def room(self, run: int) -> int:
        """How many more may be in flight: a run per connection, one where slots are spaced."""
        connections = self.connections
        if math.isinf(connections):
            return 1_000_000_000
        single = self.spacing or self.route.spacing or self._governor.careful
        per_connection = self.batch or (1 if single else run)
        return int(connections) * per_connection - self.in_flight

    def need(self, now: float, run: int, share: int) -> int:
        """How many it could have in flight at once if nobody was in its way, up to `share`.

        By Little's law a lane with a rate has no use for more than rate x time in flight. One
        that hands over whole batches takes its turn: a share would only be a smaller batch.
        """
        if not self.waiting or self.held_until > now or self.batch:
            return 0
        spacing = self.spacing or self.route.spacing * self.each
        if spacing:
            share = min(share, int(self.service_s / spacing * 1.5) + 2)
        if math.isinf(self.connections):
            return share
        return min(share, int(self.connections) * (1 if spacing or self._governor.careful else run))

    @property
    def service_s(self) -> float:
        """How long its messages are in flight, lately: the area under `in_flight` by ended."""
        return self._area / self._ended

    def move(self, now: float, count: int) -> None:
        """So many more are in flight from now, or so many fewer."""
        self._area += self.in_flight * max(0.0, now - self._since)
        self._since = now
        self.in_flight += count
        self.route.in_flight += count
        if count < 0:
            self._area *= _FORGET
            self._ended = self._ended * _FORGET - count * _FORGET

    def ready_at(self, now: float) -> float:
        """When its next slot is: not before a hold ends."""
        return max(self._limiter.first(now), self.held_until)

    def slots(self, now: float, horizon: float) -> int:
        """How many slots it has up to the horizon; one at a time where its route is spaced."""
        if self.batch:
            return self.batch if max(self.ready_at(now), self.route.ready_at(now)) <= horizon else 0
        own = self._limiter.free_until(max(now, self.held_until), horizon)
        if not self.route.spacing:
            return own
        return min(own, 1 if self.route.ready_at(now) <= horizon else 0)

    def take(self, now: float, count: int) -> float:
        """Use slots of the lane and its route; the first one is returned."""
        at = max(self.ready_at(now), self.route.ready_at(now))
        self._limiter.take(at, count)
        self.route.limiter.take(at, count * self.each)
        return at

    def depart(self, at: float, count: int) -> float:
        """When `count` messages that could leave at `at` really do: behind those before them."""
        if self.spacing:
            at = max(at, self._left)
        if self.route.spacing:
            at = max(at, self.route.left)
            self.route.left = at + count * self.each * self.route.spacing
        self._left = at + count * self.spacing
        return at

    # --- what receivers say

    def observe(self, now: float, verdict: Verdict) -> None:
        """React to one reply."""
        governor = self._governor
        match verdict.action:
            case Action.ACCEPT:
                governor.accepted(now)
            case Action.SLOW:
                governor.slow(now, verdict.pause_s)
            case Action.FEWER_CONNECTIONS:
                governor.fewer(now, self.in_flight)
            case Action.PAUSE:
                governor.pause(now, verdict.pause_s, self.in_flight)
            case Action.STOP_LANE:
                governor.stop()
            case _:
                pass
        self._limiter.spacing = governor.spacing

    def teach(self, now: float, rate: float, connections: float, age_s: float) -> None:
        """Begin with what was learned before; messages/s of single messages."""
        self._governor.teach(now, rate / self.each, connections, age_s)
        self._limiter.spacing = self._governor.spacing

    @property
    def learned(self) -> tuple[float, float]:
        """(messages/s, connections) where more is too much, else 0.0."""
        return self._governor.learned

    def hold(self, until: float) -> None:
        """Silence until then, for a reason of ours: nothing is learned from it."""
        self._governor.held_until = max(self._governor.held_until, until)

    def release(self) -> None:
        """A person lets it go on, by one connection first."""
        self._governor.release()
