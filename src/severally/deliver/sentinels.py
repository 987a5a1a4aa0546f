"""The sentinels of a mailing: told first, through the very route, and read back.

Responsible for saying of each what has become of its message. Missing is not right,
nor is a link that does not answer. Not
responsible for what follows from that (`stage.gates`), nor for how a mailbox is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from severally.deliver.arrived import token_of, what_is_wrong
from severally.deliver.linked import common_links
from severally.guard.expected import Expectation
from severally.model.mailing import Frozen
from severally.model.observed import Answered, Arrival, Followed
from severally.model.recipient import Recipient
from severally.model.staging import StagingPlan
from severally.ports import Links, Mailbox
from severally.stage.gates import Arrived, SentinelSeen

_AGAIN_S = 15.0
_NOT_YET = Followed(Answered.UNKNOWN, "not followed yet")


@dataclass(frozen=True)
class Told:
    """One sentinel as it was told: the row of it, and its delivery's token."""

    name: str
    recipient: Recipient
    token: str
    out: str = ""


@dataclass(frozen=True)
class Sent:
    """The sentinels of one mailing, when they were sent (Unix seconds), and what was frozen."""

    at: float
    told: Sequence[Told]
    frozen: Frozen
    key_records: Mapping[str, bytes]


class SentinelWatch:
    """`conducting.Sentinels`. `send` tells them (once after each halt, however often it is
    asked) and says how."""

    def __init__(
        self,
        send: Callable[[str, StagingPlan], Sent],
        mailbox_of: Callable[[str], Mailbox],
        wall: Callable[[], float],
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
        links: Links,
    ) -> None:
        self._links = links
        self._followed: dict[tuple[float, str], tuple[float, Followed]] = {}
        self._send = send
        self._mailbox_of = mailbox_of
        self._mailboxes: dict[str, Mailbox] = {}
        self._wall = wall
        self._off_loop = off_loop
        self._sent: dict[str, tuple[int, Sent]] = {}

    async def look(
        self, mailing_id: str, plan: StagingPlan, halt_epoch: int
    ) -> Sequence[SentinelSeen]:
        """Each sentinel's message as far as it is known now."""
        if not plan.sentinels:
            return ()
        told_at, sent = self._sent.get(mailing_id, (-1, None))
        if sent is None or told_at != halt_epoch:
            sent = await self._off_loop(lambda: self._send(mailing_id, plan))
            self._sent[mailing_id] = halt_epoch, sent
        tokens = {told.token for told in sent.told}
        return [await self._one(sent, told, tokens, plan.follow_links) for told in sent.told]

    def waited_s(self, mailing_id: str) -> float:
        """Seconds since they were sent."""
        told = self._sent.get(mailing_id)
        return self._wall() - told[1].at if told else 0.0

    async def _one(self, sent: Sent, told: Told, tokens: set[str], follow: bool) -> SentinelSeen:
        mailbox = self._mailboxes.get(told.name)
        if mailbox is None:
            mailbox = self._mailboxes[told.name] = self._mailbox_of(told.name)
        arrivals = await self._off_loop(lambda: mailbox.since(sent.at))
        ours = [arrival for arrival in arrivals if token_of(arrival.raw) in tokens]
        for arrival in ours:
            if why := _wrong(sent, told, arrival):
                return _seen(sent, told, Arrived.WRONG, why, arrival)
        if len(ours) > 1:
            return _seen(sent, told, Arrived.WRONG, f"it arrived {len(ours)} times", ours[0])
        if not ours:
            return _seen(sent, told, Arrived.MISSING)
        right = _seen(sent, told, Arrived.RIGHT, "", ours[0])
        return await self._linked(sent, right, ours[0]) if follow else right

    async def _linked(self, sent: Sent, right: SentinelSeen, arrival: Arrival) -> SentinelSeen:
        """It is right, if its links answer as well."""
        links = common_links(arrival.raw, right.locale, sent.frozen)
        worst = _worst(await asyncio.gather(*(self._follow(sent, link) for link in links)))
        if worst is None:
            return right
        arrived = Arrived.WRONG if worst.answered is Answered.WRONG else Arrived.MISSING
        return msgspec.structs.replace(right, arrived=arrived, why=f"a link in it: {worst.why}")

    async def _follow(self, sent: Sent, link: str) -> Followed:
        """Once for all sentinels of a mailing; again after a while where it did not say."""
        now = self._wall()
        at, known = self._followed.get((sent.at, link), (0.0, _NOT_YET))
        if known.answered is Answered.UNKNOWN and now - at >= _AGAIN_S:
            hosts = sent.frozen.notice.link_hosts
            known = await asyncio.to_thread(self._links.follow, link, hosts)
            self._followed[sent.at, link] = now, known
        return known


def _worst(followed: Iterable[Followed]) -> Followed | None:
    """What is wrong, or else what is not known."""
    bad = [each for each in followed if each.answered is not Answered.RIGHT]
    return min(bad, key=lambda each: each.answered is not Answered.WRONG, default=None)


def _wrong(sent: Sent, told: Told, arrival: Arrival) -> str:
    if token_of(arrival.raw) != told.token:
        return "it is the message of another recipient"
    expected = Expectation(sent.frozen).of(told.recipient)
    own = told.recipient.address
    return what_is_wrong(
        arrival.raw, own, told.token, expected, sent.frozen, sent.key_records, told.out
    )


def _seen(
    sent: Sent, told: Told, arrived: Arrived, why: str = "", arrival: Arrival | None = None
) -> SentinelSeen:
    return SentinelSeen(
        told.name,
        sent.frozen.route,
        told.recipient.locale,
        arrived,
        why,
        arrival.folder if arrival else "",
        max(0.0, arrival.at - sent.at) if arrival else 0.0,
    )
