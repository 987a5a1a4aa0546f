"""Where what comes back waits: a Maildir of our own or somebody else's, an IMAP mailbox.

A message is let go of only when it is said to be done; a crash before that repeats it.
"""

from __future__ import annotations

import contextlib
import heapq
import imaplib
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from severally.adapters.mailboxes import Imap, connected
from severally.model.errors import SeverallyError, UsageError
from severally.model.incoming import Came

_PARTS = ("tmp", "new", "cur")


class MaildirSource:
    """`ports.Incoming` over a Maildir's `new`. What is done goes to `cur`, seen; or is removed,
    with `remove`. What nobody understood goes to `cur`, flagged."""

    def __init__(self, folder: Path, remove: bool = False) -> None:
        self._folder = folder
        self._remove = remove

    def waiting(self, most: int) -> Sequence[Came]:
        """The oldest first."""
        return list(self._waiting(most))

    def _waiting(self, most: int) -> Iterator[Came]:
        new = self._folder / "new"
        try:
            entries = os.scandir(new) if new.is_dir() else ()
            for at, name in heapq.nsmallest(most, _dated(entries)):
                with contextlib.suppress(FileNotFoundError):
                    yield Came(name, (new / name).read_bytes(), at)
        except OSError as error:
            raise SeverallyError(f"{new} cannot be read: {error.strerror}") from None

    def done(self, names: Sequence[str]) -> None:
        """Removed, or moved to `cur` and marked as seen."""
        for name in names:
            if self._remove:
                (self._folder / "new" / name).unlink(missing_ok=True)
            else:
                self._move(name, "S")

    def keep(self, names: Sequence[str]) -> None:
        """Moved to `cur` and flagged."""
        for name in names:
            self._move(name, "F")

    def _move(self, name: str, flag: str) -> None:
        self.make()
        with contextlib.suppress(FileNotFoundError):
            bare = name.partition(":2,")[0]
            (self._folder / "new" / name).rename(self._folder / "cur" / f"{bare}:2,{flag}")

    def make(self) -> None:
        """Make the folders, readable to us alone. Raises UsageError."""
        try:
            for part in _PARTS:
                (self._folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self._folder} cannot be made: {error.strerror}") from None

    def kept(self) -> int:
        """How many were kept for a person."""
        cur = self._folder / "cur"
        return sum(1 for _ in cur.glob("*:2,F")) if cur.is_dir() else 0

    def write(self, raw: bytes, to: Sequence[str]) -> None:
        """Take a message in, with the addresses it came to; on return it is on disk."""
        name = secrets.token_hex(16)
        draft = self._folder / "tmp" / name
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            for address in to:
                file.write(b"Delivered-To: %s\r\n" % address.encode("utf-8", "replace"))
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / "new" / name)
        folder = os.open(self._folder / "new", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _dated(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[float, str]]:
    for entry in entries:
        with contextlib.suppress(FileNotFoundError):
            yield entry.stat().st_mtime, entry.name


class ImapSource:
    """`ports.Incoming` over the unseen messages of an IMAP mailbox's folders."""

    def __init__(self, imap: Imap) -> None:
        self._imap = imap

    def waiting(self, most: int) -> Sequence[Came]:
        """Unseen and not flagged. Names are `folder/validity/uid` (RFC 3501 2.3.1.1)."""
        found: list[Came] = []
        with connected(self._imap) as client:
            for folder in self._imap.folders:
                if len(found) < most and (validity := _select(client, folder)):
                    found += _unseen(client, f"{folder}/{validity}", most - len(found))
        return found

    def done(self, names: Sequence[str]) -> None:
        """Marked as seen."""
        self._mark(names, r"(\Seen)")

    def keep(self, names: Sequence[str]) -> None:
        """Flagged, and marked as seen."""
        self._mark(names, r"(\Seen \Flagged)")

    def _mark(self, names: Sequence[str], flags: str) -> None:
        if not names:
            return
        with connected(self._imap) as client:
            for folder in self._imap.folders:
                prefix = f"{folder}/{_select(client, folder)}/"
                uids = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
                if uids:
                    client.uid("STORE", ",".join(uids), "+FLAGS.SILENT", flags)


def _select(client: imaplib.IMAP4, folder: str) -> str:
    """The folder's validity; empty where it cannot be opened."""
    if client.select(f'"{folder}"')[0] != "OK":
        return ""
    _, data = client.response("UIDVALIDITY")
    return data[0].decode() if data and data[0] else "0"


def _unseen(client: imaplib.IMAP4, prefix: str, most: int) -> Iterator[Came]:
    _, found = client.uid("SEARCH", "UNSEEN UNFLAGGED")
    for uid in (found[0] or b"").split()[:most]:
        _, data = client.uid("FETCH", uid.decode(), "(INTERNALDATE BODY.PEEK[])")
        if data and isinstance(data[0], tuple):
            stamp = imaplib.Internaldate2tuple(data[0][0])
            at = time.mktime(stamp) if stamp else 0.0
            yield Came(f"{prefix}/{uid.decode()}", data[0][1], at)
