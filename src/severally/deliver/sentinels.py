"""The sentinels of a mailing: told first, through the very route, and read back.

Responsible for saying of each what has become of its message. Missing is not right. Not
responsible for what follows from that (`stage.gates`), nor for how a mailbox is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from severally.deliver.arrived import token_of, what_is_wrong
from severally.guard.expected import Expectation
from severally.model.mailing import Frozen
from severally.model.observed import Arrival
from severally.model.recipient import Recipient
from severally.model.staging import StagingPlan
from severally.ports import Mailbox
from severally.stage.gates import Arrived, SentinelSeen


@dataclass(frozen=True)
class Told:
    """One sentinel as it was told: the row of it, and its delivery's token."""

    name: str
    recipient: Recipient
    token: str


@dataclass(frozen=True)
class Sent:
    """The sentinels of one mailing, when they were sent (Unix seconds), and what was frozen."""

    at: float
    told: Sequence[Told]
    frozen: Frozen
    key_records: Mapping[str, bytes]


class SentinelWatch:
    """`conducting.Sentinels`. `send` tells them (once, however often it is asked) and says how."""

    def __init__(
        self,
        send: Callable[[str, StagingPlan], Sent],
        mailbox_of: Callable[[str], Mailbox],
        wall: Callable[[], float],
        off_loop: Callable[[Callable[[], Any]], Awaitable[Any]],
    ) -> None:
        self._send = send
        self._mailbox_of = mailbox_of
        self._mailboxes: dict[str, Mailbox] = {}
        self._wall = wall
        self._off_loop = off_loop
        self._sent: dict[str, Sent] = {}
        self.arrivals: dict[tuple[str, str], Arrival] = {}
        """(mailing, sentinel) -> what arrived, for the report: folder and time."""

    async def look(self, mailing_id: str, plan: StagingPlan) -> Sequence[SentinelSeen]:
        """Each sentinel's message as far as it is known now."""
        if not plan.sentinels:
            return ()
        sent = self._sent.get(mailing_id)
        if sent is None:
            sent = await self._off_loop(lambda: self._send(mailing_id, plan))
            self._sent[mailing_id] = sent
        tokens = {told.token for told in sent.told}
        return [await self._one(mailing_id, sent, told, tokens) for told in sent.told]

    def waited_s(self, mailing_id: str) -> float:
        """Seconds since they were sent."""
        sent = self._sent.get(mailing_id)
        return self._wall() - sent.at if sent else 0.0

    async def _one(self, mailing_id: str, sent: Sent, told: Told, tokens: set[str]) -> SentinelSeen:
        mailbox = self._mailboxes.get(told.name)
        if mailbox is None:
            mailbox = self._mailboxes[told.name] = self._mailbox_of(told.name)
        arrivals = await self._off_loop(lambda: mailbox.since(sent.at))
        ours = [a for a in arrivals if token_of(a.raw) in tokens]
        expected = Expectation(sent.frozen).of(told.recipient)
        for arrival in ours:
            why = (
                what_is_wrong(
                    arrival.raw,
                    told.recipient.address,
                    told.token,
                    expected,
                    sent.frozen,
                    sent.key_records,
                )
                if token_of(arrival.raw) == told.token
                else "it is the message of another recipient"
            )
            self.arrivals[mailing_id, told.name] = arrival
            if why:
                return self._seen(sent, told, Arrived.WRONG, why)
        if len(ours) > 1:
            return self._seen(sent, told, Arrived.WRONG, f"it arrived {len(ours)} times")
        return self._seen(sent, told, Arrived.RIGHT if ours else Arrived.MISSING, "")

    def _seen(self, sent: Sent, told: Told, arrived: Arrived, why: str) -> SentinelSeen:
        return SentinelSeen(told.name, sent.frozen.route, told.recipient.locale, arrived, why)
