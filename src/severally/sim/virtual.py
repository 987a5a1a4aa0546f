"""A receiving world on virtual time: providers with limits, words, moods and faults.

Responsible for what a receiver would do and for counting, as a receiver counts, what reached
it: its counts are the judge of pacing. A `ports.Transport`, so that the real sending loop
runs against it. Not responsible for SMTP: the world on loopback speaks that.
"""

from __future__ import annotations

import asyncio
import random
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec

from severally.model.envelope import Sealed, payload_digest
from severally.model.lane import Lane, Rate
from severally.model.outcome import Ending, Outcome, Reply
from severally.ports import Clock, ConnectFailed

ACCEPTED = Reply(250, "2.0.0", "2.0.0 OK")
SLOW_DOWN = Reply(450, "4.7.1", "4.7.1 Rate limit exceeded, slow down")
GREYLISTED = Reply(450, "4.2.0", "4.2.0 Greylisted, try again in 300 seconds")
UNKNOWN = Reply(550, "5.1.1", "5.1.1 User unknown")
TOO_MANY = Reply(421, "4.7.0", "4.7.0 too many connections from your address")
NOBODY = Reply(0)


class Mood(msgspec.Struct, frozen=True):
    """For a while (seconds of the clock, `until` excluded) everything gets this reply.

    Code 0: nobody answers at all, not even a connection can be had.
    """

    since: float
    until: float
    reply: Reply


class Change(msgspec.Struct, frozen=True):
    """From `at` on another limit holds."""

    at: float
    rate: Rate | None


class Receiver(msgspec.Struct, frozen=True):
    """How one provider behaves. Times in seconds, shares from 0 to 1 of what arrives.

    `rate` and `connections` are what it tolerates. A message reaches it up to `transit_s`
    after it left and is answered `reply_s` to `reply_s + reply_spread_s` later. `greylisted`
    recipients are put off until `greylist_s` after their first try, `unknown` ones refused.
    `lost_before`/`lost_after`: the connection breaks before or after the final dot.
    """

    rate: Rate | None = None
    connections: int | None = None
    connect_s: float = 0.0
    transit_s: float = 0.0
    reply_s: float = 0.05
    reply_spread_s: float = 0.0
    greylisted: float = 0.0
    greylist_s: float = 300.0
    unknown: float = 0.0
    lost_before: float = 0.0
    lost_after: float = 0.0
    throttle: Reply = SLOW_DOWN
    changes: tuple[Change, ...] = ()
    moods: tuple[Mood, ...] = ()


class Counts:
    """What one provider has seen.

    `arrivals`: the time of every message that reached it. `taken`: deliveries it took, once
    for each time. `throttled`: times of its "slow down". `connects`: (time, open then).
    """

    def __init__(self) -> None:
        self.arrivals = array("d")
        self.taken: list[int] = []
        self.took_at = array("d")
        self.throttled = array("d")
        self.open = 0
        self.peak = 0
        self.turned_away = 0
        self.connects: list[tuple[float, int]] = []

    def most_in(self, window_s: float) -> int:
        """The most messages that reached it in any closed window of this length."""
        return most_in(self.arrivals, window_s)


def most_in(times: Sequence[float], window_s: float) -> int:
    """The most of `times` in any closed window (a microsecond short, for floating point)."""
    ordered = sorted(times)
    most = first = 0
    for index, at in enumerate(ordered):
        while at - ordered[first] > window_s - 1e-6:
            first += 1
        most = max(most, index - first + 1)
    return most


class _Site:
    """One provider at work."""

    def __init__(self, receiver: Receiver, rng: random.Random) -> None:
        self.receiver = receiver
        self.counts = Counts()
        self.rng = rng
        self._recent: deque[float] = deque()
        self._tried: dict[int, float] = {}
        self._fate: dict[int, Reply] = {}

    def mood(self, now: float) -> Reply | None:
        for mood in self.receiver.moods:
            if mood.since <= now < mood.until:
                return mood.reply
        return None

    def answer(self, delivery: int, now: float) -> Reply:
        """What it says to a message that arrives now."""
        counts = self.counts
        counts.arrivals.append(now)
        said = self.mood(now) or self._over(now) or self._of_recipient(delivery, now)
        if said.code == 250:
            counts.taken.append(delivery)
            counts.took_at.append(now)
        return said

    def _over(self, now: float) -> Reply | None:
        """The limit is a sliding window of what was let in; N in it, and one more, are fine."""
        rate = self.receiver.rate
        for change in self.receiver.changes:
            rate = change.rate if change.at <= now else rate
        if rate is None:
            return None
        recent = self._recent
        while recent and recent[0] <= now - rate.unit_s + 1e-6:
            recent.popleft()
        if len(recent) > rate.count:
            self.counts.throttled.append(now)
            return self.receiver.throttle
        recent.append(now)
        return None

    def _of_recipient(self, delivery: int, now: float) -> Reply:
        first = self._tried.setdefault(delivery, now)
        fate = self._fate.get(delivery)
        if fate is None:
            fate = self._fate[delivery] = self._draw()
        if fate is GREYLISTED and now - first >= self.receiver.greylist_s:
            return ACCEPTED
        return fate

    def _draw(self) -> Reply:
        chance = self.rng.random()
        if chance < self.receiver.unknown:
            return UNKNOWN
        if chance < self.receiver.unknown + self.receiver.greylisted:
            return GREYLISTED
        return ACCEPTED

    def reply_s(self) -> float:
        spread = self.receiver.reply_spread_s
        return self.receiver.reply_s + (self.rng.random() * spread if spread else 0.0)

    def transit_s(self) -> float:
        most = self.receiver.transit_s
        return self.rng.random() * most if most else 0.0


class VirtualConnection:
    """See `ports.Connection`: a pipelined run arrives at once and is answered at once."""

    def __init__(self, site: _Site, clock: Clock) -> None:
        self.sent = 0
        self.usable = True
        self._site = site
        self._clock = clock
        self._open = True

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        """One outcome for each, in order."""
        await self._pass(self._site.transit_s())
        said = [self._try(sealed) for sealed in run]
        await self._pass(self._site.reply_s())
        for sealed, (ending, reply) in zip(run, said, strict=True):
            report(sealed, Outcome(sealed.deliveries[0], ending, reply))
        if not self.usable:
            self._leave()

    async def turn_to(self, first: Sealed) -> None:
        """It leads there already: a receiver is one site."""

    def _try(self, sealed: Sealed) -> tuple[Ending, Reply]:
        assert payload_digest(sealed.payload) == sealed.sha256
        receiver, rng = self._site.receiver, self._site.rng
        if not self.usable:
            return Ending.UNTRIED, NOBODY
        if receiver.lost_before and rng.random() < receiver.lost_before:
            self.usable = False
            return Ending.UNSENT, NOBODY
        self.sent += 1
        reply = self._site.answer(sealed.deliveries[0], self._clock.monotonic())
        if reply.code in (0, 421):
            self.usable = False
        if reply.code == 0:
            return Ending.UNSENT, NOBODY
        if receiver.lost_after and rng.random() < receiver.lost_after:
            self.usable = False
            return Ending.IN_DOUBT, NOBODY
        return Ending.REPLIED, reply

    async def _pass(self, seconds: float) -> None:
        if seconds:
            await self._clock.sleep_until(self._clock.monotonic() + seconds)
        else:
            await asyncio.sleep(0)

    def _leave(self) -> None:
        if self._open:
            self._open = False
            self._site.counts.open -= 1

    async def close(self) -> None:
        """The receiver counts it no longer."""
        self.usable = False
        self._leave()


class VirtualWorld:
    """`ports.Transport`: every receiver by its id. What is not listed takes everything."""

    def __init__(self, receivers: Mapping[str, Receiver], clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._seed = seed
        self._sites = {
            name: _Site(receiver, random.Random(f"{seed} {name}"))
            for name, receiver in receivers.items()
        }

    def counts(self, receiver: str) -> Counts:
        """What this one has seen so far."""
        return self._site(receiver).counts

    def all_counts(self) -> Mapping[str, Counts]:
        """By receiver."""
        return {name: site.counts for name, site in self._sites.items()}

    def _site(self, name: str) -> _Site:
        if name not in self._sites:
            self._sites[name] = _Site(Receiver(), random.Random(f"{self._seed} {name}"))
        return self._sites[name]

    def endpoint(self, lane: Lane) -> str:
        """Each receiver has connections of its own."""
        return lane.receiver

    async def connect(self, lane: Lane, first: Sealed) -> VirtualConnection:
        """Raises ConnectFailed where the receiver says no or does not answer."""
        site = self._site(lane.receiver)
        counts, receiver = site.counts, site.receiver
        counts.open += 1
        counts.peak = max(counts.peak, counts.open)
        counts.connects.append((self._clock.monotonic(), counts.open))
        if receiver.connect_s:
            await self._clock.sleep_until(self._clock.monotonic() + receiver.connect_s)
        mood = site.mood(self._clock.monotonic())
        if mood is not None and mood.code in (0, 421):
            counts.open -= 1
            raise ConnectFailed(mood)
        if receiver.connections is not None and counts.open > receiver.connections:
            counts.open -= 1
            counts.turned_away += 1
            raise ConnectFailed(TOO_MANY)
        return VirtualConnection(site, self._clock)

    async def close(self) -> None:
        """Nothing to let go of."""
