"""The one tree of errors. Its text is what a person reads at the prompt.

    SeverallyError            1   anything else
    ├── UsageError            2   the command or its configuration is wrong
    ├── Refused               3   a check said no; carries every finding
    ├── Halted                4   a person or the guard stopped the mailing
    ├── Unfinished            5   some recipients are not final yet
    ├── ComposeError          1   one recipient's message cannot be made; it is blocked
    └── LedgerError           1   the record could not be read or written
        ├── Fenced                another process has taken this work over
        └── StorageFailed         the disk refused a write; nothing was acknowledged

A message says what is wrong, with what, and what to do. It never holds a recipient's
address or a private value: recipients are named by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SeverallyError(Exception):
    """Something a person should read. `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(SeverallyError):
    """The command line or the configuration cannot be understood."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found: where, what is wrong, what to do.

    `where` is `file:line`, a column or a setting; `recipients` are ids, never addresses.
    `locale` and `segment` say which translation it is about, where it is about one.
    """

    where: str
    problem: str
    cure: str = ""
    recipients: tuple[str, ...] = ()
    warning: bool = False
    locale: str = ""
    segment: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        if self.recipients:
            shown = ", ".join(self.recipients[:5])
            more = len(self.recipients) - 5
            text += f" (recipients {shown}{f' and {more} more' if more > 0 else ''})"
        return f"{text}; {self.cure}" if self.cure else text


class Refused(SeverallyError):
    """A check said no before anything was sent. Every finding is carried, not the first."""

    exit_code = 3

    def __init__(self, what: str, findings: Sequence[Finding] = ()) -> None:
        self.what = what
        self.findings = tuple(findings)
        super().__init__("\n".join([what, *(f"  {finding}" for finding in self.findings)]))


class Halted(SeverallyError):
    """The mailing was stopped, by a person or by the guard."""

    exit_code = 4


class Unfinished(SeverallyError):
    """Recipients remain that are deferred, blocked or in doubt."""

    exit_code = 5


class ComposeError(SeverallyError):
    """One recipient's message cannot be made (a value is missing or does not fit)."""


class LedgerError(SeverallyError):
    """The record could not be read or written."""


class Fenced(LedgerError):
    """Another process has taken this work over; whatever this one still holds is void."""


class StorageFailed(LedgerError):
    """The disk refused a write (full, or an I/O error); nothing was acknowledged."""
