"""What a refusal in the dialogue says about its recipient: the classes of a bounce, no harder.

The reply rules have judged already what the reply asks for; the bounce rules say which class it
is. Nobody is written off unless both allow it: what a reply rule takes for our own fault (a
block, a rate limit) is one, whatever words stand beside it.
"""

from __future__ import annotations

from severally.feedback.classes import Class, classify
from severally.model.event import NOBODY, EventKind
from severally.model.outcome import Action, Reply, Scope, Verdict

_NOT_THEIRS = frozenset({EventKind.BLOCKED, EventKind.SOFT})


def refused(reply: Reply, verdict: Verdict) -> Class:
    """The class of a reply that ended its delivery; `verdict` is the reply rules'."""
    found = classify(reply.text, reply.enhanced)
    if verdict.action is Action.SUPPRESS:
        # a reply rule knows its receiver's words; a number alone says less
        unsure = found.rule.startswith(("code ", "digit")) and found.kind in _NOT_THEIRS
        return Class(EventKind.HARD, verdict.rule) if unsure else found
    if verdict.action is Action.FAIL and verdict.scope is Scope.RECIPIENT:
        return found
    return found if found.kind is EventKind.FULL else Class(EventKind.BLOCKED, verdict.rule)


def given_up(reply: Reply, verdict: Verdict) -> Class:
    """The class of the reply that was the last of many, all of which asked to come again.

    Somebody whom no host knows for days may be known tomorrow: that is soft.
    """
    found = classify(reply.text, reply.enhanced)
    if verdict.scope not in (Scope.RECIPIENT, Scope.MESSAGE):
        return Class(EventKind.BLOCKED, verdict.rule)
    return Class(EventKind.SOFT, found.rule) if found.kind in NOBODY else found
