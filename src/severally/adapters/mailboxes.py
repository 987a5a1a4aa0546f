"""Mailboxes of ours, to be read back: a Maildir on this machine, or IMAP anywhere.

Nothing is changed in them: messages stay, unread ones stay unread.
"""

from __future__ import annotations

import contextlib
import email.utils
import imaplib
import ssl
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from severally.model.errors import SeverallyError
from severally.model.observed import Arrival

_SLACK_S = 60.0
"""Clocks of two machines, and the whole days that IMAP searches by."""


class MaildirMailbox:
    """`ports.Mailbox` over a Maildir: `new` and `cur`, and folders below it (Maildir++)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def since(self, when: float) -> Sequence[Arrival]:
        """All that was delivered since then, in any folder."""
        return list(self._arrivals(when))

    def _arrivals(self, when: float) -> Iterator[Arrival]:
        boxes = [("INBOX", self._folder)]
        if self._folder.is_dir():
            boxes += [(p.name[1:], p) for p in self._folder.iterdir() if p.name.startswith(".")]
        for name, box in boxes:
            for part in ("new", "cur"):
                folder = box / part
                for path in folder.iterdir() if folder.is_dir() else ():
                    with contextlib.suppress(FileNotFoundError):
                        at = path.stat().st_mtime
                        if at >= when - _SLACK_S:
                            yield Arrival(path.read_bytes(), name, at)


class Imap(msgspec.Struct, frozen=True):
    """Where and as whom. `password` is never shown; `folders` are looked into in order."""

    host: str
    port: int
    username: str
    password: str
    tls: bool = True
    ca_file: str = ""
    folders: tuple[str, ...] = ("INBOX", "Junk", "Spam")

    def __repr__(self) -> str:
        return f"Imap({self.host!r}, {self.port})"


class ImapMailbox:
    """`ports.Mailbox` over IMAP4rev1; one connection for each look."""

    def __init__(self, imap: Imap) -> None:
        self._imap = imap

    def since(self, when: float) -> Sequence[Arrival]:
        """All that was delivered since then, in the folders. Raises SeverallyError."""
        with connected(self._imap) as client:
            return [a for folder in self._imap.folders for a in _found(client, folder, when)]


@contextlib.contextmanager
def connected(imap: Imap) -> Iterator[imaplib.IMAP4]:
    """Signed in. Raises SeverallyError for whatever goes wrong until it is left."""
    try:
        with _signed_in(imap) as client:
            yield client
    except (OSError, imaplib.IMAP4.error) as error:
        words = error.strerror if isinstance(error, OSError) else "it said no"
        raise SeverallyError(f"the mailbox on {imap.host} cannot be read: {words}") from None


@contextlib.contextmanager
def _signed_in(imap: Imap) -> Iterator[imaplib.IMAP4]:
    if imap.tls:
        context = ssl.create_default_context(cafile=imap.ca_file or None)
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            imap.host, imap.port, ssl_context=context, timeout=30
        )
    else:
        client = imaplib.IMAP4(imap.host, imap.port, timeout=30)
    try:
        client.login(imap.username, imap.password)
        yield client
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            client.logout()


def _found(client: imaplib.IMAP4, folder: str, when: float) -> Iterator[Arrival]:
    if client.select(f'"{folder}"', readonly=True)[0] != "OK":
        return
    day = time.strftime("%d-%b-%Y", time.gmtime(when - 86_400))
    _, numbers = client.search(None, "SINCE", day)
    for number in (numbers[0] or b"").split():
        _, data = client.fetch(number.decode(), "(INTERNALDATE BODY.PEEK[])")
        if data and isinstance(data[0], tuple):
            stamp = imaplib.Internaldate2tuple(data[0][0])
            at = time.mktime(stamp) if stamp else _dated(data[0][1])
            if at >= when - _SLACK_S:
                yield Arrival(data[0][1], folder, at)


def _dated(raw: bytes) -> float:
    """Where a server says no internal date: the message's own."""
    head = raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].decode("ascii", "replace")
    for line in head.split("\n"):
        if line.lower().startswith("date:"):
            with contextlib.suppress(ValueError, TypeError):
                return email.utils.parsedate_to_datetime(line[5:].strip()).timestamp()
    return 0.0
