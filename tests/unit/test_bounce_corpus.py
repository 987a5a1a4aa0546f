"""Messages that come back, of many systems and languages: class and delivery right for all."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest
from tests.bounces import FOLDER, Case, corpus
from tests.ledger_samples import FROZEN
from tests.mailbag import MISSING, Mailbag

from severally.feedback.classes import classify, codes, word_rules
from severally.feedback.returned import Form, read
from severally.model.event import Event, EventKind
from severally.model.incoming import Came
from severally.model.suppression import following

CASES = list(corpus())
BAG = Mailbag(4)


def test_it_is_large_and_names_its_sources() -> None:
    assert len(CASES) >= 120
    assert len({case.system for case in CASES}) >= 12
    assert len(set(CASES)) == len(CASES)
    kinds = Counter(case.kind for case in CASES)
    assert set(EventKind) - set(kinds) == set()
    for file in FOLDER.glob("*.toml"):
        assert len(tomllib.loads(file.read_text("utf-8"))["source"]) > 30


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_class_and_delivery(case: Case) -> None:
    """With the token in the address it came to, and with the token in what it brings back."""
    person = BAG.people[2]
    token = BAG.tokens[person]
    for to in ("bounces", ""):
        judged = BAG.intake.judge(Came("x", case.message(token, person, to), 5.0))
        if not to and "@@ORIGINAL@@" not in case.frame:
            assert judged.event is None
            continue
        assert judged.word == case.kind
        if case.kind in set(EventKind):
            assert judged.event is not None
            assert judged.event.delivery == BAG.deliveries[person]
            assert judged.event.party.blind == BAG.blind(person)
            assert "@" not in judged.event.text and token not in judged.event.text
        else:
            assert judged.event is None


def test_nobody_is_suppressed_for_a_block() -> None:
    spared = {EventKind.BLOCKED, EventKind.DELIVERED}
    for case in CASES:
        judged = BAG.intake.judge(Came("x", case.message(BAG.tokens[BAG.people[0]], "x@y"), 5.0))
        event = judged.event
        if event is not None and event.kind in spared:
            assert following(event, [event.at]) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_a_token_of_ours_nothing_changes(case: Case) -> None:
    for token in ("", "a" * 26, "q4zj2w6k3b5x7c2m4n6v3l5k7h", MISSING):
        judged = BAG.intake.judge(Came("x", case.message(token, BAG.people[1]), 5.0))
        assert judged.event is None
        assert judged.strange or judged.word == "answer"


def test_somebody_elses_text_does_not_move_a_delivery() -> None:
    """The token decides, whatever recipient the text names."""
    case = next(case for case in CASES if case.kind == "invalid")
    first, second = BAG.people[:2]
    judged = BAG.intake.judge(Came("x", case.message(BAG.tokens[first], second), 5.0))
    assert judged.event is not None
    assert judged.event.delivery == BAG.deliveries[first]
    assert judged.event.party.blind == BAG.blind(first)


@pytest.mark.parametrize("rule", word_rules(), ids=lambda rule: rule.id)
def test_each_rule_for_words_has_a_sample_that_reaches_it(rule: object) -> None:
    found = classify(rule.sample, "")  # type: ignore[attr-defined]
    assert (found.kind, found.rule) == (rule.kind, rule.id)  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", codes().code)
def test_the_code_decides_where_the_words_say_nothing(code: str) -> None:
    for digit in "45":
        assert classify("sorry", f"{digit}.{code}").kind is codes().code[code]


@pytest.mark.parametrize("status", ["5.0.0", "4.9.9", "5.3.9", "", "nonsense", "5"])
def test_the_digit_alone_suppresses_nobody_at_once(status: str) -> None:
    kind, rule = classify("sorry", status)
    assert (kind, rule) == (EventKind.SOFT, "digit")
    event = Event(1, kind, 1.0, "dsn", BAG.party, FROZEN.notice.kind)
    assert following(event, [1.0]) == []


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"\xff\xfe", b"Content-Type: multipart/report; boundary=\n\n--", b"x" * 99]
)
def test_whatever_is_no_message_is_kept(raw: bytes) -> None:
    assert read(raw).form is Form.UNKNOWN
    assert BAG.intake.judge(Came("x", raw, 5.0)).strange
