"""What the verbs about what comes back answer with: plain structs that print as JSON."""

from __future__ import annotations

import msgspec


class SuppressionLine(msgspec.Struct, frozen=True):
    """One suppression. `key` is the address's blind index; `expires` 0.0 means for ever."""

    key: str
    scope: str
    why: str
    source: str
    at: float
    expires: float


class SuppressionList(msgspec.Struct, frozen=True):
    """`suppression list`: how many by scope and reason, and the first thousand."""

    total: int
    counts: dict[str, int]
    lines: tuple[SuppressionLine, ...]


class SuppressionChange(msgspec.Struct, frozen=True):
    """`suppression add|remove`: how many entries changed."""

    key: str
    scope: str
    changed: int


class SuppressionFile(msgspec.Struct, frozen=True):
    """`suppression import|export`: rows of the file; `left_out` could not be written."""

    file: str
    rows: int
    changed: int
    left_out: int = 0


class IntakeResult(msgspec.Struct, frozen=True):
    """`intake`: how many messages were what; `kept` wait for a person to look at them."""

    messages: dict[str, int]
    kept: int


class CheckLine(msgspec.Struct, frozen=True):
    """One thing that receivers look at: `result` is pass, warn, fail or unknown; `cure` is the
    record to publish, or what to do."""

    name: str
    result: str
    why: str
    cure: str


class SenderCheck(msgspec.Struct, frozen=True):
    """`check --sender`."""

    sender: str
    checks: tuple[CheckLine, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing fails."""
        return all(check.result != "fail" for check in self.checks)
