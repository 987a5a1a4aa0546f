"""What the verbs of the staged way answer with."""

from __future__ import annotations

import msgspec


class LocaleDiff(msgspec.Struct, frozen=True):
    """How one locale's text differs from the last mailing's. `lines` begin with `+` or `-`."""

    locale: str
    added: int
    removed: int
    lines: tuple[str, ...]


class StepLine(msgspec.Struct, frozen=True):
    """One step of the plan; neighbours of one name are one line. `messages` altogether."""

    name: str
    parts: int
    messages: int
    gate: bool


class Proposed(msgspec.Struct, frozen=True):
    """`propose`, and what `approve` shows. `digest` is whole; its first 12 digits are its short
    form. `approvals` of `needed` were given; `worst` are files to look at. `told_before` rows are
    left out because the mailing that it goes `instead_of`, or one before that, left for them."""

    mailing: str
    notice: str
    state: str
    digest: str
    audience: int
    left_out: int
    set_aside: int
    locales: tuple[str, ...]
    sentinels: int
    steps: tuple[StepLine, ...]
    estimate_s: float
    author: str
    approvals: tuple[str, ...]
    needed: int
    previous: str
    diff: tuple[LocaleDiff, ...]
    worst: tuple[str, ...]
    instead_of: str = ""
    told_before: int = 0

    @property
    def short(self) -> str:
        """Twelve digits, to be read out."""
        return self.digest[:12]


class CanaryReport(msgspec.Struct, frozen=True):
    """Who of the canary is a customer and who is staff, by state; zeros left out."""

    customers: dict[str, int]
    staff: dict[str, int]


class Said(msgspec.Struct, frozen=True):
    """`decide`, `acknowledge`, `review`: what was written down."""

    mailing: str
    said: str
    who: str


class Withdrawn(msgspec.Struct, frozen=True):
    """`withdraw`. `withdrawn` will not be told by it; it had `left` for the others, of whom some
    are `in_doubt`."""

    mailing: str
    state: str
    withdrawn: int
    left: int
    in_doubt: int
    reason: str
    who: str


class AuditResult(msgspec.Struct, frozen=True):
    """`audit verify`. `unanchored` rows follow the last checkpoint, written `unanchored_s` ago at
    most; `checkpoints` were read, from `places`."""

    rows: int
    head: str
    checkpoints: int
    places: tuple[str, ...]
    unanchored: int
    unanchored_s: float
    flaws: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.flaws


class StoryLine(msgspec.Struct, frozen=True):
    """One row of the record. `at` is Unix seconds."""

    row: int
    at: float
    mailing: str
    who: str
    what: str
    detail: str


class Story(msgspec.Struct, frozen=True):
    """`audit show`."""

    mailing: str
    lines: tuple[StoryLine, ...]
