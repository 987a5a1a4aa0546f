"""The reply rules as data: each is reached, none is dead, and windows and waits are counted."""

from __future__ import annotations

import re

import pytest

from severally.feedback.asked import asked_s, until_midnight_cst
from severally.feedback.replies import ReplyRules, Rule, RuleFile, Windows, shipped_rules
from severally.model.outcome import ACCEPTED, Action, Origin, Reply, Scope
from severally.transport.replies import ReplyParser, kept

RULES = ReplyRules()
ROWS = [(file, rule) for file in shipped_rules() for rule in file.rule]
ABOUT_US = {Scope.LANE, Scope.IDENTITY, Scope.MAILING, Scope.CONNECTION}


def heard(line: str) -> Reply:
    """A reply as the transport hands it on: parsed from bytes, blotted."""
    (reply,) = ReplyParser().feed(f"{line[:3]} {line[4:]}\r\n".encode())
    return kept(reply)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1].id)
def test_a_sample_reaches_its_own_rule(row: tuple[RuleFile, Rule]) -> None:
    file, rule = row
    for receiver in file.receivers or ("mx.somewhere.example",):
        found = RULES.rule_for(heard(rule.sample), receiver)
        assert found is not None and found.id == rule.id


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1].id)
def test_a_rule_says_where_it_comes_from_and_is_whole(row: tuple[RuleFile, Rule]) -> None:
    _, rule = row
    assert len(rule.source) >= 8 or rule.source == "judgement"
    assert (rule.count > 1) == (rule.within_s > 0)
    assert rule.until in ("", "midnight_cst")
    if rule.action in (Action.PAUSE, Action.SLOW, Action.RCPT_LATER):
        assert rule.pause_s > 0 or rule.until
    if rule.action is Action.SUPPRESS:
        assert rule.scope is Scope.RECIPIENT and not re.match(r"\^?4", rule.pattern)


def test_ids_are_unique_and_every_row_is_there() -> None:
    ids = [rule.id for _, rule in ROWS]
    assert len(set(ids)) == len(ids)
    assert len(ids) == 146
    assert {receiver for file, _ in ROWS for receiver in file.receivers} == {
        *("google", "yahoo", "yahoo_jp", "microsoft", "office365", "office365_dane", "apple"),
        *("netease", "qq", "mailru", "yandex", "united_internet", "orange", "comcast"),
        *("tonline", "naver"),
    }


def test_a_receivers_rules_hold_on_its_own_lane_only() -> None:
    reply = heard("550 Connection frequency limited")
    assert RULES.classify(reply, Origin("qq"), 0.0, Windows()).rule == "qq-conn"
    assert RULES.classify(reply, Origin("google"), 0.0, Windows()).rule == "x-rate5"


def test_nothing_said_of_us_suppresses_a_recipient() -> None:
    for file, rule in ROWS:
        if rule.scope not in ABOUT_US:
            continue
        for receiver in (*(file.receivers or ("",)), "mx.somewhere.example"):
            origin = Origin(receiver, "main/x", "m-1")
            verdict = RULES.classify(heard(rule.sample), origin, 0.0, Windows())
            assert verdict.action is not Action.SUPPRESS, (rule.id, receiver)


def test_a_success_costs_no_search() -> None:
    class Unsearchable(str):
        __slots__ = ()

        def __format__(self, spec: str) -> str:
            raise AssertionError("the text of a success was looked at")

    reply = Reply(250, "2.0.0", Unsearchable("2.0.0 queued"))
    assert RULES.classify(reply, Origin("google"), 0.0, Windows()) is ACCEPTED


def test_a_counted_rule_acts_at_its_count_and_not_after_its_window() -> None:
    reply = heard("421 4.7.0 [TSS05] Messages temporarily deferred")
    origin = Origin("yahoo", "main/yahoo", "m-1")
    windows = Windows()
    first = RULES.classify(reply, origin, 1000.0, windows)
    assert (first.action, first.rule) == (Action.RETRY, "yahoo-ts05")
    late = RULES.classify(reply, origin, 1000.0 + 3601, windows)
    assert late.action is Action.RETRY
    within = RULES.classify(reply, origin, 1000.0 + 7201, windows)
    assert (within.action, within.pause_s) == (Action.PAUSE, 14400.0)


def test_lanes_are_counted_apart_and_a_mailings_replies_together() -> None:
    windows = Windows()
    slow = heard("421 4.7.0 [TS02] Temporarily deferred")
    for lane in ("a/yahoo", "b/yahoo", "c/yahoo"):
        assert RULES.classify(slow, Origin("yahoo", lane), 1.0, windows).action is Action.RETRY
    spam = heard("554 5.7.1 Message rejected as spam")
    origins = [Origin(f"mx{n}.example", f"main/mx{n}.example", "m-1") for n in range(5)]
    actions = [RULES.classify(spam, origin, 1.0, windows).action for origin in origins]
    assert actions == [Action.RETRY_ONCE] * 4 + [Action.STOP_MAILING]
    other = Origin("mx9.example", "main/mx9.example", "m-2")
    assert RULES.classify(spam, other, 1.0, windows).action is Action.RETRY_ONCE


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 Greylisted, try again in 300 seconds", 300),
        ("please come back in 00:04:57", 297),
        ("try again in 5 minutes", 300),
        ("retry after 2 hours", 7200),
        ("wait 90s", 90),
        ("delayed for 10 min", 600),
        ("try again later", 0),
        ("try again later (mx1, 15 more)", 0),
        ("4.2.1 wait 4.3.1", 0),
        ("try again in 99999 hours", 86400),
        ("limit of 100 messages per 60 seconds", 0),
    ],
)
def test_the_wait_a_reply_asks_for(text: str, seconds: float) -> None:
    assert asked_s(text) == seconds


def test_a_wait_that_is_asked_for_goes_before_the_rules_own() -> None:
    asked = heard("450 4.7.1 Greylisted for 60 seconds")
    assert RULES.classify(asked, Origin(), 0.0, Windows()).pause_s == 60
    unasked = heard("450 4.7.1 Greylisting in action")
    assert RULES.classify(unasked, Origin(), 0.0, Windows()).pause_s == 300


def test_a_daily_quota_waits_for_midnight_in_china() -> None:
    evening = 1_767_297_600.0  # 2026-01-01 20:00 UTC
    assert until_midnight_cst(evening) == 20 * 3600
    verdict = RULES.classify(heard("550 RP:TRC"), Origin("netease", "l"), evening, Windows())
    assert (verdict.action, verdict.scope) == (Action.PAUSE, Scope.IDENTITY)
    assert verdict.pause_s == 20 * 3600
