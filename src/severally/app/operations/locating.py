"""Whose each domain of an audience is, settled before anybody is numbered.

Responsible for what a person is told about domains that take no mail or give no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from severally.model.destination import NO_MAIL, UNRESOLVED, Located
from severally.model.errors import Finding
from severally.ports import Resolver, Staging

_NAMED_IDS = 1_000
_SILENT_SHARE = 0.05
"""With more recipients than this share unanswered, it is DNS that is broken, not their domains."""


def locate(staging: Staging, resolver: Resolver) -> list[Finding]:
    """Give every staged domain its receiver; what was found wrong with some of them."""
    dead: Counter[str] = Counter()
    silent = 0
    for domains in staging.domains():
        located = resolver.locate(domains)
        staging.assign({domain: each.receiver for domain, each in located.items()})
        dead.update(each.problem for each in located.values() if each.receiver == NO_MAIL)
        silent += sum(_unanswered(each) for each in located.values())
    return [*_dead(staging, dead), *_silent(staging, silent)] if dead or silent else []


def _unanswered(located: Located) -> bool:
    return located.receiver == UNRESOLVED


def _dead(staging: Staging, problems: Counter[str]) -> Iterator[Finding]:
    count = staging.receivers().get(NO_MAIL, 0)
    if not count:
        return
    why = "; ".join(f"{_number(n, 'domain')}: {problem}" for problem, n in problems.items())
    yield Finding(
        "",
        f"{_number(count, 'recipient')} cannot be reached by mail ({why})",
        "they are refused without a connection; write their addresses anew, or leave them out",
        tuple(staging.ids_at(NO_MAIL, _NAMED_IDS)),
        warning=True,
    )


def _silent(staging: Staging, domains: int) -> Iterator[Finding]:
    receivers = staging.receivers()
    count, everybody = receivers.get(UNRESOLVED, 0), sum(receivers.values())
    if not count:
        return
    broken = count > everybody * _SILENT_SHARE
    yield Finding(
        "",
        f"the domain name system gave no answer about {_number(domains, 'domain')} of "
        f"{_number(count, 'recipient')}",
        "is the route's resolver right, and is this machine connected? nobody's lane is guessed at"
        if broken
        else "they are sent slowly, on a lane of their own; asking again later may find theirs",
        tuple(staging.ids_at(UNRESOLVED, _NAMED_IDS)),
        warning=not broken,
    )


def _number(count: int, what: str) -> str:
    return f"one {what}" if count == 1 else f"{count:,} {what}s"
