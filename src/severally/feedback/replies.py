"""What an SMTP reply asks for: by text first, then enhanced code, then digit.

The rules are data (`rules.toml`), one row one source. A recipient is never suppressed on the
digit alone: some receivers say "too fast" with 550.
"""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources

import msgspec

from severally.model.outcome import ACCEPTED, Action, Origin, Reply, Scope, Verdict

_ASKED = re.compile(
    r"(?:try again|retry|come back|wait)\D{0,30}?(\d{1,5})\s*(second|sec|s|minute|min|m|hour|h)",
    re.IGNORECASE,
)
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_ASKED_MOST_S = 86_400.0


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of `rules.toml`; see there."""

    id: str
    pattern: str
    sample: str
    action: Action
    scope: Scope
    source: str
    pause_s: float = 0.0
    count: int = 1
    within_s: int = 0
    note: str = ""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[Rule]


def load_rules(text: str) -> tuple[Rule, ...]:
    """Rules from TOML. Raises msgspec.ValidationError."""
    return tuple(msgspec.convert(tomllib.loads(text), _Table).rule)


@functools.cache
def shipped_rules() -> tuple[Rule, ...]:
    """The rules that come with the program."""
    folder = resources.files("severally.feedback")
    return load_rules((folder / "rules.toml").read_text("utf-8"))


class ReplyRules:
    """Classifies replies by rules, the first match deciding."""

    def __init__(self, rules: tuple[Rule, ...] | None = None) -> None:
        self._rules = [
            (re.compile(rule.pattern, re.IGNORECASE), rule) for rule in rules or shipped_rules()
        ]

    def rule_for(self, reply: Reply) -> Rule | None:
        """The rule that decides, if any does."""
        line = _line(reply)
        return next((rule for pattern, rule in self._rules if pattern.search(line)), None)

    def classify(self, reply: Reply, origin: Origin, now: float) -> Verdict:
        """Never fails: what is not known is judged by its digit."""
        if 200 <= reply.code < 400:
            return ACCEPTED
        rule = self.rule_for(reply)
        if rule is None:
            return _by_digit(reply, "digit")
        if rule.count > 1:
            return _by_digit(reply, rule.id)
        return Verdict(rule.action, rule.scope, rule.id, asked_s(reply.text) or rule.pause_s)


def asked_s(text: str) -> float:
    """Seconds the reply asks us to wait, or 0.0: `try again in 300 seconds`."""
    match = _ASKED.search(text)
    if match is None:
        return 0.0
    return min(float(match[1]) * _UNIT_S[match[2][0].lower()], _ASKED_MOST_S)


def _line(reply: Reply) -> str:
    return f"{reply.code} {reply.text}"


def _by_digit(reply: Reply, rule: str) -> Verdict:
    """5xx fails without suppressing anybody; all else is tried again."""
    if reply.code >= 500:
        return Verdict(Action.FAIL, Scope.RECIPIENT, rule)
    return Verdict(Action.RETRY, Scope.MESSAGE, rule, asked_s(reply.text))
