"""Who saw what: the judge of whole mailings. Shares no code with the program; stdlib only.

It is given what a server that nobody here wrote has kept, and the audience's own file. It
knows nothing of how messages are made, and decides by what a person could read in them.
"""

from __future__ import annotations

import base64
import binascii
import csv
import email
import email.policy
import html
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

_ADDRESS = re.compile(r"[^\s<>()\[\]\"',:;?&=/|]+@[\w-]+(?:\.[\w-]+)+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_TRACE = ("return-path", "delivered-to", "x-original-to", "received")
"""Headers the receiving server writes itself."""


@dataclass(frozen=True)
class Received:
    """One message as it was handed over: to whom, and every byte."""

    recipient: str
    raw: bytes


@dataclass(frozen=True)
class Customer:
    """One row of the audience: where, in which language, and what is theirs alone."""

    address: str
    locale: str
    values: tuple[str, ...]


@dataclass
class Verdict:
    """`complaints` say what is wrong, in any number of messages; empty is what is wanted."""

    messages: int = 0
    recipients: int = 0
    most_addresses: int = 0
    locales: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        spoken = ", ".join(f"{locale} {count}" for locale, count in self.locales.most_common())
        return (
            f"{self.messages:,} messages, {self.recipients:,} distinct recipients, at most "
            f"{self.most_addresses} customer's address in a message, languages: {spoken}; "
            f"{len(self.complaints)} complaints"
        )


def maildir(folder: Path) -> Iterator[Received]:
    """What Postfix's `virtual` has delivered: it names the envelope's recipient on top."""
    for file in sorted((folder / "new").iterdir()):
        raw = file.read_bytes()
        recipient = re.search(rb"(?m)^Delivered-To: (.*)$", raw.split(b"\n\n", 1)[0])
        assert recipient is not None, "Postfix always says to whom it delivered"
        yield Received(recipient[1].decode(), raw)


def audience(file: Path, delimiter: str, columns: Mapping[str, str]) -> list[Customer]:
    """The customers of a CSV file. `columns`: `email`, `locale` and own values to headings."""
    own = [name for name in columns if name not in ("email", "locale")]
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [
            Customer(
                row[columns["email"]],
                row[columns["locale"]],
                tuple(row[columns[name]] for name in own),
            )
            for row in csv.DictReader(lines, delimiter=delimiter)
        ]


def headings(notice: Path, source: str, block: str = "heading") -> dict[str, str]:
    """A sentence of each language by which a reader knows it: the notice's own heading."""
    found = {source: re.search(r"(?m)^# (.*?) *\{#" + block, (notice / "body.md").read_text())}
    pattern = rf'(?m)^msgctxt "{block}"\nmsgid ".*"\nmsgstr "(.*)"$'
    for file in (notice / "locales").glob("*.po"):
        found[file.stem] = re.search(pattern, file.read_text("utf-8"))
    return {locale: match[1] for locale, match in found.items() if match}


def language_for(wanted: str, spoken: Iterable[str], source: str) -> str:
    """RFC 4647 3.4: take subtags away until something is spoken, else the source language."""
    known = set(spoken)
    tags = wanted.split("-")
    while tags:
        if "-".join(tags) in known:
            return "-".join(tags)
        tags.pop()
    return source


def judge(
    received: Iterable[Received],
    customers: Sequence[Customer],
    languages: Mapping[str, str],
    source: str,
    ours: Iterable[str] = (),
) -> Verdict:
    """Everybody once, each in their own language, with their own values and no one else's address.

    `languages`: by locale a sentence that stands in its text alone. `ours`: domains of the
    sender, whose addresses anybody may see.
    """
    verdict = Verdict()
    expected = {customer.address: customer for customer in customers}
    got: Counter[str] = Counter()
    identities: Counter[str] = Counter()
    for each in received:
        verdict.messages += 1
        got[each.recipient] += 1
        message = email.message_from_bytes(each.raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        identities[str(message["Message-ID"])] += 1
        customer = expected.get(each.recipient)
        name = f"message {verdict.messages}"
        if customer is None:
            verdict.complaints.append(f"{name} went to somebody who is not in the audience")
            continue
        for problem in _problems(message, customer, languages, source, set(ours), verdict):
            verdict.complaints.append(f"{name}: {problem}")
    verdict.recipients = len(got)
    verdict.complaints += [f"{n} messages for one recipient" for n in got.values() if n > 1]
    verdict.complaints += [f"{n} with one Message-ID" for n in identities.values() if n > 1]
    if missing := len(expected.keys() - got.keys()):
        verdict.complaints.append(f"{missing} customers were told nothing")
    return verdict


def _problems(
    message: EmailMessage,
    customer: Customer,
    languages: Mapping[str, str],
    source: str,
    ours: set[str],
    verdict: Verdict,
) -> Iterator[str]:
    if len(message.get_all("To", [])) != 1:
        yield "not exactly one To field"
    if [each.addr_spec for each in message["To"].addresses] != [customer.address]:
        yield "To is not the envelope's recipient alone"
    for name in message.keys():  # noqa: SIM118  (a message is no dict: it has repeated keys)
        if name.lower() in ("cc", "bcc") or name.lower().startswith("resent-"):
            yield f"a {name} field"
    texts = list(_texts(message))
    seen = {address for text in texts for address in _addresses(text)}
    theirs = {a for a in seen if a.rpartition("@")[2].lower() not in ours}
    verdict.most_addresses = max(verdict.most_addresses, len(theirs))
    if theirs - {customer.address}:
        yield f"shows {len(theirs - {customer.address})} addresses of others"
    yield from _words(texts, message, customer, languages, source, verdict)


def _words(
    texts: Sequence[str],
    message: EmailMessage,
    customer: Customer,
    languages: Mapping[str, str],
    source: str,
    verdict: Verdict,
) -> Iterator[str]:
    locale = language_for(customer.locale, languages, source)
    verdict.locales[locale] += 1
    if message["Content-Language"] != locale:
        yield f"is marked as {message['Content-Language']}, not {locale}"
    bodies = [_flat(text) for text in texts[1:]]
    if len(bodies) != 2:
        yield f"has {len(bodies)} bodies, not text and HTML"
    for body in bodies:
        if _flat(languages[locale]) not in body:
            yield f"does not speak {locale}"
        for value in customer.values:
            if _flat(value) not in body:
                yield "lacks a value of its recipient"


def _texts(message: EmailMessage) -> Iterator[str]:
    """All that can be read: the headers decoded, then each part decoded."""
    yield "\n".join(f"{n}: {v}" for n, v in message.items() if n.lower() not in _TRACE)
    for part in message.walk():
        if not part.is_multipart():
            assert isinstance(part, EmailMessage)
            content = part.get_content()
            yield content if isinstance(content, str) else content.decode("utf-8", "replace")


def said(raw: bytes) -> dict[str, list[str]]:
    """What a message says to its reader: sender, subject, ways to answer and to leave, bodies."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    fields = {
        name: [" ".join(str(value).split()) for value in message.get_all(name, [])]
        for name in ("From", "To", "Subject", "Reply-To", "Content-Language", "List-Unsubscribe")
    }
    *_, text, html = _texts(message)
    return {**fields, "bodies": ["\n".join(body.split()) for body in (text, html)]}


def _addresses(text: str) -> Iterator[str]:
    """Every address in it: plain, as an entity, percent-encoded, or in base64."""
    plain = urllib.parse.unquote(html.unescape(text))
    yield from _ADDRESS.findall(plain)
    for run in _BASE64.findall(plain):
        alphabet = b"-_" if "-" in run or "_" in run else b"+/"
        bare = run.rstrip("=")
        try:
            inner = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=alphabet)
            yield from _ADDRESS.findall(inner.decode())
        except (binascii.Error, UnicodeDecodeError):
            continue


def _flat(text: str) -> str:
    """Without markup and with single spaces, as a reader sees it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


def judge_letters(
    received: Iterable[Received], people: Sequence[str], ours: Iterable[str] = ()
) -> Verdict:
    """What other programs wrote: each of `people` once, alone in To, and nobody else to be read."""
    verdict, mine = Verdict(), set(ours)
    got: Counter[str] = Counter()
    for each in received:
        verdict.messages += 1
        got[each.recipient] += 1
        message = email.message_from_bytes(each.raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        name = f"message {verdict.messages}"
        fields = [str(a.addr_spec) for f in message.get_all("To", []) for a in f.addresses]
        if fields != [each.recipient]:
            verdict.complaints.append(f"{name}: To shows {len(fields)} addresses")
        if set(message.keys()) & {"Cc", "Bcc", "Resent-To", "Resent-Cc"}:
            verdict.complaints.append(f"{name}: a Cc or Bcc field")
        shown = {a for text in _texts(message) for a in _addresses(text)} - {each.recipient}
        strangers = {a for a in shown if a.rpartition("@")[2].lower() not in mine}
        verdict.most_addresses = max(verdict.most_addresses, 1 + len(strangers))
        if strangers:
            verdict.complaints.append(f"{name}: shows {len(strangers)} addresses of others")
    verdict.recipients = len(got)
    verdict.complaints += [f"{n} messages for one recipient" for n in got.values() if n > 1]
    if wrong := len(set(got) ^ set(people)):
        verdict.complaints.append(f"{wrong} people too few or too many were told")
    return verdict
