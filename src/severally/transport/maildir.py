"""Writes each message into a Maildir: for looking at, and for handing to another program."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from severally.model.envelope import Sealed
from severally.model.lane import Lane
from severally.model.outcome import Ending, Outcome, Reply
from severally.ports import ConnectFailed
from severally.transport.sealed import opened


class MaildirConnection:
    """See `ports.Connection`. A delivery has one file name: writing it again replaces it."""

    def __init__(self, folder: Path) -> None:
        self.sent = 0
        self.usable = True
        self._folder = folder

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        """Each into `tmp`, to disk, then by one rename into `new`."""
        for sealed in run:
            try:
                await asyncio.to_thread(self._write, sealed)
            except OSError as error:
                self.usable = False
                text = f"cannot write to the Maildir: {error.strerror}"
                outcome = Outcome(sealed.deliveries[0], Ending.UNSENT, Reply(0, "", text))
            else:
                self.sent += 1
                outcome = Outcome(
                    sealed.deliveries[0], Ending.REPLIED, Reply(250, "2.0.0", "2.0.0 written")
                )
            report(sealed, outcome)

    async def turn_to(self, first: Sealed) -> None:
        """One folder for all."""

    async def close(self) -> None:
        """Make the new names durable."""
        await asyncio.to_thread(self._sync)

    def _write(self, sealed: Sealed) -> None:
        payload = opened(sealed)
        name = f"{sealed.deliveries[0]}.{sealed.sha256.hex()[:16]}.severally"
        draft = self._folder / "tmp" / name
        with draft.open("wb") as file:
            file.write(b"Return-Path: <%s>\r\n" % payload.mail_from.encode())
            file.write(payload.message)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / "new" / name)

    def _sync(self) -> None:
        handle = os.open(self._folder / "new", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class MaildirTransport:
    """See `ports.Transport`. The folder is made with `cur`, `new` and `tmp`, mode 0700."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def endpoint(self, lane: Lane) -> str:
        """One folder for all."""
        return str(self._folder)

    async def connect(self, lane: Lane, first: Sealed) -> MaildirConnection:
        """Raises ConnectFailed where the folder cannot be made."""
        try:
            for name in ("tmp", "new", "cur"):
                (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            text = f"cannot make the Maildir: {error.strerror}"
            raise ConnectFailed(Reply(0, "", text)) from None
        return MaildirConnection(self._folder)

    async def close(self) -> None:
        """Nothing is held between connections."""
