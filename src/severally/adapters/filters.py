"""A spam filter of this machine, asked what it thinks of a message: SpamAssassin or Rspamd.

Responsible for running what is installed already, without the network where it lets us. None
is needed; none is installed. Points for a journey that the message has not made are taken off.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_PATIENCE_S = 60
_NUMBER = "X-Severally-Check"
"""SpamAssassin answers an mbox in no order; each message bears its number and keeps it."""
_STATUS = "add_header all Status _YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTSSCORES_ end=1"
"""Its own status line, with each rule's points, however this machine has set it."""
_UNWRAPPED = "report_safe 0"
"""What it takes for spam it would wrap into a report of its own."""
_ANSWER = re.compile(
    rb"^X-Spam-Status:(?P<status>.*(?:\r?\n[ \t].*)*)|^X-Severally-Check: (?P<number>\d+)",
    re.MULTILINE,
)
_OF_THE_JOURNEY = frozenset(
    {"NO_RECEIVED", "NO_RELAYS", "MISSING_HEADERS", "ALL_TRUSTED", "RCVD_COUNT_ZERO"}
    | {"RCVD_NO_TLS_LAST", "HFILTER_HOSTNAME_UNKNOWN", "R_DKIM_NA", "ARC_NA", "DMARC_NA"}
)
"""Rules about how a message came: one that was never sent came from nowhere."""
_RSPAMD_ACTIONS = {"greylist": 4.0, "add_header": 6.0}
"""Its own defaults (`actions.conf`), where it does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` in the filter's own points; at `required` it marks a message as spam, and from
    `warn_at` its author should know. `rules`: what gave points, the most first."""

    score: float
    required: float
    warn_at: float
    rules: tuple[str, ...]


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
    second, so all messages go into one run, as an mbox. It warns at half of what it takes:
    receivers add points for what only they know."""

    name = "SpamAssassin"

    def __init__(self, program: str) -> None:
        ours = ("--cf", _STATUS, "--cf", _UNWRAPPED)
        self._command = (program, "--local", "--test-mode", "--mbox", *ours)

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
    if numbers is None:
        return None
    points = {name: float(each) for name, each in re.findall(r"([A-Z]\w+)=(-?[\d.]+)", status)}
    required = float(numbers[2])
    return _verdict(float(numbers[1]), required, required / 2, points)


class Rspamd:
    """`rspamc --json`: asks the Rspamd that runs on this machine. It warns where that would
    first do something about a message: hold it back for a while (greylist)."""

    name = "Rspamd"

    def __init__(self, program: str) -> None:
        self._command = (program, "--json", "symbols")

    def judge(self, messages: Sequence[bytes]) -> list[Verdict | None]:
        """See Filter."""
        acts = _rspamd_actions()
        return [self._judge(message, acts) for message in messages]

    def _judge(self, message: bytes, acts: Mapping[str, float]) -> Verdict | None:
        try:
            said = json.loads(_asked(self._command, message))
            points = {name: float(each["score"]) for name, each in said["symbols"].items()}
            score = float(said["score"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return _verdict(score, acts["add_header"], acts["greylist"], points)


def _rspamd_actions() -> dict[str, float]:
    """From how many points on it does what, as this machine is set."""
    acts = dict(_RSPAMD_ACTIONS)
    program = shutil.which("rspamadm")
    if program is None:
        return acts
    try:
        said: dict[str, Any] = json.loads(_asked((program, "configdump", "-j", "actions"), b""))
        acts |= {
            name: float(said[name]) for name in acts if isinstance(said.get(name), int | float)
        }
    except (ValueError, AttributeError):
        pass  # its own words are not JSON: the defaults hold
    return acts


def _asked(command: Sequence[str], message: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=message, capture_output=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout


def _verdict(score: float, required: float, warn_at: float, points: Mapping[str, float]) -> Verdict:
    journey = sum(each for name, each in points.items() if name in _OF_THE_JOURNEY)
    counted = {
        name: each
        for name, each in points.items()
        if name not in _OF_THE_JOURNEY and abs(each) >= 0.01
    }
    worst = sorted(counted, key=lambda name: (-counted[name], name))
    told = tuple(f"{name} {counted[name]:.1f}" for name in worst)
    return Verdict(max(0.0, round(score - journey, 2)), required, warn_at, told)
