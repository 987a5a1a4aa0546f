"""Replies that are in no table, as servers out there word them, and what they ask for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from severally.feedback.replies import ReplyRules, Windows, shipped_rules
from severally.model.outcome import Action, Origin, Reply
from severally.transport.replies import ReplyParser, kept

CORPUS = tomllib.loads((Path(__file__).parents[1] / "corpus" / "replies.toml").read_text("utf-8"))
RULES = ReplyRules()


def heard(line: str) -> Reply:
    (reply,) = ReplyParser().feed(f"{line[:3]} {line[4:]}\r\n".encode())
    return kept(reply)


def test_there_are_fifty_at_least_and_none_is_a_rules_sample() -> None:
    samples = {rule.sample for file in shipped_rules() for rule in file.rule}
    said = {row["says"] for row in CORPUS["reply"]}
    assert len(said) == len(CORPUS["reply"]) >= 50
    assert not said & samples


@pytest.mark.parametrize("row", CORPUS["reply"], ids=lambda row: row["from"])
def test_what_it_asks_for(row: dict[str, object]) -> None:
    origin = Origin("mx.somewhere.example", "main/mx.somewhere.example", "m-1")
    verdict = RULES.classify(heard(str(row["says"])), origin, 1_000.0, Windows())
    assert verdict.action == row["action"], verdict.rule
    if "pause_s" in row:
        assert verdict.pause_s == row["pause_s"]


@pytest.mark.parametrize("code", [421, 450, 451, 452, 550, 552, 554])
@pytest.mark.parametrize(
    "words",
    [
        "rate limit exceeded",
        "too many messages, slow down",
        "sending quota exceeded",
        "you are sending too fast",
        "frequency limited",
        "throttled",
        "exceeded the hourly limit",
        "user is receiving mail too quickly",
    ],
)
@pytest.mark.parametrize("enhanced", ["", "X.7.1 ", "X.1.1 ", "X.2.1 "])
def test_nobody_is_suppressed_for_our_speed(code: int, words: str, enhanced: str) -> None:
    reply = heard(f"{code} {enhanced.replace('X', str(code)[0])}{words}")
    for receiver in ("mx.somewhere.example", "google", "qq", "netease", "microsoft", "yahoo"):
        verdict = RULES.classify(reply, Origin(receiver, "l", "m"), 0.0, Windows())
        assert verdict.action not in (Action.SUPPRESS, Action.FAIL), (receiver, verdict.rule)
