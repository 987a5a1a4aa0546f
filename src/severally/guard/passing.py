"""What other programs wrote: may this finished message go to this one mailbox?

Unlike a mailing's messages it has no row that says what it must hold. So: one recipient in the
envelope, and nobody else who was written to can be read in it, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from severally.guard.disclosure.smtp import disclosure
from severally.model.envelope import Refusal, Sealed, SmtpPayload, payload_digest


class Judged(NamedTuple):
    """A seal or why there is none, and every address but the recipient's that can be read in the
    message (lower case)."""

    result: Sealed | Refusal
    shown: frozenset[str] = frozenset()


def pass_on(payload: SmtpPayload, number: int, others: Collection[str] = frozenset()) -> Judged:
    """Seal a letter. `others` (lower case) are recipients it must not show.

    Whom its own To and Cc name is another recipient too. Never raises.
    """
    try:
        reason, shown = _read(payload, others)
    except Exception as error:
        return Judged(Refusal((number,), f"it could not be read ({type(error).__name__})"))
    if reason:
        return Judged(Refusal((number,), reason), shown)
    return Judged(Sealed((number,), payload, payload_digest(payload)), shown)


def _read(payload: SmtpPayload, others: Collection[str]) -> tuple[str, frozenset[str]]:
    if type(payload.message) is not bytes:
        return "the message is an object that can still be changed", frozenset()
    if len(payload.rcpt_to) != 1:
        return f"one message for {len(payload.rcpt_to):,} recipients", frozenset()
    found = disclosure(payload.mail_from, payload.rcpt_to, payload.message)
    (visible,) = found.visible.values()
    shown = visible - {payload.rcpt_to[0].lower()}
    if not found.private:
        return found.words(), shown
    count = len(shown & frozenset(others))
    return f"the message shows {count:,} of the other recipients" if count else "", shown
