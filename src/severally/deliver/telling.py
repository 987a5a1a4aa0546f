"""What providers told by webhook: calls that wait become events, and are let go of only when those
are committed.

The token in an event's metadata says which delivery it is about; without a token of ours nothing
changes. A call that holds what somebody should look at is kept. Not responsible for who may call.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import msgspec

from severally.deliver.intake import Found, Intake
from severally.feedback.returned import Said
from severally.feedback.webhooks import Told, mailgun, meaning, postmark, resend, sendgrid, ses
from severally.model.delivery import Purpose
from severally.model.entries import Act
from severally.model.event import Event
from severally.model.incoming import Came
from severally.ports import Ledger
from severally.ports.incoming import Incoming

BATCH = 20
"""Calls read at once; some hold a thousand events."""
READ: Mapping[str, Callable[[bytes], Iterator[Told]]] = {
    "sendgrid": sendgrid.told,
    "ses": ses.told,
    "mailgun": mailgun.told,
    "postmark": postmark.told,
    "resend": resend.told,
}
_TOKEN = re.compile(r"[a-z2-7]{26}")
_WORD = re.compile(r"[A-Za-z0-9 ._-]{1,60}")


class Call(msgspec.Struct, frozen=True):
    """A verified call as it waits on disk: whose it is, and the route it came for."""

    provider: str
    route: str


def packed(call: Call, body: bytes) -> bytes:
    """For the spool."""
    return msgspec.json.encode(call) + b"\n" + body


class Telling:
    """`intake` knows whose a token is; `wall` says the time (Unix seconds)."""

    def __init__(self, intake: Intake, ledger: Ledger, wall: Callable[[], float]) -> None:
        self._intake = intake
        self._ledger = ledger
        self._wall = wall
        self._unknown: set[tuple[str, str]] = set()

    def take(self, source: Incoming) -> Counter[str]:
        """Whatever waits there, a batch at most; how many events were what."""
        counts: Counter[str] = Counter()
        events: list[Event] = []
        strange: list[str] = []
        batch = source.waiting(BATCH)
        for came in batch:
            words, found = self._read(came)
            counts.update(words)
            events += found
            if words["strange"] or words["not ours"]:
                strange.append(came.name)
        if events:
            self._ledger.add_events(events, self._wall())
        source.keep(strange)
        source.done([came.name for came in batch if came.name not in strange])
        return counts

    def _read(self, came: Came) -> tuple[Counter[str], list[Event]]:
        words: Counter[str] = Counter()
        events: list[Event] = []
        try:
            head, _, body = came.raw.partition(b"\n")
            call = msgspec.json.decode(head, type=Call)
            for told in READ[call.provider](body):
                word, event = self._event(call, told, came.at)
                words[word] += 1
                if event is not None:
                    events.append(event)
        except (ValueError, KeyError, RecursionError, TypeError):
            words["strange"] += 1
        return words, events

    def _event(self, call: Call, told: Told, came_at: float) -> tuple[str, Event | None]:
        said = meaning(call.provider, told)
        if said == "nothing" or not told.token:
            return "nothing", None
        found = self._found(told.token)
        if found is None:
            # a token of our form and not of this workspace: for a person to look at
            return ("not ours" if _TOKEN.fullmatch(told.token) else "nothing"), None
        if isinstance(said, str):
            self._keep_word(call.provider, told.word, found)
            return "unknown", None
        kind, rule = said
        words = Said("failed", told.status, told.words)
        at = told.at or came_at
        event = self._intake.event(found, kind, at, f"webhook {call.provider}", words, rule)
        return kind.value, event

    def _found(self, token: str) -> Found | None:
        found = self._intake.delivery(token)
        return found if found is not None and found.purpose is Purpose.DELIVERY else None

    def _keep_word(self, provider: str, word: str, found: Found) -> None:
        """Once, in the record: somebody will want to know what it means."""
        if (provider, word) not in self._unknown and len(self._unknown) < 1_000:
            self._unknown.add((provider, word))
            shown = word if _WORD.fullmatch(word) else "that cannot be shown"
            detail = f"{provider} said a word that no table knows: {shown}"
            self._ledger.add_act(Act(self._wall(), found.cohort.mailing, "webhook", detail))
