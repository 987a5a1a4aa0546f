"""Urgent messages, their notices and keys in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import msgspec

from severally.ledger import urgent_rules as rules
from severally.model.delivery import OPEN, DeliveryState
from severally.model.entries import Act
from severally.model.mailing import Frozen
from severally.model.urgent import (
    Answer,
    ApiKey,
    Backlog,
    Caps,
    Change,
    Flood,
    Happening,
    Standing,
    Tracked,
    Urgent,
    UrgentNotice,
)

_D = DeliveryState
_replace = msgspec.structs.replace


class MemoryUrgent:
    """The part of the ledger that knows urgent messages."""

    _lock: threading.RLock

    def __init__(self) -> None:
        super().__init__()
        self._urgent: dict[int, Tracked] = {}
        self._idems: dict[tuple[str, bytes], int] = {}
        self._happenings: dict[int, list[Happening]] = {}
        self._notices: dict[str, tuple[UrgentNotice, Frozen]] = {}
        self._keys: dict[str, ApiKey] = {}

    def _write(self, *acts: Act) -> None:
        raise NotImplementedError

    # --- notices and keys

    def propose_urgent(self, notice: UrgentNotice, frozen: Frozen, act: Act) -> None:
        """Keep this version; one with the same digest stays as it is."""
        with self._lock:
            if notice.digest not in self._notices:
                self._notices[notice.digest] = (notice, frozen)
                self._write(act)

    def approve_urgent(self, digest: str, act: Act) -> UrgentNotice:
        """By `act.who`, at `act.at`."""
        with self._lock:
            notice, frozen = self._notice(digest)
            notice = _replace(notice, approved_at=act.at, approved_by=act.who)
            self._notices[digest] = (notice, frozen)
            self._write(act)
            return notice

    def urgent_notices(self) -> Sequence[UrgentNotice]:
        """All versions, the oldest first."""
        with self._lock:
            return [notice for notice, _ in self._notices.values()]

    def urgent_frozen(self, digest: str) -> Frozen:
        """Raises UsageError where there is none."""
        with self._lock:
            return self._notice(digest)[1]

    def _notice(self, digest: str) -> tuple[UrgentNotice, Frozen]:
        found = self._notices.get(digest)
        if found is None:
            raise rules.no_notice(digest)
        return found

    def add_key(self, key: ApiKey, act: Act) -> None:
        """Keep it."""
        with self._lock:
            self._keys[key.id] = key
            self._write(act)

    def api_keys(self) -> Sequence[ApiKey]:
        """All, revoked ones included, the oldest first."""
        with self._lock:
            return sorted(self._keys.values(), key=lambda key: (key.made_at, key.id))

    def revoke_key(self, key_id: str, act: Act) -> None:
        """Raises UsageError where there is none."""
        with self._lock:
            key = self._keys.get(key_id)
            if key is None:
                raise rules.no_key(key_id)
            if not key.revoked_at:
                self._keys[key_id] = _replace(key, revoked_at=act.at)
                self._write(act)

    # --- messages

    def accept_urgent(
        self, batch: Sequence[tuple[Urgent, Caps]], claimed: bool
    ) -> Sequence[Answer]:
        """Keep all that may be kept, in order."""
        with self._lock:
            return [self._accept(urgent, caps, claimed) for urgent, caps in batch]

    def _accept(self, urgent: Urgent, caps: Caps, claimed: bool) -> Answer:
        earlier = self._idems.get((urgent.key, urgent.idem))
        if earlier is not None:
            found = self._urgent[earlier]
            conflict = found.urgent.body != urgent.body
            return Answer(earlier, found.standing.state, repeated=True, conflict=conflict)
        all_ = self._urgent.values()
        capped = rules.capped(
            caps,
            urgent,
            lambda since: sum(
                each.urgent.person == urgent.person
                and each.urgent.accepted_at > since
                and not each.urgent.exempt
                for each in all_
            ),
            lambda since: sum(
                each.urgent.event == urgent.event and each.urgent.accepted_at > since
                for each in all_
            ),
        )
        if capped:
            return Answer(urgent.ident, _D.EXCLUDED, capped=capped)
        since = urgent.accepted_at - caps.window_s
        recent = sum(
            _same(each.urgent, urgent)
            and each.urgent.accepted_at > since
            and each.standing.state not in rules.NOT_TOLD
            for each in all_
        )
        state = rules.first_state(caps, urgent, recent, claimed)
        self._urgent[urgent.ident] = Tracked(urgent, Standing(state, due=urgent.due))
        self._idems[urgent.key, urgent.idem] = urgent.ident
        self._happenings[urgent.ident] = [rules.accepted(urgent.accepted_at, state)]
        return Answer(urgent.ident, state)

    def claim_urgent(self, count: int, now: float) -> Sequence[Tracked]:
        """Up to `count` ready or deferred messages whose time has come."""
        with self._lock:
            waiting = [
                each
                for each in self._urgent.values()
                if each.standing.state in (_D.READY, _D.DEFERRED) and each.standing.due <= now
            ]
            waiting.sort(key=lambda each: each.standing.due)
            for each in waiting[:count]:
                self._stand(each, state=_D.CLAIMED)
            return waiting[:count]

    def change_urgent(self, changes: Sequence[Change]) -> None:
        """New standings, with what happened."""
        with self._lock:
            for one in changes:
                found = self._urgent[one.ident]
                self._stand(
                    found, state=one.state, attempts=one.attempts, doubts=one.doubts, due=one.due,
                    date=one.date, route=one.happening.route or found.standing.route,
                    code=one.code, enhanced=one.enhanced, text=one.text,
                )  # fmt: skip
                self._happenings[one.ident].append(one.happening)

    def recover_urgent(self, now: float) -> tuple[int, int]:
        """What was claimed or attempting is ready again."""
        with self._lock:
            found = list(self._urgent.values())
            claimed = [each for each in found if each.standing.state is _D.CLAIMED]
            doubted = [each for each in found if each.standing.state is _D.ATTEMPTING]
            for each in claimed:
                self._stand(each, state=_D.READY)
            for each in doubted:
                self._stand(each, state=_D.READY, doubts=each.standing.doubts + 1)
                happening = rules.crashed(now, each.standing.route)
                self._happenings[each.urgent.ident].append(happening)
            return len(claimed), len(doubted)

    def floods(self, before: float) -> Sequence[Flood]:
        """Held messages, by event and person, where the first was accepted before then."""
        with self._lock:
            groups: dict[tuple[bytes, str], list[Urgent]] = {}
            for each in self._urgent.values():
                if each.standing.state is _D.HELD:
                    key = (each.urgent.person, each.urgent.event)
                    groups.setdefault(key, []).append(each.urgent)
            return [
                Flood(held[-1], len(held))
                for _, held in sorted(groups.items())
                if min(each.accepted_at for each in held) <= before
            ]

    def fold_urgent(self, newest: Urgent, now: float) -> None:
        """The newest is ready; the others held with it are withdrawn."""
        with self._lock:
            others = [
                each
                for each in self._urgent.values()
                if each.standing.state is _D.HELD
                and _same(each.urgent, newest)
                and each.urgent.ident != newest.ident
            ]
            for each in others:
                self._stand(each, state=_D.WITHDRAWN, into=newest.ident)
                self._happenings[each.urgent.ident].append(rules.folded(now, newest.ident))
            before = self._urgent[newest.ident]
            kept = _replace(
                before.urgent, digest=newest.digest, salt=newest.salt, box=newest.box, due=now
            )
            standing = _replace(before.standing, state=_D.READY, due=now)
            self._urgent[newest.ident] = Tracked(kept, standing)
            self._happenings[newest.ident].append(rules.stands_for(now, len(others)))

    def _stand(self, one: Tracked, **changed: object) -> None:
        standing = _replace(one.standing, **changed)
        urgent = _replace(one.urgent, due=standing.due)
        self._urgent[one.urgent.ident] = Tracked(urgent, standing)

    # --- looking

    def urgent(self, ident: int) -> Tracked | None:
        """The message, where there is one."""
        with self._lock:
            return self._urgent.get(ident)

    def urgent_happenings(self, ident: int) -> Sequence[Happening]:
        """What happened to a message, in order."""
        with self._lock:
            return list(self._happenings.get(ident, ()))

    def urgent_by_reference(self, scope: str, reference: str, count: int) -> Sequence[Tracked]:
        """The newest first, of keys with this scope."""
        with self._lock:
            found = [
                each
                for each in self._urgent.values()
                if each.urgent.scope == scope and each.urgent.reference == reference
            ]
            return found[::-1][:count]

    def urgent_backlog(self) -> Backlog:
        """What is not final."""
        with self._lock:
            waiting = [e for e in self._urgent.values() if e.standing.state in OPEN]
            counts = Counter(each.standing.state for each in waiting)
            oldest = min((each.urgent.accepted_at for each in waiting), default=0.0)
            return Backlog(dict(counts), oldest)


def _same(one: Urgent, other: Urgent) -> bool:
    return one.person == other.person and one.event == other.event
