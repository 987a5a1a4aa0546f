"""The sending side's manners on a connection, as the receiving world counts and hears them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from severally.model.envelope import Sealed, SmtpPayload, payload_digest
from severally.model.lane import Limits
from severally.model.outcome import Outcome
from severally.ports import ConnectFailed
from severally.sim.providers import Moods, shipped_providers
from severally.sim.world import Setting, World
from severally.transport.smtp import Relay, open_connection, tls_context
from severally.transport.smtp_connection import Timeouts

GOOGLE = shipped_providers()[0]
MESSAGE = b"To: somebody\r\n\r\nHello\r\n"


def sealed(delivery: int, to: str) -> Sealed:
    payload = SmtpPayload("bounces@exchange.example", (to,), MESSAGE)
    return Sealed((delivery,), payload, payload_digest(payload))


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_run_after_a_refused_recipient_begins_afresh(pipelining: bool) -> None:
    """RFC 5321 4.1.4: the transaction before is still open, so RSET goes first."""
    odd = Moods(oddities={"nobody@gmail.example": "unknown"})
    provider = msgspec.structs.replace(GOOGLE.having(Limits(), odd), pipelining=pipelining)
    codes: list[int] = []

    def report(sent: Sealed, outcome: Outcome) -> None:
        codes.append(outcome.reply.code)

    async def go() -> int:
        async with World(Setting((provider,))) as world:
            relay = Relay(world.hosts["google"], world.port)
            connection = await open_connection(relay, None, Timeouts())
            for number, name in enumerate(("nobody", "anna", "otto")):
                await connection.send([sealed(number, f"{name}@gmail.example")], report)
            await connection.close()
            return world.record().messages

    assert asyncio.run(go()) == 2
    assert codes == [550, 250, 250]


def test_a_connection_given_up_is_closed_before_the_next_is_opened() -> None:
    """A receiver that lets in one at a time never counts two."""
    provider = GOOGLE.having(Limits(connections=1))

    async def go() -> int:
        async with World(Setting((provider,))) as world:
            host = world.hosts["google"]
            wants_tls = Relay(host, world.port, "starttls")
            context = tls_context(verify=False)
            for _ in range(5):
                with pytest.raises(ConnectFailed, match="offers no STARTTLS"):
                    await open_connection(wants_tls, context, Timeouts())
                plain = await open_connection(Relay(host, world.port), None, Timeouts())
                await plain.close()
            return world.record()["google"].most_connections

    assert asyncio.run(go()) == 1
