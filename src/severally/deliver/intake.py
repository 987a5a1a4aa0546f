"""What comes back: messages become events, and are let go of only when those are committed.

The token of the return path says which delivery it is, whatever the text claims; without a token
of ours nothing changes. Not responsible for what a message means (`feedback`), nor for what an
event does (the ledger).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes
from typing import NamedTuple

from severally.deliver.parties import CipherOf, party_of
from severally.feedback.classes import classify
from severally.feedback.returned import Form, Returned, Said, read
from severally.model.delivery import Claim, Purpose, delivery_of
from severally.model.event import BOUNCES, Event, EventKind
from severally.model.incoming import Came
from severally.model.mailing import Cohort
from severally.model.notice import Kind
from severally.model.recipient import Recipient, recipient_of
from severally.model.wording import blotted
from severally.ports import Keys, Ledger
from severally.ports.incoming import Incoming

BATCH = 200
_TOKEN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z2-7]{26}(?![A-Za-z0-9])")
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_MOST_TOKENS = 20
_MOST_FIELD = 2_000


class Found(NamedTuple):
    """A delivery that a token of ours leads to."""

    purpose: Purpose
    cohort: Cohort
    claim: Claim


class Judged(NamedTuple):
    """One message, understood. `word` is the event's kind, or `answer`, `delayed`, `not spam`;
    without an event `strange` says that a person should look at it."""

    word: str
    event: Event | None = None
    strange: bool = False


class Intake:
    """`cipher_of` opens rows, `wall` says the time (Unix seconds)."""

    def __init__(
        self, ledger: Ledger, keys: Keys, cipher_of: CipherOf, wall: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._keys = keys
        self._cipher_of = cipher_of
        self._wall = wall
        self._mailings: dict[str, bytes] = {}
        self._kinds: dict[str, Kind] = {}
        self._audiences: dict[str, str] = {}

    def take(self, source: Incoming) -> Counter[str]:
        """Whatever waits there, a batch at most; how many messages were what."""
        batch = source.waiting(BATCH)
        judged = [(came.name, self.judge(came)) for came in batch]
        events = [one.event for _, one in judged if one.event is not None]
        if events:
            self._ledger.add_events(events, self._wall())
        source.keep([name for name, one in judged if one.strange])
        source.done([name for name, one in judged if not one.strange])
        return Counter(one.word for _, one in judged)

    def judge(self, came: Came) -> Judged:
        """What it is, and about which delivery. Changes nothing."""
        returned = read(came.raw)
        found = self._find(came.raw, returned)
        if found is None:
            return _without(returned)
        if found.purpose is Purpose.UNSUBSCRIBE:
            if returned.form in (Form.REPORT, Form.BOUNCE, Form.COMPLAINT):
                return Judged("strange", strange=True)
            return _heard(self.event(found, EventKind.UNSUBSCRIBE, came.at, "mailto"))
        if returned.form is Form.COMPLAINT:
            return self._complaint(found, returned, came.at)
        if returned.form is Form.ANSWER:
            return Judged("answer")
        if (said := _gravest(returned.said)) is None:
            return Judged("strange" if not returned.said else "delayed", None, not returned.said)
        kind, rule, about = said
        return _heard(self.event(found, kind, came.at, returned.form.value, about, rule))

    def _complaint(self, found: Found, returned: Returned, at: float) -> Judged:
        if returned.feedback in _HARMLESS:
            return Judged(returned.feedback)
        opting_out = returned.feedback == "opt-out"
        kind = EventKind.UNSUBSCRIBE if opting_out else EventKind.COMPLAINT
        return _heard(self.event(found, kind, at, "arf", Said("", words=returned.feedback)))

    def event(
        self,
        found: Found,
        kind: EventKind,
        at: float,
        source: str,
        said: Said = Said(""),  # noqa: B008  (frozen)
        rule: str = "",
    ) -> Event:
        """What is kept of what was heard about a delivery, whoever told it."""
        return Event(
            found.claim.delivery,
            kind,
            at,
            source,
            party_of(self._keys, self._cipher_of, self.person(found).address),
            self._kind(found.cohort.mailing),
            said.code,
            said.status,
            blotted(said.words),
            rule,
        )

    def person(self, found: Found) -> Recipient:
        """Whose delivery it is."""
        audience, claim = self._audience(found.cohort.mailing), found.claim
        cipher = self._cipher_of(self._keys.audience_key(audience), audience)
        return recipient_of(cipher.open(claim.seq, claim.salt, claim.box))

    def unsubscribed(self, found: Found, at: float, source: str) -> Event:
        """Whoever this token belongs to wants no more notices of this kind."""
        return self.event(found, EventKind.UNSUBSCRIBE, at, source)

    # --- whose it is

    def _find(self, raw: bytes, returned: Returned) -> Found | None:
        """By the address it came to; else by what it brings back of ours. A token speaks for
        itself wherever it stands: nobody can make one up."""
        seen: set[str] = set()
        for text in (_addressed_to(raw), returned.original):
            for token in _TOKEN.findall(text)[:_MOST_TOKENS]:
                if token.lower() not in seen:
                    seen.add(token.lower())
                    if (found := self.delivery(token)) is not None:
                        return found
        return None

    def delivery(self, token: str) -> Found | None:
        """The delivery of a token for either purpose; None for a token that is not ours."""
        for mailing, key in self._keys_of_mailings():
            for purpose in Purpose:
                number = delivery_of(key, token, purpose)
                if number is None:
                    continue
                where = self._ledger.whereabouts(number) if number < 1 << 63 else None
                if where is not None and where[0].mailing == mailing:
                    return Found(purpose, *where)
        return None

    def _keys_of_mailings(self) -> Iterator[tuple[str, bytes]]:
        """Newest first: what comes back is mostly about the last one."""
        for mailing in reversed(self._ledger.mailings()):
            if mailing.id not in self._mailings:
                self._mailings[mailing.id] = self._keys.token_key(mailing.id)
                self._audiences[mailing.id] = mailing.audience
            yield mailing.id, self._mailings[mailing.id]

    def _audience(self, mailing: str) -> str:
        if mailing not in self._audiences:
            self._audiences[mailing] = self._ledger.mailing(mailing).audience
        return self._audiences[mailing]

    def _kind(self, mailing: str) -> Kind:
        if mailing not in self._kinds:
            self._kinds[mailing] = self._ledger.frozen(mailing).notice.kind
        return self._kinds[mailing]


_HARMLESS = frozenset({"not-spam", "auth-failure", "dmarc"})
"""Feedback that complains of nothing (RFC 6430, RFC 6591)."""


def _heard(event: Event) -> Judged:
    return Judged(event.kind.value, event)


def _without(returned: Returned) -> Judged:
    """No token of ours: nothing changes. What a machine answers to a person is dropped."""
    answer = returned.form is Form.ANSWER
    return Judged("answer" if answer else "no token of ours", strange=not answer)


def _gravest(said: Sequence[Said]) -> tuple[EventKind, str, Said] | None:
    """What counts where several recipients are reported on: all are stations of one delivery."""
    judged: list[tuple[int, EventKind, str, Said]] = []
    for each in said:
        if each.action == "failed":
            kind, rule = classify(each.words, each.status)
            judged.append((BOUNCES.index(kind), kind, rule, each))
        elif each.action == "delivered":
            judged.append((len(BOUNCES), EventKind.DELIVERED, "delivered", each))
    if not judged:
        return None
    _, kind, rule, about = min(judged, key=lambda one: one[0])
    return kind, rule, about


def _addressed_to(raw: bytes) -> str:
    """The addresses it was delivered to, as whoever delivered it wrote down."""
    head = raw[:65_536].replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    message = message_from_bytes(head + b"\n\n")
    values = (str(value) for name in _DELIVERED_TO for value in message.get_all(name, []))
    return "\n".join(value[:_MOST_FIELD] for value in values)
