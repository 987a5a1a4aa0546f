"""What is proposed beside the notice itself: all that an approval is given to."""

from __future__ import annotations

import hashlib

import msgspec

from severally.model.lane import Limits


class Proposal(msgspec.Struct, frozen=True):
    """Fixed when a mailing is proposed, and a part of what is approved.

    `golden`: locale -> SHA-256 (hex) of sample messages as this program composed them, unsigned.
    `sources`: file -> SHA-256 (hex) of what the mailing was made from. `ceilings`: lane or
    route -> limits that sending never exceeds. `left_out` and `set_aside` count rows of the
    audience's file that nobody is told for. `previous` is the last mailing of the same notice.
    It may go instead of another, whose recipients were withdrawn; `told_before` counts the rows
    of those whom that one, or one before it, left for. `way`: SHA-256 (hex) of where the route
    leads, empty in what was proposed before that was written down.
    """

    author: str
    at: float
    golden: dict[str, str]
    sources: dict[str, str]
    ceilings: dict[str, Limits]
    approvals: int
    left_out: int = 0
    set_aside: int = 0
    previous: str = ""
    instead_of: str = ""
    told_before: int = 0
    way: str = ""


class Approval(msgspec.Struct, frozen=True):
    """One person's word for one digest, as it stands in the record."""

    digest: str
    count: int

    def __str__(self) -> str:
        return f"digest {self.digest}, {self.count} recipients"


def parse_approval(text: str) -> Approval | None:
    """What `str` wrote; None for anything else."""
    words = text.replace(",", "").split()
    if len(words) != 4 or words[0] != "digest" or words[3] != "recipients":
        return None
    return Approval(words[1], int(words[2])) if words[2].isdigit() else None


def sha256(data: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
