"""A spam filter of this machine, asked what it thinks of a message: SpamAssassin or Rspamd.

Responsible for running what is installed already, without the network where it lets us. None
is needed; none is installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_PATIENCE_S = 60
_NUMBER = "X-Severally-Check"
"""SpamAssassin answers an mbox in no order; each message bears its number and keeps it."""
_ANSWER = re.compile(
    rb"^X-Spam-Status:(?P<status>.*(?:\r?\n[ \t].*)*)|^X-Severally-Check: (?P<number>\d+)",
    re.MULTILINE,
)
_MISSING_TRACE = frozenset(
    ("NO_RECEIVED", "NO_RELAYS", "MISSING_HEADERS", "RCVD_COUNT_ZERO", "HFILTER_HOSTNAME_UNKNOWN")
)
"""Rules about a journey that a message which was never sent has not made."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` in the filter's own points; at `required` it calls a message spam."""

    score: float
    required: float
    rules: tuple[str, ...]

    @property
    def warn_at(self) -> float:
        """Half of what it takes: receivers add points for what only they know."""
        return self.required / 2


class Filter(Protocol):
    """One that is installed."""

    name: str

    def judge(self, messages: Sequence[bytes]) -> list[Verdict | None]:
        """In their order; None where it does not answer."""
        ...


def find_filter(path: str | None = None) -> Filter | None:
    """SpamAssassin, else a running Rspamd, else nothing. `path` replaces PATH (tests do)."""
    for name, make in (("spamassassin", SpamAssassin), ("rspamc", Rspamd)):
        program = shutil.which(name, path=path)
        if program is not None:
            return make(program)
    return None


class SpamAssassin:
    """`spamassassin --local --test-mode`: its rules alone, no lookups. It reads its rules for a
    second, so all messages go into one run, as an mbox."""

    name = "SpamAssassin"

    def __init__(self, program: str) -> None:
        self._command = (program, "--local", "--test-mode", "--mbox")

    def judge(self, messages: Sequence[bytes]) -> list[Verdict | None]:
        """See Filter."""
        box = b"".join(_in_mbox(number, message) for number, message in enumerate(messages))
        status = b""
        verdicts: dict[int, Verdict | None] = {}
        for match in _ANSWER.finditer(_asked(self._command, box)):
            if match["number"] is None:
                status = match["status"]
            else:
                verdicts.setdefault(int(match["number"]), _read_status(status))
                status = b""
        return [verdicts.get(number) for number in range(len(messages))]


def _in_mbox(number: int, message: bytes) -> bytes:
    plain = message.replace(b"\r\n", b"\n")
    quoted = re.sub(rb"^(>*From )", rb">\1", plain, flags=re.MULTILINE)
    head = f"From nobody Thu Jan  1 00:00:00 1970\n{_NUMBER}: {number}\n"
    return head.encode() + quoted.rstrip(b"\n") + b"\n\n"


def _read_status(field: bytes) -> Verdict | None:
    status = re.sub(r"\s+", " ", field.decode("utf-8", "replace"))
    numbers = re.search(r"score=(-?[\d.]+) required=([\d.]+)", status)
    tests = re.search(r"tests=([A-Z0-9_, ]*)", status)
    if numbers is None:
        return None
    rules = tests[1].replace(" ", "").split(",") if tests else []
    return Verdict(float(numbers[1]), float(numbers[2]), _told(rules))


class Rspamd:
    """`rspamc --json`: asks the Rspamd that runs on this machine."""

    name = "Rspamd"

    def __init__(self, program: str) -> None:
        self._command = (program, "--json", "symbols")

    def judge(self, messages: Sequence[bytes]) -> list[Verdict | None]:
        """See Filter."""
        return list(map(self._judge, messages))

    def _judge(self, message: bytes) -> Verdict | None:
        out = _asked(self._command, message)
        try:
            said = json.loads(out or b"")
            rules = sorted(said["symbols"])
            return Verdict(float(said["score"]), float(said["required_score"]), _told(rules))
        except (ValueError, KeyError, TypeError):
            return None


def _asked(command: Sequence[str], message: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=message, capture_output=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout


def _told(rules: Sequence[str]) -> tuple[str, ...]:
    return tuple(rule for rule in rules if rule and rule not in _MISSING_TRACE and rule != "none")
