"""What is said of each message of a run when its connection ends early: failed, or not tried."""

from __future__ import annotations

import asyncio

import pytest

from severally.model.envelope import Sealed, SmtpPayload, payload_digest
from severally.model.outcome import Ending, Outcome
from severally.transport.smtp_connection import SmtpConnection, Timeouts

GROUP = "250 ok\r\n250 ok\r\n354 go on\r\n"
SERVED = GROUP + "250 kept\r\n"
REPLIED, UNSENT, UNTRIED = Ending.REPLIED, Ending.UNSENT, Ending.UNTRIED


class Wire(asyncio.Transport):
    """A socket to a receiver that says all it has to say, and then hangs up or falls silent."""

    def __init__(self, connection: SmtpConnection, said: str, hangs_up: bool) -> None:
        super().__init__()
        self._connection = connection
        self._said = said.encode()
        self._hangs_up = hangs_up

    def write(self, data: bytes | bytearray | memoryview) -> None:
        said, self._said = self._said, b""
        if said:
            self._connection.data_received(said)
        if self._hangs_up:
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self._connection.connection_lost(None)


def sealed(delivery: int) -> Sealed:
    payload = SmtpPayload("b@exchange.example", (f"c{delivery}@x.example",), b"To: c\r\n\r\nHi\r\n")
    return Sealed((delivery,), payload, payload_digest(payload))


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("said", "hangs_up", "ends"),
    [
        ("", True, [UNSENT, UNTRIED, UNTRIED]),
        (SERVED, True, [REPLIED, UNTRIED, UNTRIED]),
        (SERVED + "250 ok\r\n", True, [REPLIED, UNSENT, UNTRIED]),
        (SERVED + "354 what?\r\n", True, [REPLIED, UNSENT, UNTRIED]),
        (SERVED, False, [REPLIED, UNSENT, UNTRIED]),
        (GROUP + "421 not now\r\n", True, [REPLIED, UNTRIED, UNTRIED]),
        ("421 not now\r\n", True, [REPLIED, UNTRIED, UNTRIED]),
    ],
    ids=["at once", "between", "within", "turn", "silence", "421", "421 first"],
)
def test_the_message_under_way_has_failed_and_the_others_were_not_tried(
    said: str, hangs_up: bool, ends: list[Ending], pipelining: bool
) -> None:
    found: list[Ending] = []

    def report(one: Sealed, outcome: Outcome) -> None:
        assert outcome.delivery == len(found)
        found.append(outcome.ending)

    async def go() -> None:
        connection = SmtpConnection(Timeouts(command=0.01, data=0.01))
        connection.extensions = {"PIPELINING": ""} if pipelining else {}
        connection.connection_made(Wire(connection, said, hangs_up))
        await connection.send([sealed(number) for number in range(3)], report)
        assert not connection.usable

    asyncio.run(go())
    assert found == ends


def test_one_timer_serves_every_reply_and_keeps_each_deadline() -> None:
    armed: list[float] = []

    class Loop(asyncio.SelectorEventLoop):
        def call_at(self, when, *more, **named):  # type: ignore[no-untyped-def]
            armed.append(when)
            return super().call_at(when, *more, **named)

    async def go() -> None:
        connection = SmtpConnection(Timeouts())
        connection.extensions = {"PIPELINING": ""}
        connection.connection_made(Wire(connection, "", hangs_up=False))
        sending = asyncio.ensure_future(
            connection.send([sealed(number) for number in range(3)], lambda one, outcome: None)
        )
        for piece in (GROUP, *["250 kept\r\n" + GROUP] * 2, "250 kept\r\n"):
            for line in piece.splitlines(keepends=True):
                await asyncio.sleep(0)
                connection.data_received(line.encode())
        await sending
        connection.connection_lost(None)

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(go())
    assert len(armed) == 2  # a command's 300 s, then DATA's 120 s, which is sooner
