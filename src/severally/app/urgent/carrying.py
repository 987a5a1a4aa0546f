"""What sends a workspace's urgent messages, put together: the courier, its routes, its keys.

A part of wiring: chooses adapters. One process sends for a workspace (a lock says which). Loads no
HTTP server: `urgent send` does without.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Any

import msgspec

from severally.adapters.pool import PoolBench
from severally.adapters.threads import Threads
from severally.app.lock import DeliveryLock
from severally.app.office import Office
from severally.app.urgent.notices import Catalogue
from severally.app.wiring import BenchKit, judging, make_workbench
from severally.deliver.journal import OffLoop
from severally.deliver.urgent.courier import Courier, Watch
from severally.deliver.urgent.way import Way
from severally.model.lane import Lane
from severally.model.recipient import Recipient, recipient_of, row_of
from severally.model.urgent import AUDIENCE, Flood, Urgent
from severally.ports import RowCipher

THREADS = "severally-urgent"


@asynccontextmanager
async def sending(office: Office, watch: Watch) -> AsyncIterator[Courier | None]:
    """The courier; None where another process is the one that sends."""
    lock = DeliveryLock(office.workspace.state / "urgent.lock")
    if not lock.take():
        yield None
        return
    async with AsyncExitStack() as stack:
        stack.callback(lock.release)  # last, when nothing of ours is open or being written
        ways = [_way(office, name) for name in office.workspace.urgent.routes]
        for way in ways:
            stack.push_async_callback(way.close)
        bench = PoolBench(make_workbench, lambda digest: kit(office, digest), 1)
        stack.push_async_callback(bench.close)
        off_loop = stack.enter_context(closing(Threads(THREADS)))
        yield _courier(office, bench, ways, watch, off_loop)


def _courier(
    office: Office,
    bench: PoolBench,
    ways: list[Way],
    watch: Watch,
    off_loop: OffLoop[Any],
) -> Courier:
    return Courier(
        ledger=office.ledger,
        bench=bench,
        ways=ways,
        classify=judging(),
        clock=office.wiring.clock,
        off_loop=off_loop,
        rng=random.Random(),
        fold=Folding(office, cipher_of(office), catalogue_of(office)),
        flood_after_s=office.workspace.urgent.tell_after_s,
        watch=watch,
    )


def _way(office: Office, name: str) -> Way:
    transport = office.wiring.make_transport(office.workspace, name)
    lane = Lane(name, "urgent", office.workspace.urgent_limits(name))
    return Way(transport, lane, office.wiring.clock)


def cipher_of(office: Office) -> RowCipher:
    """Encrypts and opens the rows of urgent messages."""
    return office.wiring.row_cipher(office.keys.audience_key(AUDIENCE), AUDIENCE)


def catalogue_of(office: Office) -> Catalogue:
    """What may be sent, as the record says it."""
    return Catalogue(office.ledger, office.wiring.clock.monotonic)


def kit(office: Office, digest: str) -> BenchKit:
    """For the composing process: one approved version, and the keys for it."""
    frozen = office.ledger.urgent_frozen(digest)
    return BenchKit(
        msgspec.msgpack.encode(frozen),
        AUDIENCE,
        office.keys.audience_key(AUDIENCE),
        office.keys.token_key(AUDIENCE),
        {key.fingerprint: office.keys.dkim_key(key.fingerprint) for key in frozen.sender.dkim},
        office.wiring.make_composer,
    )


class Folding:
    """Tells of a flood: by the notice that `[urgent] repeated` names, with how many it stands for
    as `count`; by the newest message itself where there is none."""

    def __init__(self, office: Office, cipher: RowCipher, catalogue: Catalogue) -> None:
        self._name = office.workspace.urgent.repeated
        self._cipher = cipher
        self._catalogue = catalogue

    def __call__(self, flood: Flood, now: float) -> Urgent:
        """The message that is sent for all that were held."""
        newest = flood.newest
        found = self._catalogue.find(self._name) if self._name else None
        if found is None:
            return newest
        notice, frozen = found
        needed = [
            each.name
            for each in frozen.notice.variables
            if each.value is None and not each.optional
        ]
        if set(needed) - {"count"}:
            return newest
        told = recipient_of(self._cipher.open(newest.ident, newest.salt, newest.box))
        values = {"count": str(flood.count)} if needed else {}
        row = Recipient(told.id, told.address, told.locale, told.timezone, values)
        salt, box = self._cipher.seal(newest.ident, row_of(row))
        return msgspec.structs.replace(newest, digest=notice.digest, salt=salt, box=box)
