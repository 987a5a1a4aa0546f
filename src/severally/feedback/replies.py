"""What an SMTP reply asks for: by text first, then enhanced code, then digit.

The rules are data (`rules/*.toml`), one row one source: a receiver's own first, then those
for anybody. A recipient is never suppressed on the digit alone: some receivers say "too
fast" with 550.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import deque
from importlib import resources

import msgspec

from severally.feedback.asked import asked_s, until_midnight_cst
from severally.model.outcome import ACCEPTED, Action, Origin, Reply, Scope, Verdict


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a rules file; `rules/anybody.toml` says what the fields mean."""

    id: str
    pattern: str
    sample: str
    action: Action
    scope: Scope
    source: str
    pause_s: float = 0.0
    until: str = ""
    count: int = 1
    within_s: float = 0.0
    spares: bool = False
    note: str = ""


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of some receivers (lanes' ids), in order; of anybody, where it names none."""

    receivers: tuple[str, ...]
    rule: tuple[Rule, ...]


def load_rules(text: str) -> RuleFile:
    """One file's rules from TOML. Raises msgspec.ValidationError."""
    return msgspec.convert(tomllib.loads(text), RuleFile)


@functools.cache
def shipped_rules() -> tuple[RuleFile, ...]:
    """The rules that come with the program."""
    folder = resources.files("severally.feedback") / "rules"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return tuple(load_rules(file.read_text("utf-8")) for file in files if file.name[-5:] == ".toml")


class Windows:
    """When rules with a count matched lately: all the state that judging replies has."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], deque[float]] = {}

    def full(self, rule: Rule, about: str, now: float) -> bool:
        """Note a match; whether there were `rule.count` of them within `rule.within_s`."""
        times = self._times.setdefault((rule.id, about), deque(maxlen=rule.count))
        times.append(now)
        return len(times) == rule.count and now - times[0] <= rule.within_s


class ReplyRules:
    """Classifies replies by rules, the first match deciding."""

    def __init__(self, files: tuple[RuleFile, ...] | None = None) -> None:
        self._anybody: list[tuple[re.Pattern[str], Rule]] = []
        self._own: dict[str, list[tuple[re.Pattern[str], Rule]]] = {}
        self._sparing: list[tuple[re.Pattern[str], Rule]] = []
        for file in files if files is not None else shipped_rules():
            rules = [(re.compile(rule.pattern, re.IGNORECASE), rule) for rule in file.rule]
            for receiver in file.receivers:
                self._own[receiver] = rules
            if not file.receivers:
                self._anybody += rules
                self._sparing += [(pattern, rule) for pattern, rule in rules if rule.spares]

    def rule_for(self, reply: Reply, receiver: str) -> Rule | None:
        """The rule that decides, if any does: nobody is suppressed while a rule spares them."""
        line = f"{reply.code} {reply.text}"
        rule = _first(self._own.get(receiver, []), line) or _first(self._anybody, line)
        if rule is not None and rule.action is Action.SUPPRESS:
            return _first(self._sparing, line) or rule
        return rule

    def classify(self, reply: Reply, origin: Origin, now: float, windows: Windows) -> Verdict:
        """Never fails: what is not known is judged by its digit. `now` is Unix seconds."""
        if 200 <= reply.code < 400:
            return ACCEPTED
        rule = self.rule_for(reply, origin.receiver)
        if rule is None:
            return _by_digit(reply)
        about = origin.mailing if rule.scope is Scope.MAILING else origin.lane
        if rule.count > 1 and not windows.full(rule, about, now):
            again = Action.RETRY if reply.code < 500 else Action.RETRY_ONCE
            return Verdict(again, Scope.MESSAGE, rule.id, asked_s(reply.text))
        if rule.until:
            return Verdict(rule.action, rule.scope, rule.id, until_midnight_cst(now))
        return Verdict(rule.action, rule.scope, rule.id, asked_s(reply.text) or rule.pause_s)


def _first(rules: list[tuple[re.Pattern[str], Rule]], line: str) -> Rule | None:
    return next((rule for pattern, rule in rules if pattern.search(line)), None)


def _by_digit(reply: Reply) -> Verdict:
    """5xx fails without suppressing anybody; all else is tried again."""
    if reply.code >= 500:
        return Verdict(Action.FAIL, Scope.RECIPIENT, "digit")
    return Verdict(Action.RETRY, Scope.MESSAGE, "digit", asked_s(reply.text))
