"""The protocols the drop-in guard speaks: for each, who reads a request and who judges it.

The reader and the judge of one protocol share nothing; that both are of it stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from severally.guard.disclosure import Disclosure, mailgun, postmark, resend, sendgrid, ses
from severally.submit import mailgun as of_mailgun
from severally.submit import postmark as of_postmark
from severally.submit import resend as of_resend
from severally.submit import sendgrid as of_sendgrid
from severally.submit import ses as of_ses
from severally.submit.draft import Answer, Read, Request, Why


@dataclass(frozen=True)
class Dialect:
    """One provider's protocol. `key` finds what a program shows to be let in; None where it
    signs instead (SES)."""

    name: str
    cure: str
    matches: Callable[[Request], bool]
    key: Callable[[Request], str] | None
    judge: Callable[[Request], Disclosure]
    read: Callable[[Request], Read]
    accepted: Callable[[Request, Read, Sequence[Sequence[str]]], Answer]
    refused: Callable[[Request, Why], Answer]


def _dialect(speaker: object, judge: object, signs: bool = False) -> Dialect:
    ask: Callable[..., Disclosure] = judge.disclosure  # type: ignore[attr-defined]
    theirs = {name: getattr(speaker, name) for name in ("matches", "read", "accepted", "refused")}
    return Dialect(
        name=speaker.NAME,  # type: ignore[attr-defined]
        cure=speaker.CURE,  # type: ignore[attr-defined]
        key=None if signs else speaker.key,  # type: ignore[attr-defined]
        judge=lambda r: ask(r.method, r.path, r.headers, r.body),
        **theirs,
    )


DIALECTS: tuple[Dialect, ...] = (
    _dialect(of_sendgrid, sendgrid),
    _dialect(of_ses, ses, signs=True),
    _dialect(of_mailgun, mailgun),
    _dialect(of_postmark, postmark),
    _dialect(of_resend, resend),
)
