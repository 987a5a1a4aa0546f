"""`check`: everything wrong with a draft at once, in the order in which a person mends it.

notice.toml and the text, the layout, each language, the sender, how receivers will take the
message, and last the audience. Nothing is kept and nothing is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from severally.adapters.filters import Verdict, find_filter
from severally.app.office import Office
from severally.app.operations import audiences, drafts
from severally.app.operations.languages import languages, undeclared
from severally.app.operations.previews import sample
from severally.app.operations.results import (
    AudienceResult,
    CheckResult,
    LanguageLine,
    Measure,
    view_of,
)
from severally.compose.compositor import Compositor
from severally.model.delivery import Ticket
from severally.model.errors import Finding, Refused, UsageError
from severally.model.mailing import Frozen
from severally.model.notice import Notice
from severally.model.sender import Sender
from severally.notice.compiling import Compiled, declared_notice

GMAIL_CLIPS = 102 * 1024
"""Bytes of HTML beyond which Gmail hides the rest behind a link (observed for years by those
who send much mail; Google documents no figure)."""
MANY_LINKS = 40
"""Beyond, a person no longer finds the one that matters; a notice has a handful."""
_LINK = re.compile(r"<a\s[^>]*href=")
_TOKEN = "check" + "a" * 21


def check(office: Office, name: str, audience: Path | None) -> CheckResult:
    """Everything wrong with the draft and, where given, with its audience."""
    folder = drafts.folder_of(office, name)
    findings: list[Finding] = []
    draft: Compiled | None = None
    try:
        draft = drafts.compiled(office, name)
        findings += draft.warnings
    except Refused as refused:
        findings += refused.findings
    notice = draft.notice if draft is not None else declared_notice(folder)
    measures: list[Measure] = []
    people: AudienceResult | None = None
    read_in: tuple[LanguageLine, ...] = ()
    if notice is not None:
        sender = drafts.sender_of(office, notice, findings) if notice.sender else None
        if sender is not None:
            findings += _alignment(office, sender)
            for route in _routes(office):
                findings += drafts.misfits(office, route, sender)
        if sender is not None and draft is not None:
            frozen = Frozen(notice, sender, draft.stencils, "")
            measures = list(_measured(draft, frozen, office, findings))
        if audience is not None:
            people = _people(office, audience, notice, findings)
    if people is not None and draft is not None:
        read_in = languages(draft.notice, draft.stencils, people.locales)
        findings += undeclared(draft.notice, read_in)
    return CheckResult(
        name,
        not any(not finding.warning for finding in findings) and _sound(people),
        draft.notice.locales if draft else (),
        tuple(view_of(each) for each in findings),
        people,
        tuple(measures),
        read_in,
    )


def _people(
    office: Office, audience: Path, notice: Notice, findings: list[Finding]
) -> AudienceResult | None:
    try:
        return audiences.check(office, audience, notice)
    except Refused as refused:
        findings += refused.findings
        return None


def _sound(people: AudienceResult | None) -> bool:
    if people is None:
        return True
    return not people.rejected and not any(not finding.warning for finding in people.findings)


def _routes(office: Office) -> list[str]:
    """The route a send would take; none where it has to be said."""
    try:
        return [office.workspace.choose_route(None)]
    except UsageError:
        return []


# --- how receivers will take it


def _measured(
    draft: Compiled, frozen: Frozen, office: Office, findings: list[Finding]
) -> Iterator[Measure]:
    """Each locale's message with made-up values."""
    compositor = Compositor(frozen)
    ticket = Ticket(0, _TOKEN, int(office.wiring.clock.wall()))
    people = [sample(frozen.notice, locale, draft.samples) for locale in frozen.stencils]
    messages = [compositor.compose(person, ticket).message for person in people]
    judge = find_filter()
    verdicts = judge.judge(messages) if judge is not None else [None] * len(messages)
    name = judge.name if judge is not None else ""
    if judge is not None and None in verdicts:
        findings.append(_silent(judge.name, verdicts.count(None)))
    for person, message, verdict in zip(people, messages, verdicts, strict=True):
        html = compositor.fill(person).html
        measure = Measure(
            person.locale,
            len(message),
            len(html.encode()),
            len(_LINK.findall(html)),
            name,
            verdict.score if verdict is not None else None,
            verdict.rules if verdict is not None else (),
        )
        findings += _unwelcome(frozen.notice.name, measure, verdict)
        yield measure


def _silent(name: str, count: int) -> Finding:
    return Finding(
        name,
        f"it is installed here and did not answer for {count} of the messages",
        "run it on a message of `severally preview` to see why",
        warning=True,
    )


def _unwelcome(name: str, measure: Measure, verdict: Verdict | None) -> Iterator[Finding]:
    where, locale = f"notices/{name}/body.md:1", measure.locale
    if measure.html_bytes > GMAIL_CLIPS:
        size = f"{measure.html_bytes / 1024:.0f} KB of HTML"
        yield Finding(
            where,
            f"{locale}: {size}, and Gmail hides what comes after 102 KB",
            "say less, or lead to a page",
            warning=True,
            locale=locale,
        )
    if measure.links > MANY_LINKS:
        yield Finding(
            where,
            f"{locale}: {measure.links} links",
            "keep those that matter",
            warning=True,
            locale=locale,
        )
    if verdict is not None and verdict.score >= verdict.warn_at:
        yield Finding(
            where,
            f"{locale}: {measure.filter} gives it {verdict.score:.1f} points, and from "
            f"{verdict.required:.1f} it is spam: {', '.join(verdict.rules[:8])}",
            "other words, or another form: look the rules up by their names",
            warning=True,
            locale=locale,
        )


# --- the sender's domains (RFC 7489 3.1: relaxed alignment)


def _alignment(office: Office, sender: Sender) -> Iterator[Finding]:
    """Whether receivers that ask for DMARC will see one sender in From, DKIM and return path."""

    def at(key: str) -> str:
        return office.workspace.where(f"senders.{sender.name}.{key}")

    own = sender.domain
    signed = any(aligned(own, key.domain) for key in sender.dkim)
    returned = sender.return_path.rpartition("@")[2]
    if sender.dkim and not signed and not akin(own, returned, *(key.domain for key in sender.dkim)):
        yield Finding(
            at("address"),
            f"nothing of ours speaks for {own}: neither the return path ({returned}) nor a "
            "signature; DMARC fails unless the relay signs for it",
            f"use a return path or a DKIM key of {own}",
            warning=True,
        )
    if sender.dkim and not signed:
        domains = ", ".join(key.domain for key in sender.dkim)
        yield Finding(
            at("dkim"),
            f"From is at {own}, and the signatures are of {domains}: DMARC does not count them",
            f"sign with a key of {own}",
            warning=True,
        )
    if not sender.dkim and office.workspace.purpose == "live":
        yield Finding(
            at("dkim"),
            "no DKIM key: large receivers refuse bulk mail that is not signed",
            "add dkim = [{ domain = …, selector = …, key_file = … }]",
            warning=True,
        )
    for key, address in (("return_path", sender.return_path), ("reply_to", sender.reply_to)):
        domain = address.rpartition("@")[2]
        if domain and not aligned(own, domain):
            said = "SPF does not count for DMARC" if key == "return_path" else "it looks forged"
            if akin(own, domain):
                said += ", unless both are one organization's (`severally check --sender` asks DNS)"
            yield Finding(
                at(key),
                f"{key} is at {domain} and From at {own}: {said}",
                f"use an address at {own} or below it",
                warning=True,
            )


def aligned(one: str, other: str) -> bool:
    """The same domain, or one below the other: what relaxed alignment accepts for certain."""
    one, other = one.lower(), other.lower()
    return one == other or one.endswith("." + other) or other.endswith("." + one)


def akin(own: str, *others: str) -> bool:
    """Whether one of the others may be of the same organization: only DNS knows for certain."""
    return any(
        aligned(own, other) or own.lower().split(".")[-2:] == other.lower().split(".")[-2:]
        for other in others
    )
