"""Keys of the programs that ask for urgent messages: made, shown once, checked, revoked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

import msgspec

from severally.app.office import Office
from severally.app.operations.audiences import new_id
from severally.app.operations.signing import act_as, on_record
from severally.model.entries import Act
from severally.model.errors import Refused, UsageError
from severally.model.operator import Role
from severally.model.urgent import ApiKey, KeyScope
from severally.ports import Ledger

REFRESH_S = 1.0
_MOST_PER_MINUTE = 1_000_000
_LONGEST_S = 366 * 86_400.0
_SHAPE = re.compile(r"sev_(?:test|team|live)_(k-[a-z0-9]{6})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


class KeyLine(msgspec.Struct, frozen=True):
    """A key without its secret. Times are Unix seconds; 0.0 means never."""

    id: str
    name: str
    scope: KeyScope
    per_minute: int
    made_at: float
    made_by: str
    expires_at: float
    revoked_at: float


class KeyList(msgspec.Struct, frozen=True):
    """`key list`."""

    keys: tuple[KeyLine, ...]


class KeyMade(msgspec.Struct, frozen=True):
    """`key make`. `secret` is shown this once."""

    id: str
    name: str
    scope: KeyScope
    expires_at: float
    secret: str


class KeyRevoked(msgspec.Struct, frozen=True):
    """`key revoke`."""

    id: str


def make(
    office: Office, name: str, scope: str, per_minute: int, lasts_s: float, code: str
) -> KeyMade:
    """A key for one program. Raises UsageError, and Refused for who may not."""
    with on_record(office, "", "key make"):
        actor = act_as(office, "key make", Role.APPROVER, Role.OPERATOR, code=code)
        if not _NAME.fullmatch(name):
            raise UsageError("a key's name is made of letters, digits, spaces, '.', '_' and '-'")
        if scope not in set(KeyScope):
            raise UsageError(f"{scope!r} is no scope; there are {', '.join(KeyScope)}")
        if KeyScope(scope) is KeyScope.TEST and office.workspace.purpose == "live":
            raise Refused("a live workspace has no test keys; make them in a trial workspace")
        if not 1 <= per_minute <= _MOST_PER_MINUTE:
            raise UsageError(f"a key's rate is from 1 to {_MOST_PER_MINUTE:,} a minute")
        if not 60 <= lasts_s <= _LONGEST_S:
            raise UsageError("a key lasts from a minute to a year")
        now, secret = office.wiring.clock.wall(), secrets.token_urlsafe(32)
        made = ApiKey(
            new_id("k"),
            name,
            KeyScope(scope),
            hashlib.sha256(secret.encode()).digest(),
            per_minute,
            now,
            actor.name,
            now + lasts_s,
        )
        office.ledger.add_key(made, Act(now, "", "key made", f"{made.id} {scope}", actor.name))
    shown = f"sev_{scope}_{made.id}_{secret}"
    return KeyMade(made.id, name, made.scope, made.expires_at, shown)


def listed(office: Office) -> KeyList:
    """Every key there ever was."""
    return KeyList(
        tuple(
            KeyLine(
                k.id,
                k.name,
                k.scope,
                k.per_minute,
                k.made_at,
                k.made_by,
                k.expires_at,
                k.revoked_at,
            )
            for k in office.ledger.api_keys()
        )
    )


def revoke(office: Office, key_id: str, code: str) -> KeyRevoked:
    """It opens nothing from now on (within a second, in every serving process)."""
    with on_record(office, "", f"key revoke {key_id}"):
        actor = act_as(office, "key revoke", Role.APPROVER, Role.OPERATOR, code=code)
        now = office.wiring.clock.wall()
        office.ledger.revoke_key(key_id, Act(now, "", "key revoked", key_id, actor.name))
    return KeyRevoked(key_id)


class KeyRing:
    """The keys of a serving process: who is asking, and how often.

    `monotonic` and `wall` are the clock's. Keys are read again once a second, and for
    one that is not known yet.
    """

    def __init__(
        self, ledger: Ledger, monotonic: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._monotonic = monotonic
        self._wall = wall
        self._read_at = -REFRESH_S
        self._keys: dict[str, ApiKey] = {}
        self._left: dict[str, tuple[float, float]] = {}

    def find(self, shown: str) -> ApiKey | None:
        """Whose key this is; None for nobody's, and for one that has ended."""
        match = _SHAPE.fullmatch(shown)
        if match is None:
            return None
        now = self._monotonic()
        if now - self._read_at >= REFRESH_S or match[1] not in self._keys:
            self._read_at = now
            self._keys = {key.id: key for key in self._ledger.api_keys()}
        key = self._keys.get(match[1])
        hashed = hashlib.sha256(match[2].encode()).digest()
        if key is None or not hmac.compare_digest(key.hash, hashed) or key.flaw(self._wall()):
            return None
        return key

    def wait(self, key: ApiKey) -> float:
        """Seconds until this key may ask again; 0.0 for now, and then it has asked.

        A bucket that holds the requests of ten seconds, and one at least.
        """
        now, rate = self._monotonic(), key.per_minute / 60
        most = max(1.0, rate * 10)
        left, since = self._left.get(key.id, (most, now))
        left = min(most, left + (now - since) * rate)
        if left < 1:
            self._left[key.id] = (left, now)
            return (1 - left) / rate
        self._left[key.id] = (left - 1, now)
        return 0.0
