"""`intake`: hear what comes back until told to stop, or whatever waits now.

One process of a workspace does it at a time (an operating system's lock); what it does twice
changes nothing. The same runs inside `serve`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

from severally.adapters.listener import listening
from severally.app.incoming import doors
from severally.app.lock import DeliveryLock
from severally.app.office import Office
from severally.app.operations.feedback_results import IntakeResult
from severally.app.operations.measuring import Incoming
from severally.app.stopping import told_to_end
from severally.app.ways import open_spool
from severally.deliver.intake import Intake
from severally.model.errors import Refused, SeverallyError, UsageError

if TYPE_CHECKING:
    from severally.app.serving_parts import Served

Say = Callable[[str], None]
Read = Callable[[str, Counter[str] | None], None]
"""Told the place, and how many messages were what; None where it could not be read."""
POLL_S = 1.0
PATIENCE_S = 30.0
"""How long a mailbox that could not be read is left alone."""


def _nobody(place: str, found: Counter[str] | None) -> None: ...


def intake(office: Office, once: bool, until: float | None, say: Say) -> IntakeResult:
    """Until `until` (Unix seconds), SIGTERM or Ctrl-C; with `once` until nothing waits any more.

    Raises UsageError where no sender says where its mail comes back to, Refused where another
    process of this workspace is at it, SeverallyError where `once` cannot read a place.
    """
    if not any(sender.incoming for sender in office.workspace.senders.values()):
        raise UsageError(
            "no sender says where its mail comes back to; write [senders.NAME.incoming] with "
            "listen, maildir or imap_host"
        )
    counts: Counter[str] = Counter()
    with _alone(office):
        if once:
            for source in office.wiring.make_sources(office.workspace).values():
                while found := intake_of(office).take(source):
                    counts.update(found)
        else:
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(_until(office, until, counts, say))
    return IntakeResult(dict(sorted(counts.items())), kept(office))


def kept(office: Office) -> int:
    """Messages of unknown form in our own spool, for a person to look at."""
    return open_spool(office.workspace).kept()


@contextlib.contextmanager
def _alone(office: Office) -> Iterator[None]:
    lock = DeliveryLock(office.workspace.state / "intake.lock")
    if not lock.take():
        raise Refused("another process of this workspace hears what comes back already")
    try:
        yield
    finally:
        lock.release()


def intake_of(office: Office) -> Intake:
    """The reader, over this workspace."""
    wiring = office.wiring
    return Intake(office.ledger, office.keys, wiring.row_cipher, wiring.clock.wall)


async def _until(office: Office, until: float | None, counts: Counter[str], say: Say) -> None:
    stop = told_to_end(until, office.wiring.clock.wall())
    async with opened(office, say):
        await hear(office, counts, stop, say)


@contextlib.asynccontextmanager
async def opened(office: Office, say: Say) -> AsyncIterator[None]:
    """The listeners, open until left."""
    spool = open_spool(office.workspace)
    spool.make()
    async with contextlib.AsyncExitStack() as stack:
        for host, port, protocol, addresses in doors(office.workspace.senders):
            door = listening(host, port, protocol, addresses, spool.write)
            bound = await stack.enter_async_context(door)
            say(f"listening for what comes back on {host}:{bound} ({protocol})")
        yield


async def hear(
    office: Office, counts: Counter[str], stop: asyncio.Event, say: Say, read: Read = _nobody
) -> None:
    """Look at every place again and again, telling `read` what was found there.

    A place that cannot be read is said, and left alone for a while; an error of the ledger ends it.
    """
    sources = office.wiring.make_sources(office.workspace)
    reader = intake_of(office)
    clock = office.wiring.clock
    silent: dict[str, float] = {}
    while not stop.is_set():
        busy = False
        for name, source in sources.items():
            if silent.get(name, 0.0) > clock.monotonic():
                continue
            try:
                found = await asyncio.to_thread(reader.take, source)
            except UsageError:
                raise
            except SeverallyError as error:
                if type(error) is not SeverallyError:
                    raise
                read(name, None)
                say(f"{name}: {error}; trying again in {PATIENCE_S:.0f} s")
                silent[name] = clock.monotonic() + PATIENCE_S
                continue
            counts.update(found)
            read(name, found)
            busy |= bool(found)
        if not busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_S)


@contextlib.asynccontextmanager
async def part(office: Office, served: Served) -> AsyncIterator[None]:
    """For `serve`: the same, beside the HTTP side, where a sender says where its mail comes
    back to and no other process is at it."""
    lock = DeliveryLock(office.workspace.state / "intake.lock")
    if not any(s.incoming for s in office.workspace.senders.values()) or not lock.take():
        yield
        return
    counts: Counter[str] = Counter()
    stop = asyncio.Event()
    try:
        async with opened(office, lambda said: None):
            seen = Incoming(served.watched.registry, lambda: kept(office))
            hearing = hear(office, counts, stop, lambda said: None, seen.read)
            task = served.beside(hearing)
            yield
            stop.set()
            await asyncio.gather(task, return_exceptions=True)
    finally:
        lock.release()
