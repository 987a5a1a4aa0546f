"""A relay between the program and its mailboxes that does to a message what relays have done.

It takes mail over SMTP and delivers into Maildirs, one for each recipient; `Meddler` says what
happens on the way. Written with the standard library alone.
"""

from __future__ import annotations

import email
import email.policy
import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from tests.smtp_sink import Conduct, Conversation, Received, Sink

Delivery = tuple[str, bytes]
"""To whom, and what."""
Fault = Callable[[str, bytes], Iterable[Delivery]]
"""What becomes of one message to one recipient."""


def as_it_is(recipient: str, raw: bytes) -> list[Delivery]:
    """A relay as it should be."""
    return [(recipient, raw)]


@dataclass
class Merging:
    """Collects two, and makes one message of them that is addressed to both."""

    waiting: list[Delivery] = field(default_factory=list)

    def __call__(self, recipient: str, raw: bytes) -> list[Delivery]:
        self.waiting.append((recipient, raw))
        if len(self.waiting) < 2:
            return []
        both, self.waiting = [to for to, _ in self.waiting], []
        merged = _with(raw, "To", ", ".join(both))
        return [(to, merged) for to in both]


@dataclass
class Swapping:
    """Collects two, and gives each the body of the other under its own header."""

    waiting: list[Delivery] = field(default_factory=list)

    def __call__(self, recipient: str, raw: bytes) -> list[Delivery]:
        self.waiting.append((recipient, raw))
        if len(self.waiting) < 2:
            return []
        (one, first), (other, second) = self.waiting
        self.waiting = []
        return [(one, _head(first) + _body(second)), (other, _head(second) + _body(first))]


@dataclass
class SwappingAlike:
    """Collects two of one language, and gives each the body of the other, put right as far as a
    careful relay would: under its own header, with its own address and its own token."""

    waiting: dict[str, Delivery] = field(default_factory=dict)

    def __call__(self, recipient: str, raw: bytes) -> list[Delivery]:
        language = str(_message(raw)["Content-Language"])
        before = self.waiting.pop(language, None)
        if before is None:
            self.waiting[language] = (recipient, raw)
            return []
        other, first = before
        return [(recipient, _under(raw, first)), (other, _under(first, raw))]


def _under(raw: bytes, other: bytes) -> bytes:
    """The body of another message under this one's header."""
    mine, theirs = _message(raw), _message(other)
    for kind in ("plain", "html"):
        part, given = mine.get_body((kind,)), theirs.get_body((kind,))
        assert part is not None and given is not None
        text = given.get_content()
        for name in ("To", "Message-ID"):
            old, new = (str(each[name]).partition("@")[0].strip("<") for each in (theirs, mine))
            text = text.replace(old, new)
        part.set_content(text, subtype=kind, cte="quoted-printable")
    return mine.as_bytes()


def _message(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


@dataclass
class OtherLocale:
    """Everybody gets what the first one got, readdressed: a list server with one text."""

    first: bytes = b""

    def __call__(self, recipient: str, raw: bytes) -> list[Delivery]:
        self.first = self.first or raw
        mine = email.message_from_bytes(raw, policy=email.policy.SMTP)
        sent = self.first
        for name in ("To", "Message-ID"):
            sent = _with(sent, name, str(mine[name]))
        return [(recipient, sent)]


def unsigned(recipient: str, raw: bytes) -> list[Delivery]:
    """The signature is lost."""
    return [(recipient, _with(raw, "DKIM-Signature", None))]


def relinked(recipient: str, raw: bytes) -> list[Delivery]:
    """Every link goes through somebody's tracker."""
    message = _message(raw)
    part = message.get_body(("html",))
    assert part is not None
    text = part.get_content().replace(
        'href="https://exchange.example/', 'href="https://click.tracker.example/r?u=exchange/'
    )
    part.set_content(text, subtype="html", cte="quoted-printable")
    return [(recipient, message.as_bytes())]


def _head(raw: bytes) -> bytes:
    return raw[: raw.index(b"\r\n\r\n") + 4]


def _body(raw: bytes) -> bytes:
    return raw[raw.index(b"\r\n\r\n") + 4 :]


def _with(raw: bytes, name: str, value: str | None) -> bytes:
    """One header field replaced, or taken out; all else byte for byte."""
    lines, kept = _head(raw)[:-4].split(b"\r\n"), list[bytes]()
    dropping = False
    for line in lines:
        if line[:1] not in b" \t" or not line:
            dropping = line.lower().startswith(name.lower().encode() + b":")
            if dropping and value is not None:
                kept.append(f"{name}: {value}".encode())
        if not dropping:
            kept.append(line)
    return b"\r\n".join(kept) + b"\r\n\r\n" + _body(raw)


class Meddler(Sink):
    """`with Meddler(folder, fault) as relay:` listens on `relay.port`."""

    def __init__(self, folder: Path, fault: Fault = as_it_is) -> None:
        super().__init__(Conduct(at_dot=self._deliver))
        self.folder = folder
        self.fault = fault
        self.customers = 0
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    async def _deliver(self, talk: Conversation, received: Received) -> bool:
        with self._lock:
            for recipient, raw in self.fault(received.rcpt_to[0], received.message):
                self._keep(recipient, raw)
        await talk.say("250 2.0.0 taken")
        return True

    def _keep(self, recipient: str, raw: bytes) -> None:
        name = recipient.partition("@")[0]
        if not name.startswith("sentinel-"):
            self.customers += 1
            return
        box = self.folder / name
        for part in ("tmp", "new", "cur"):
            (box / part).mkdir(parents=True, exist_ok=True)
        file = f"{next(self._numbers)}.test"
        (box / "tmp" / file).write_bytes(raw)
        (box / "tmp" / file).rename(box / "new" / file)
