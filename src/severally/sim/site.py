"""One provider at work: what it answers, counts and keeps. Time is passed in, nothing is sent.

Responsible for every decision of a receiver; `session` speaks SMTP with it.
"""

from __future__ import annotations

import mailbox as maildirs
from collections import Counter
from collections.abc import Container, Mapping
from typing import BinaryIO, NamedTuple

from severally.sim.chance import Chance
from severally.sim.providers import Oddity, Provider, Spell
from severally.sim.reading import read
from severally.sim.record import Arrival, Counts, ProviderRecord
from severally.sim.windows import Gauge, WindowCounter


class No(NamedTuple):
    """A refusal: what it is called in the record, and the reply. No text: break off."""

    what: str
    reply: str


class Site:
    """`domains` are all the world's: addresses at them are looked for in what comes in.
    `spool` gets every message, see `_keep`; `read_back` names Maildirs for some mailboxes. Times
    are seconds since the world began."""

    def __init__(
        self,
        provider: Provider,
        domains: Container[str],
        seed: int,
        spool: BinaryIO | None = None,
        read_back: Mapping[str, str] | None = None,
    ) -> None:
        self.provider = provider
        self.chance = Chance(seed, provider.id)
        self.unanswered = Gauge()
        self._domains = domains
        self._own = frozenset(provider.domains)
        self._spool = spool
        self._read_back = read_back or {}
        self._arrivals: list[Arrival] = []
        self._replies: Counter[str] = Counter()
        self._attempts = 0
        self._sessions = 0
        self._connections = Gauge()
        self._window = WindowCounter(provider.limits.rate.unit_s if provider.limits.rate else 1)
        self._most_on_connection = 0
        self._first_at: dict[str, float] = {}
        self._tried: Counter[str] = Counter()
        self._spells: list[Spell] = sorted(provider.moods.spells, key=lambda spell: spell.after)
        self._spell_until = 0.0

    # --- what a session asks, in this order

    def connect(self) -> tuple[int, No | None]:
        """A connection came: its number, and why it is turned away."""
        self._sessions += 1
        limit = self.provider.limits.connections
        now_open = self._connections.up()
        if limit and now_open > limit:
            words = self.provider.words.too_many_connections
            return self._sessions, self._no("too_many_connections", words)
        return self._sessions, None

    def disconnect(self) -> None:
        """A connection is gone."""
        self._connections.down()

    def mail(self, now: float, carried: int) -> No | None:
        """An attempt begins on a connection that has carried so many messages."""
        words, limits = self.provider.words, self.provider.limits
        self._attempts += 1
        in_window = self._window.add(now)
        if limits.rate and in_window > limits.rate.count + 1:
            return self._slow_down()
        if limits.messages_per_connection and carried >= limits.messages_per_connection:
            self._most_on_connection = max(self._most_on_connection, carried + 1)
            return self._no("too_many_messages", words.too_many_messages)
        self._begin_spell(now)
        return self._slow_down() if now < self._spell_until else None

    def rcpt(self, now: float, mailbox: str) -> No | None:
        """A recipient is named."""
        words, moods = self.provider.words, self.provider.moods
        domain = mailbox.rpartition("@")[2]
        if domain not in self._own and "*" not in self._own:
            return self._no("not_here", "550 5.7.1 Relaying denied")
        if self._is(mailbox, "unknown", moods.unknown):
            return self._no("unknown_user", words.unknown_user, mailbox)
        if self._is(mailbox, "greylisted", moods.greylisted):
            left = self._first_at.setdefault(mailbox, now) + moods.greylist_s - now
            if left > 0:
                return self._no("greylisted", words.greylisted, mailbox, left)
        if self._is(mailbox, "busy", moods.busy) and self._first("busy", mailbox):
            return self._no("busy", words.busy, mailbox)
        return None

    def data(self, mailboxes: list[str]) -> No | None:
        """The message may come, unless the connection breaks off here."""
        if self._breaks("dropped_before_data", mailboxes):
            return self._no("dropped_before_data", "")
        return None

    def dot(self, now: float, mailboxes: list[str], message: bytes, carried: int) -> No | None:
        """A whole message is here, and kept, whatever becomes of the connection."""
        self._most_on_connection = max(self._most_on_connection, carried)
        no = None
        if self._breaks("dropped_after_dot", mailboxes):
            no = self._no("dropped_after_dot", "")
        else:
            self._replies["accepted"] += 1
        self._keep(now, mailboxes, message, no is None)
        return no

    # --- what is asked about it

    def counts(self) -> Counts:
        """How it stands now."""
        return Counts(
            self._attempts, len(self._arrivals), self._connections.now, self.unanswered.now
        )

    def record(self) -> ProviderRecord:
        """All that was kept and counted so far."""
        if self._spool is not None:
            self._spool.flush()
        return ProviderRecord(
            self.provider.id,
            self.provider.limits,
            tuple(self._arrivals),
            self._attempts,
            self._sessions,
            dict(self._replies),
            self._window.most,
            self._connections.most,
            self._most_on_connection,
        )

    # --- inside

    def _keep(self, now: float, mailboxes: list[str], message: bytes, answered: bool) -> None:
        """In memory compactly; in the spool whole: mailbox, size and bytes, each message."""
        seen = read(message, self._domains)
        for mailbox in mailboxes:
            self._arrivals.append(
                Arrival(now, mailbox, seen.to, seen.body, seen.message_id, len(message), answered)
            )
            if self._spool is not None:
                self._spool.write(b"%s %d\n%s\n" % (mailbox.encode(), len(message), message))
            if folder := self._read_back.get(mailbox):
                maildirs.Maildir(folder).add(message)

    def _begin_spell(self, now: float) -> None:
        if self._spells and self._attempts >= self._spells[0].after:
            spell = self._spells.pop(0)
            self._spell_until = now + spell.for_s

    def _slow_down(self) -> No:
        reply = self.provider.words.slow_down
        wait_s = self.provider.moods.wait_s
        if wait_s:
            reply += " Try again in {wait} seconds."
        return self._no("slow_down", reply, wait_s=wait_s)

    def _is(self, mailbox: str, what: Oddity, share: float) -> bool:
        oddities = self.provider.moods.oddities
        if oddities and oddities.get(mailbox) == what:
            return True
        return self.chance.happens(share, what, mailbox)

    def _breaks(self, what: Oddity, mailboxes: list[str]) -> bool:
        share: float = getattr(self.provider.moods, what)
        return any(
            self._is(mailbox, what, share) and self._first(what, mailbox) for mailbox in mailboxes
        )

    def _first(self, what: str, mailbox: str) -> bool:
        key = f"{what}:{mailbox}"
        self._tried[key] += 1
        return self._tried[key] == 1

    def _no(self, what: str, reply: str, mailbox: str = "", wait_s: float = 0.0) -> No:
        self._replies[what] += 1
        wait = max(1, -int(-wait_s // 1))
        return No(what, reply.replace("{mailbox}", mailbox).replace("{wait}", str(wait)))
