"""Who may leave next, and when: grants of counts on lanes.

Responsible for every limit (lane rate, lane connections, route rate and connections, the
most that may be in flight) and for each lane going on as if the others did not exist. Holds
counts, never recipients. Not responsible for composing, connections or time: `now` is
passed in, so the planner and the simulation run this very class.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping

import msgspec

from severally.model.lane import Grant, Lane, Limits
from severally.model.learned import Learned
from severally.model.outcome import Action, Verdict
from severally.pace.lane_state import LaneState, RouteState

_GRAIN_S = 1e-6
"""Floating point: a slot this close after the horizon is at it."""


class Settings(msgspec.Struct, frozen=True):
    """`horizon_s`: grants are given for slots up to now + horizon. `jitter_s`: how late a
    message may reach the receiver after its slot (0 on a virtual clock). `run`: messages a
    connection may carry in one pipelined run on a lane without a rate. `in_flight`: the most
    messages granted and not finished, over everything; one batch where a route hands over more
    than that in a request."""

    horizon_s: float = 0.05
    jitter_s: float = 0.02
    run: int = 5
    in_flight: int = 100


class LaneView(msgspec.Struct, frozen=True):
    """A lane at one moment. `rate` is messages/s, infinite without a limit."""

    waiting: int
    in_flight: int
    held_until: float
    rate: float
    connections: float


class Scheduler:
    """State of all lanes; `step(now)` decides.

    Lanes that can go take turns, `run` messages at a time, and so do routes. A lane that
    cannot go waits outside: in a heap for its next slot, or for something of its own to
    finish. So a decision costs the same for ten lanes and for ten thousand.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        routes: Mapping[str, Limits],
        settings: Settings,
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._rng = rng
        self._routes = {
            name: RouteState(limits, settings.jitter_s, settings.run, settings.in_flight)
            for name, limits in routes.items()
        }
        self._lanes: dict[str, LaneState] = {}
        self._later: list[tuple[float, int, LaneState]] = []
        self._count = 0
        self._in_flight = 0
        self._most = max(settings.in_flight, *(each.batch for each in self._routes.values()), 0)
        self._active: set[LaneState] = set()
        self._share = settings.in_flight
        self._reserved = 0
        self._now = -math.inf
        for lane in lanes.values():
            self.add_lane(lane)

    def add_lane(self, lane: Lane, each: float = 1.0) -> None:
        """Make a lane known; once for each. `each`: messages that one count stands for."""
        state = LaneState(lane, self._routes[lane.route], self._settings.jitter_s, each)
        self._lanes[lane.key] = state

    def arrive(self, lane: str, cohort: int, count: int) -> None:
        """So many of this cohort are ready to leave on this lane."""
        state = self._lanes[lane]
        state.add(cohort, count)
        self._note(state)
        self._enter(state)

    def withdraw(self, lane: str, cohort: int) -> int:
        """A cohort's waiting ones leave without being sent; how many they were."""
        state = self._lanes[lane]
        count = state.remove(cohort)
        self._note(state)
        return count

    def finish(self, lane: str, cohort: int, count: int) -> None:
        """So many of those granted are no longer in flight, however they ended."""
        state = self._lanes[lane]
        state.move(self._now, -count)
        self._in_flight -= count
        self._note(state)
        self._enter(state)

    def depart(self, lane: str, at: float, now: float, count: int) -> float:
        """When a run granted for `at` leaves, given that it is ready at `now`.

        One that had to wait for a connection is late; those after it move on with it, so that
        the receiver never sees them closer together than the limits allow.
        """
        return self._lanes[lane].depart(max(at, now), count)

    def observe(self, now: float, lane: str, verdict: Verdict) -> None:
        """One reply's verdict: the lane slows down, falls silent, or is well again."""
        self._now = now
        state = self._lanes[lane]
        state.observe(now, verdict)
        if verdict.action is not Action.ACCEPT:
            self._note(state)
            self._enter(state)

    def teach(self, now: float, lane: str, learned: Learned, wall: float) -> None:
        """What this lane learned before, as old as it is at `wall` (Unix). Who begins anew may try
        at once: a silence is not taught."""
        rate, connections = learned.rate_at(wall), learned.connections_at(wall)
        self._lanes[lane].teach(now, rate, connections, max(0.0, wall - learned.at))

    def learned(self, now: float, wall: float) -> Mapping[str, Learned]:
        """What each lane learned so far, and who is silent."""
        found: dict[str, Learned] = {}
        for key, state in self._lanes.items():
            rate, connections = state.learned
            silent = now < state.held_until < math.inf
            if rate or connections or silent:
                held_until = wall + state.held_until - now if silent else 0.0
                found[key] = Learned(rate, connections, wall, held_until)
        return found

    def hold(self, lane: str, until: float) -> None:
        """Nothing more leaves on this lane before then (seconds of the clock)."""
        state = self._lanes[lane]
        state.hold(until)
        self._note(state)

    def release(self, lane: str) -> None:
        """A person lets a stopped lane go on."""
        state = self._lanes[lane]
        state.release()
        self._enter(state)

    @property
    def waiting(self) -> bool:
        """Whether anybody waits."""
        return any(state.waiting for state in self._active)

    def step(self, now: float) -> list[Grant]:
        """Everything that may be decided now."""
        self._now = now
        horizon = now + self._settings.horizon_s + _GRAIN_S
        while self._later and self._later[0][0] <= horizon:
            state = heapq.heappop(self._later)[2]
            state.later = False
            self._enter(state)
        grants: list[Grant] = []
        going = True
        while going:
            going = False
            for route in self._routes.values():
                going |= self._serve(route, now, horizon, grants)
        return grants

    def next_wake(self, now: float) -> float | None:
        """When `step` may decide something that it cannot now, without anything happening."""
        soonest = self._later[0][0] if self._later else math.inf
        horizon = now + self._settings.horizon_s + _GRAIN_S
        for route in self._routes.values():
            # Those kept by a route's rate; for the others something has to finish first.
            if route.turn and (at := route.ready_at(now)) > horizon:
                soonest = min(soonest, at)
        if math.isinf(soonest):
            return None
        return max(now, soonest - self._settings.horizon_s)

    def together(self, grant: Grant) -> int:
        """How many of a grant are handed over at once."""
        return self._lanes[grant.lane].batch or (1 if grant.spacing else self._settings.run)

    def speed(self, lane: str) -> float:
        """Messages/s this lane can take at most; infinite where only connections bound it."""
        state = self._lanes[lane]
        spacing = max(state.spacing, state.route.spacing)
        return 1 / spacing if spacing else math.inf

    def snapshot(self, now: float) -> Mapping[str, LaneView]:
        """Every lane, for people to look at."""
        return {
            key: LaneView(
                state.waiting,
                state.in_flight,
                state.held_until,
                1 / state.spacing if state.spacing else math.inf,
                state.connections,
            )
            for key, state in self._lanes.items()
        }

    # --- the decision

    def _note(self, state: LaneState) -> None:
        """Active lanes have something waiting or in flight, and something kept free for them.

        Half of all that may be in flight is kept for lanes that use less than their even
        share of that half and could use more, so that one lane that waits on a slow receiver
        cannot stop the others. A lane gets no more kept than it has a use for.
        """
        if bool(state.waiting or state.in_flight) != (state in self._active):
            self._active.symmetric_difference_update((state,))
            share = _round(self._settings.in_flight // (2 * max(1, len(self._active))))
            if share != self._share:
                self._share = share
                for other in self._active:
                    self._keep(other)
        self._keep(state)

    def _keep(self, state: LaneState) -> None:
        need = state.need(self._now, self._settings.run, self._share)
        reserve = max(0, need - state.in_flight)
        self._reserved += reserve - state.reserve
        state.reserve = reserve

    def _enter(self, state: LaneState) -> None:
        if state.waiting and not state.queued and not state.later:
            state.queued = True
            state.route.turn.append(state)

    def _serve(self, route: RouteState, now: float, horizon: float, grants: list[Grant]) -> bool:
        """The turn of one lane of this route; True if one got something."""
        for _ in range(len(route.turn)):
            if self._in_flight >= self._most or not route.can_go(now, horizon):
                return False
            state = route.turn.popleft()
            state.queued = False
            if self._give(state, now, horizon, grants):
                return True
        return False

    def _give(self, state: LaneState, now: float, horizon: float, grants: list[Grant]) -> bool:
        """Grant this lane its turn; True if it got something. Puts it where it waits next."""
        run = state.batch or self._settings.run
        if not state.waiting or state.room(run) <= 0:
            return False  # `arrive` or `finish` brings it back
        at = state.ready_at(now)
        if state.held_until > now + _GRAIN_S:
            # in silence not even a connection is opened ahead of its slot
            self._wait_until(state, state.held_until + self._settings.horizon_s)
            return False
        if at > horizon:
            self._wait_until(state, at)
            return False
        wanted = min(run, state.waiting, state.slots(now, horizon))
        count = min(wanted, self._room(state))
        if count <= 0 or (count < wanted and state.in_flight and not state.spacing):
            # a short run costs as much as a whole one: rather the whole one, a moment later
            self._enter(state)
            return False
        cohort, count = state.next_cohort(count)
        self._grant(state, cohort, count, now, horizon, grants)
        self._enter(state)
        return True

    def _room(self, state: LaneState) -> int:
        """What lane, route and the whole have room for; what is kept for others is no room."""
        room = self._most - self._in_flight - self._reserved + state.reserve
        if state.in_flight < self._share:
            room = max(room, min(state.reserve, self._most - self._in_flight))
        return min(room, state.room(self._settings.run), state.route.room())

    def _grant(
        self,
        state: LaneState,
        cohort: int,
        count: int,
        now: float,
        horizon: float,
        grants: list[Grant],
    ) -> None:
        at = state.take(now, count)
        state.move(now, count)
        self._in_flight += count
        self._note(state)
        last = grants[-1] if grants else None
        if (
            last is not None
            and last.lane == state.key
            and last.cohort == cohort
            and abs(last.at + last.count * last.spacing - at) < 1e-9
        ):
            at, count = last.at, last.count + count
            grants.pop()
        grants.append(Grant(state.key, cohort, count, at, state.spacing, horizon))

    def _wait_until(self, state: LaneState, when: float) -> None:
        if math.isinf(when):
            return  # until somebody releases it
        self._count += 1
        state.later = True
        heapq.heappush(self._later, (when, self._count, state))


def _round(share: int) -> int:
    """Down to four binary digits, so that it changes seldom: each change looks at every lane."""
    low = max(0, share.bit_length() - 4)
    return share >> low << low
