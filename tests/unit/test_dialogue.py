"""A refusal in the dialogue: the classes of a bounce, and nobody written off for our own faults."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from proofs.mx import heard

from severally.feedback.dialogue import given_up, refused
from severally.feedback.replies import ReplyRules, Windows, shipped_rules
from severally.model.event import NOBODY, EventKind
from severally.model.outcome import Action, Origin, Verdict

CORPUS = Path(__file__).parents[1] / "corpus" / "replies.toml"
RULES = ReplyRules()
SAID = [
    *(
        (file.receivers[0] if file.receivers else "mx.there.test", rule.sample)
        for file in shipped_rules()
        for rule in file.rule
    ),
    *(("mx.there.test", row["says"]) for row in tomllib.loads(CORPUS.read_text("utf-8"))["reply"]),
]


def judged(receiver: str, line: str) -> tuple[Verdict, EventKind, EventKind]:
    """What the reply rules say, and the class where it ends the delivery at once, and at last."""
    reply = heard(line)
    verdict = RULES.classify(reply, Origin(receiver, "a lane", "m-1"), 0.0, Windows())
    return verdict, refused(reply, verdict).kind, given_up(reply, verdict).kind


def test_nobody_is_written_off_unless_both_kinds_of_rules_allow_it() -> None:
    """Every sample of every reply rule, and the corpus of replies in no table."""
    for receiver, line in SAID:
        verdict, kind, last = judged(receiver, line)
        if verdict.action is Action.SUPPRESS:
            assert kind in {*NOBODY, EventKind.FULL}, line
        elif verdict.action is not Action.FAIL:
            assert kind not in NOBODY, line
        assert last not in NOBODY, line


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("550 5.1.1 <[address]>: Recipient address rejected: User unknown", EventKind.INVALID),
        ("550 Unrouteable address", EventKind.INVALID),
        ("550 5.2.1 The email account that you tried to reach is disabled", EventKind.HARD),
        ("552 5.2.2 Mailbox full", EventKind.FULL),
        ("554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", EventKind.BLOCKED),
        ("550 5.1.1 User unknown; blocked using dnsbl.example.org", EventKind.BLOCKED),
        ("550 Sender rate overlimit - 150.0 / 1h", EventKind.BLOCKED),
        ("550 5.7.1 Message rejected: DMARC policy, authentication failed", EventKind.BLOCKED),
        ("550 no", EventKind.SOFT),
    ],
)
def test_the_class_of_a_refusal(line: str, kind: EventKind) -> None:
    assert judged("mx.there.test", line)[1] is kind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("452 4.2.2 Mailbox full", EventKind.FULL),
        ("450 4.1.1 User unknown in local recipient table", EventKind.SOFT),
        ("451 4.3.0 try again later", EventKind.SOFT),
        ("421 4.7.0 Too many messages from your IP, rate limited", EventKind.BLOCKED),
    ],
)
def test_the_class_of_what_was_given_up_after_days(line: str, kind: EventKind) -> None:
    assert judged("mx.there.test", line)[2] is kind
