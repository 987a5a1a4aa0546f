"""How an attempt ended, and what is to be done about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An SMTP reply (or its like), lines folded into one.

    `code` is 0 where the connection ended without a reply. `enhanced` is `4.7.28` or empty
    (RFC 3463). `text` has every address and every long token blotted out.
    """

    code: int
    enhanced: str = ""
    text: str = ""


class Ending(StrEnum):
    """Where an attempt stopped."""

    REPLIED = "replied"
    """The receiver answered for this message."""
    UNSENT = "unsent"
    """It failed before the final dot: trying again cannot make a duplicate."""
    UNTRIED = "untried"
    """The connection was gone before its turn: nothing was learnt about it."""
    IN_DOUBT = "in_doubt"
    """The final dot was sent and no reply came (RFC 1047)."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """One delivery's attempt, matched by id, never by position."""

    delivery: int
    ending: Ending
    reply: Reply


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Whose words a reply is, and about what: a receiver, on a lane, for a mailing."""

    receiver: str = ""
    lane: str = ""
    mailing: str = ""


class Action(StrEnum):
    """What a reply asks for. `retry_once`: tried again one time, then failed."""

    ACCEPT = "accept"
    RETRY = "retry"
    RETRY_ONCE = "retry_once"
    RCPT_LATER = "rcpt_later"
    RECONNECT = "reconnect"
    FEWER_CONNECTIONS = "fewer_connections"
    SLOW = "slow"
    PAUSE = "pause"
    STOP_LANE = "stop_lane"
    STOP_MAILING = "stop_mailing"
    SUPPRESS = "suppress"
    FAIL = "fail"
    HOLD = "hold"


class Scope(StrEnum):
    """What a reply speaks about."""

    MESSAGE = "message"
    CONNECTION = "connection"
    RECIPIENT = "recipient"
    LANE = "lane"
    IDENTITY = "identity"
    MAILING = "mailing"


class Verdict(msgspec.Struct, frozen=True):
    """A reply, understood. `rule` names the rule that decided, for the report.

    `pause_s` is how long: the silence of a pause, the halved value of slow and
    fewer_connections, the wait of retry and rcpt_later; 0.0 where nobody said.
    """

    action: Action
    scope: Scope
    rule: str
    pause_s: float = 0.0

    @property
    def final(self) -> bool:
        """Whether the delivery ends here, one way or the other."""
        return self.action in (Action.ACCEPT, Action.SUPPRESS, Action.FAIL)


ACCEPTED = Verdict(Action.ACCEPT, Scope.MESSAGE, "accepted")
"""Said millions of times, made once."""
