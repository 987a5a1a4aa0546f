"""Webhooks of the routes' providers, inside `serve`: a verified call is on disk before it is
answered, and a loop beside the server makes events of what waits there.

So a burst is taken as fast as the disk takes it, and being killed loses nothing: a call that was
answered waits in `.severally/webhooks`. Not responsible for what a call says (`deliver.telling`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from severally.adapters.certificates import Published
from severally.adapters.spool import MaildirSource
from severally.app.office import Office
from severally.app.operations.intaking import intake_of
from severally.app.providers import events_key
from severally.app.sections import ROUTES, ApiRoute
from severally.deliver.telling import Call, Telling, packed
from severally.feedback.webhooks import mailgun, postmark, resend, sendgrid, ses
from severally.transport.api import Secret

if TYPE_CHECKING:
    from severally.app.serving_parts import Served

POLL_S = 0.5
_VERIFY: Mapping[str, Callable[[str, Mapping[str, str], bytes, float], None]] = {
    "sendgrid": sendgrid.verified,
    "mailgun": mailgun.verified,
    "postmark": postmark.verified,
    "resend": resend.verified,
}


class Places(Protocol):
    """What is published by whoever signs."""

    def certificate(self, url: str) -> bytes: ...
    def visit(self, url: str) -> bytes: ...


class NoSuchRoute(Exception):
    """No route of this name hears of events."""


@dataclass(frozen=True)
class Door:
    """A route that hears: its provider's name, and what its calls are verified by."""

    provider: str
    key: Secret


class Doors:
    """Every webhook of a workspace. `accept` may be called from several threads."""

    def __init__(
        self,
        doors: Mapping[str, Door],
        spool: MaildirSource,
        tokens: Tokens,
        places: Places,
        wall: Callable[[], float],
    ) -> None:
        self._doors = doors
        self._spool = spool
        self._tokens = tokens
        self._places = places
        self._wall = wall

    def accept(self, route: str, headers: Mapping[str, str], body: bytes) -> None:
        """On return it is on disk, or did not need to be. Raises Unverified, NoSuchRoute,
        SeverallyError."""
        door = self._doors.get(route)
        if door is None:
            raise NoSuchRoute
        now = self._wall()
        if door.provider == "ses":
            if self._of_sns(door, body, now):
                return
        else:
            _VERIFY[door.provider](door.key.reveal(), headers, body, now)
        call = packed(Call(door.provider, route), body)
        if door.provider == "mailgun":
            self._tokens.once(mailgun.once(body), now, lambda: self._spool.write(call, ()))
        else:
            self._spool.write(call, ())

    def _of_sns(self, door: Door, body: bytes, now: float) -> bool:
        """Verified; whether it was about the subscription, which is confirmed."""
        posted = ses.message(body)
        certificate = self._places.certificate(ses.certificate_url(posted))
        ses.verified(door.key.reveal(), posted, certificate, now)
        if url := ses.subscribe_url(posted):
            self._places.visit(url)
        return bool(posted["Type"] != "Notification")


class Tokens:
    """Mailgun's tokens, each good once: by hash, in a file beside the spool, as long as one may be
    repeated."""

    def __init__(self, file: Path, now: float) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}
        with contextlib.suppress(FileNotFoundError):
            for line in file.read_text("ascii").splitlines():
                at, _, name = line.partition(" ")
                if name and float(at) > now - mailgun.STALE_S:
                    self._seen[name] = float(at)
        draft = file.with_suffix(".new")
        draft.write_text("".join(f"{at} {name}\n" for name, at in self._seen.items()), "ascii")
        draft.replace(file)

    def once(self, token: str, now: float, do: Callable[[], None]) -> None:
        """Do it where the token has not come before; what went wrong may come again."""
        name = hashlib.sha256(token.encode()).hexdigest()
        with self._lock:
            if name in self._seen:
                return
            self._seen[name] = now
        try:
            do()
            with self._lock, self._file.open("a", encoding="ascii") as file:
                file.write(f"{now} {name}\n")
        except BaseException:
            with self._lock:
                del self._seen[name]
            raise


def doors_of(office: Office, places: Places | None = None) -> Doors | None:
    """Every webhook that is configured; None where there is none. Raises UsageError."""
    workspace = office.workspace
    names = {section: kind for kind, section in ROUTES.items()}
    doors = {
        name: Door(names[type(route)], key)
        for name, route in workspace.routes.items()
        if isinstance(route, ApiRoute)
        and (key := events_key(route, name, workspace.path)) is not None
    }
    if not doors:
        return None
    spool = spool_of(office)
    spool.make()
    wall = office.wiring.clock.wall
    tokens = Tokens(workspace.state / "webhooks" / "tokens", wall())
    return Doors(doors, spool, tokens, places or Published(), wall)


def spool_of(office: Office) -> MaildirSource:
    """Where calls wait until their events are committed."""
    return MaildirSource(office.workspace.state / "webhooks", remove=True)


async def tell(office: Office, stop: asyncio.Event) -> None:
    """Make events of what waits, until told to stop. Raises LedgerError and its kin."""
    telling = Telling(intake_of(office), office.ledger, office.wiring.clock.wall)
    spool = spool_of(office)
    while not stop.is_set():
        if not await asyncio.to_thread(telling.take, spool):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_S)


@contextlib.asynccontextmanager
async def part(office: Office, served: Served) -> AsyncIterator[None]:
    """For `serve`: endpoints of the routes that hear of events, and the loop beside them."""
    from severally.app.api.webhooks import webhooks  # needs what stands above

    doors = doors_of(office)
    if doors is None:
        yield
        return
    served.given["doors"] = doors
    served.routers.append(webhooks)
    stop = asyncio.Event()
    task = served.beside(tell(office, stop))
    yield
    stop.set()
    await asyncio.gather(task, return_exceptions=True)
