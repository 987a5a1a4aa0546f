"""What runs beside the HTTP side for urgent messages: the courier, the desk, outboxes, metrics.

One process sends for a workspace (`carrying`); another that serves too accepts, leaves the sending
to it, and takes over when it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress

from severally.adapters.threads import Threads
from severally.app.api.messages import messages
from severally.app.office import Office
from severally.app.serving_parts import Served
from severally.app.urgent.asking import Asking
from severally.app.urgent.carrying import THREADS, catalogue_of, cipher_of, sending
from severally.app.urgent.desk import Desk
from severally.app.urgent.keys import KeyRing
from severally.app.urgent.metrics import UrgentMetrics
from severally.app.urgent.reader import OutboxReader

SETTLE_S = 10.0
"""How long what is in hand may take to be sent when the process is told to end."""
TAKE_OVER_S = 0.5
"""How often a process that does not send looks whether nobody does."""


@asynccontextmanager
async def urgent_part(office: Office, served: Served) -> AsyncIterator[None]:
    """Everything there is to accept and send urgent messages, while the server runs."""
    metrics = UrgentMetrics(served.watched.registry, office.ledger, office.wiring.clock)
    clock = office.wiring.clock
    with closing(Threads(THREADS)) as off_loop:
        cipher, catalogue = cipher_of(office), catalogue_of(office)
        desk = Desk(office.ledger, office.workspace.urgent, off_loop)
        beside = [served.beside(desk.run())]
        if office.workspace.urgent.routes:
            beside.append(served.beside(_carry(office, desk, metrics)))
        asking = Asking(office.workspace, office.keys, cipher, catalogue)
        readers = [
            served.beside(
                OutboxReader(name, outbox, asking, desk, clock, off_loop, metrics.outbox).run()
            )
            for name, outbox in office.wiring.make_outboxes(office.workspace).items()
        ]
        served.given |= {
            "desk": desk,
            "asking": asking,
            "ring": KeyRing(office.ledger, clock.monotonic, clock.wall),
        }
        served.routers.append(messages)
        try:
            yield
        finally:
            await _ended(readers)
            if served.failure is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(desk.settle(), SETTLE_S)
            await _ended(beside)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(office: Office, desk: Desk, metrics: UrgentMetrics) -> None:
    """Send while nobody else does."""
    clock = office.wiring.clock
    while True:
        async with sending(office, metrics.watch) as courier:
            if courier is not None:
                metrics.ways(courier.ways)
                desk.courier = courier
                await courier.run()
        await clock.sleep_until(clock.monotonic() + TAKE_OVER_S)
