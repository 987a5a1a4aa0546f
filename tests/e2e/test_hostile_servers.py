"""Hostile servers: what a receiving server could answer, over a real socket. By number."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.smtp_sink import Conduct, Conversation, Received, Sink, accept
from tests.workshop import Workshop, complaints, rows

from severally.app.wiring import Wiring

PEOPLE = rows(6)


async def in_pieces(talk: Conversation, text: bytes) -> None:
    for byte in text:
        await talk.say(bytes([byte]))
        await asyncio.sleep(0)


def test_hostile_16_a_250_of_many_lines_in_many_pieces(tmp_path: Path) -> None:
    async def answer(talk: Conversation, received: Received) -> bool:
        await in_pieces(talk, b"250-2.0.0 kept\r\n250-2.0.0 as\r\n250 2.0.0 q-1\r\n")
        return True

    conduct = Conduct(
        greeting="220-welcome\r\n220-to the\r\n220 sink.example ESMTP",
        at_rcpt=lambda address: "250-2.1.5 one\r\n250-\r\n250 2.1.5 ok",
        at_dot=answer,
    )
    with Sink(conduct) as sink:
        shop = Workshop(tmp_path / "shop", sink.port)
        ran = shop.send(shop.customers(PEOPLE))
    assert (ran.code, ran.said["counts"]["accepted"]) == (0, len(PEOPLE)), ran.everything
    assert complaints(sink.received, PEOPLE) == []
    assert len(sink.received) == len(PEOPLE)


HELD_S = 5.0


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose time a test can move on, so that 599 seconds need not be waited for."""

    ahead = 0.0
    deadline = 0.0
    held_at = math.inf
    waiting = threading.Event()

    def time(self) -> float:
        """Stands still for a while once it is held, however busy the machine is meanwhile."""
        now = super().time() + JumpingLoop.ahead
        return min(now, max(JumpingLoop.held_at, now - HELD_S))

    def call_at(self, when: float, *arguments: Any, **more: Any) -> asyncio.TimerHandle:
        """Notices the sender's patience after the final dot. Its timer of before is due once 300 s
        have passed: it has 300 left then, or all 600 where it began to wait only afterwards."""
        left = when - self.time()
        if JumpingLoop.ahead and (298 < left <= 300 or 598 < left <= 600):
            JumpingLoop.deadline = when
            JumpingLoop.waiting.set()
        return super().call_at(when, *arguments, **more)

    def jump_to(self, seconds: float) -> None:
        """So many seconds after the final dot, the deadline being at 600."""
        JumpingLoop.ahead += self.deadline - 600.0 + seconds - self.time()


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever loop the program starts from now on can jump."""
    monkeypatch.setattr(asyncio.DefaultEventLoopPolicy, "_loop_factory", JumpingLoop)
    monkeypatch.setattr(JumpingLoop, "ahead", 0.0)
    monkeypatch.setattr(JumpingLoop, "held_at", math.inf)
    JumpingLoop.waiting.clear()


@pytest.mark.usefixtures("jumping")
@pytest.mark.parametrize(("seconds", "state"), [(599.0, "accepted"), (601.0, "in_doubt")])
def test_hostile_17_a_250_after_599_seconds(seconds: float, state: str, tmp_path: Path) -> None:
    async def answer(talk: Conversation, received: Received) -> bool:
        JumpingLoop.ahead = 300.0
        assert await asyncio.to_thread(JumpingLoop.waiting.wait, 60)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        loop.jump_to(seconds)
        if seconds < 600:
            JumpingLoop.held_at = loop.time()
        else:
            await talk.reader.read()  # until the sender has given up
        return await accept(talk, received)

    with Sink(Conduct(at_dot=answer)) as sink:
        shop = Workshop(tmp_path / "shop", sink.port, connections=1)
        ran = shop.send(shop.customers(PEOPLE[:1]), wiring=Wiring(run=asyncio.run))
        again = shop.run("resume", ran.said["mailing"], "--json")
    assert ran.said["counts"][state] == 1, ran.everything
    assert ran.code == (0 if state == "accepted" else 5)
    assert again.said["counts"] == ran.said["counts"]
    assert len(sink.received) == 1


async def _reset(talk: Conversation, received: Received) -> bool:
    return False


async def _half_a_reply(talk: Conversation, received: Received) -> bool:
    await talk.say(b"25")
    return False


async def _garbage(talk: Conversation, received: Received) -> bool:
    await talk.say(b"HTTP/1.1 200 OK\r\n")
    return False


@pytest.mark.parametrize("answer", [_reset, _half_a_reply, _garbage])
def test_hostile_18_a_reset_after_the_dot(answer: object, tmp_path: Path) -> None:
    async def once(talk: Conversation, received: Received) -> bool:
        if len(sink.received) == 1:
            return await answer(talk, received)  # type: ignore[operator,no-any-return]
        return await accept(talk, received)

    with Sink(Conduct(at_dot=once)) as sink:
        shop = Workshop(tmp_path / "shop", sink.port, connections=1)
        ran = shop.send(shop.customers(PEOPLE))
        doubtful = sink.received[0].rcpt_to[0]
        (row,) = [row for row in PEOPLE if row[1] == doubtful]
        assert ran.code == 5, ran.everything
        assert ran.said["in_doubt"] == [row[0]]
        assert ran.said["counts"]["accepted"] == len(PEOPLE) - 1
        again = shop.run("resume", ran.said["mailing"], "--json")
        assert again.said["in_doubt"] == [row[0]], again.everything
        assert again.code == 5
    assert complaints(sink.received, PEOPLE) == []
    assert len(sink.received) == len(PEOPLE)


class Endless:
    """Never ends a reply, and counts what was taken of it."""

    def __init__(self, line: bytes) -> None:
        self.line = line
        self.taken = 0

    async def say(self, talk: Conversation) -> None:
        block = self.line * 64
        while True:
            talk.writer.write(block)
            await talk.writer.drain()
            self.taken += len(block)
            assert self.taken < 50_000_000, "nobody caps this reply"


@pytest.mark.parametrize(
    "line", [b"250-and so on\r\n", b"250 " + b"x" * 1000], ids=["lines", "line"]
)
def test_hostile_19_an_endless_reply_after_the_dot(line: bytes, tmp_path: Path) -> None:
    endless = Endless(line)

    async def answer(talk: Conversation, received: Received) -> bool:
        if len(sink.received) == 1:
            await endless.say(talk)
        return await accept(talk, received)

    with Sink(Conduct(at_dot=answer)) as sink:
        shop = Workshop(tmp_path / "shop", sink.port, connections=1)
        ran = shop.send(shop.customers(PEOPLE))
    assert ran.code == 5, ran.everything
    assert (ran.said["counts"]["in_doubt"], ran.said["counts"]["accepted"]) == (1, 5)
    assert complaints(sink.received, PEOPLE) == []


@pytest.mark.parametrize("phase", ["greeting", "rcpt"])
def test_hostile_19_an_endless_reply_before_the_dot(phase: str, tmp_path: Path) -> None:
    endless = b"\r\n".join([b"450-wait"] * 20_000).decode()
    times: list[float] = []

    def answer(address: str) -> str:
        times.append(time.monotonic())
        return endless if len(times) == 1 else "250 2.1.5 ok"

    conduct = Conduct(at_rcpt=answer)
    if phase == "greeting":
        conduct = Conduct(greeting=endless)
    with Sink(conduct) as sink:
        shop = Workshop(tmp_path / "shop", sink.port, connections=1)
        ran = shop.send(
            shop.customers(PEOPLE), *(["--until", "+4s"] if phase == "greeting" else [])
        )
    if phase == "rcpt":
        assert (ran.code, ran.said["counts"]["accepted"]) == (0, len(PEOPLE)), ran.everything
        assert complaints(sink.received, PEOPLE) == []
        return
    assert ran.code == 5, ran.everything
    waiting = ran.said["counts"]["ready"] + ran.said["counts"]["deferred"]
    assert waiting == len(PEOPLE)
    assert sink.received == []
