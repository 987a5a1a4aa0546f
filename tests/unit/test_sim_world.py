"""The receiving world over real sockets: SMTP, names, and a process of its own."""

from __future__ import annotations

import asyncio
import functools
import smtplib
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import dns.asyncresolver
import dns.nameserver
import dns.resolver
import pytest

from severally.model.lane import Limits
from severally.sim.process import WorldProcess
from severally.sim.providers import RELAY, Moods, Provider, shipped_providers
from severally.sim.world import Setting, World, messages

GOOGLE, *_, OTHER = shipped_providers()
FROM = "bounces+t@exchange.example"
ANNA = "anna@gmail.example"
MESSAGE = b"To: anna@gmail.example\r\n\r\n..dots\r\n.\r\nend\r\n"


def in_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """A test that runs in an event loop of its own."""

    @functools.wraps(test)
    def run(*arguments: object, **named: object) -> None:
        asyncio.run(test(*arguments, **named))

    return run


async def client(world: World, provider: str = "google") -> smtplib.SMTP:
    return await asyncio.to_thread(smtplib.SMTP, world.hosts[provider], world.port, timeout=10)


async def send(
    world: World, to: str = ANNA, message: bytes = MESSAGE, provider: str = "google"
) -> None:
    smtp = await client(world, provider)

    def go() -> None:
        with smtp:
            smtp.sendmail(FROM, [to], message)

    await asyncio.to_thread(go)


def of(moods: Moods | None = None, limits: Limits | None = None) -> Setting:
    return Setting((GOOGLE.having(limits, moods),))


@in_loop
async def test_message_arrives_as_it_was_sent(tmp_path: Path) -> None:
    setting = Setting((GOOGLE,), spool=str(tmp_path))
    async with World(setting) as world:
        await send(world)
        record = world.record()
    assert record.per_mailbox() == {ANNA: 1}
    assert record.seen() == {ANNA: {ANNA}}
    assert record["google"].replies == {"accepted": 1}
    assert messages(tmp_path / "google.spool") == [(ANNA, MESSAGE)]


@in_loop
async def test_two_recipients_see_each_other() -> None:
    message = b"To: anna@gmail.example,\r\n otto@gmail.example\r\n\r\nHi\r\n"
    async with World(of()) as world:
        await send(world, ANNA, message)
        record = world.record()
    assert record.strangers() == 1
    assert record.seen() == {ANNA: {ANNA, "otto@gmail.example"}}


@in_loop
async def test_unknown_user_gets_the_providers_own_words() -> None:
    async with World(of(Moods(unknown=1.0))) as world:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            await send(world)
    assert refused.value.recipients[ANNA][1].startswith(b"5.1.1 The email account that you")


@in_loop
async def test_too_many_connections_are_told_so() -> None:
    async with World(of(limits=Limits(connections=1))) as world:
        first = await client(world)
        with pytest.raises(smtplib.SMTPConnectError):
            await client(world)
        assert world.record().exceeded == ("google: 2 connections at once, limit 1",)
        await asyncio.to_thread(first.quit)


@pytest.mark.parametrize(
    ("moods", "kept"), [(Moods(dropped_before_data=1.0), 0), (Moods(dropped_after_dot=1.0), 1)]
)
@in_loop
async def test_connection_breaks_off_where_it_is_told_to(moods: Moods, kept: int) -> None:
    async with World(of(moods)) as world:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            await send(world)
        record = world.record()
    assert record.messages == kept
    assert not any(arrival.answered for arrival in record.arrivals())


@in_loop
async def test_a_slow_reply_to_the_dot_is_counted_as_unanswered() -> None:
    async with World(of(Moods(latency_s=0.01, dot_s=0.3))) as world:
        sending = asyncio.ensure_future(send(world))
        while not world.counts()["google"].unanswered:
            assert not sending.done()
            await asyncio.sleep(0.005)
        assert world.counts()["google"].kept == 1
        await sending
        assert world.counts()["google"].unanswered == 0


@in_loop
async def test_latency_is_a_round_trip_for_each_pipelined_group() -> None:
    async with World(of(Moods(latency_s=0.05))) as world:
        reader, writer = await asyncio.open_connection(world.hosts["google"], world.port)
        began = time.monotonic()
        await reader.readline()
        writer.write(b"NOOP\r\nNOOP\r\nNOOP\r\n")
        for _ in range(3):
            assert await reader.readline() == b"250 2.0.0 OK\r\n"
        assert time.monotonic() - began >= 0.1
        writer.close()
        await writer.wait_closed()


@in_loop
async def test_pipelined_messages_in_one_write() -> None:
    group = b"MAIL FROM:<b@exchange.example>\r\nRCPT TO:<anna@gmail.example>\r\nDATA\r\n"
    async with World(of()) as world:
        reader, writer = await asyncio.open_connection(world.hosts["google"], world.port)
        writer.write(b"EHLO x.example\r\n" + (group + b"Hi\r\n.\r\n") * 3 + b"QUIT\r\n")
        replies = (await reader.read()).split(b"\r\n")
        writer.close()
        await writer.wait_closed()
        assert world.record().per_mailbox() == {ANNA: 3}
    assert replies[-2].startswith(b"221 ")


@in_loop
async def test_the_name_server_knows_the_world_and_nothing_else() -> None:
    async with World(Setting((GOOGLE, OTHER), null_mx=("nomail.example",))) as world:
        resolver = dns.asyncresolver.Resolver(configure=False)
        host, _, port = world.resolver.partition(":")
        resolver.nameservers = [dns.nameserver.Do53Nameserver(host, int(port))]
        (mx,) = await resolver.resolve("bakery.example", "MX")
        assert mx.exchange.to_text() == "mx1.google.example."
        (address,) = await resolver.resolve(mx.exchange, "A")
        assert address.address == world.hosts["google"]
        (null,) = await resolver.resolve("nomail.example", "MX")
        assert null.exchange.to_text() == "."
        with pytest.raises(dns.resolver.NoAnswer):
            await resolver.resolve("gmail.example", "AAAA")
        with pytest.raises(dns.resolver.NXDOMAIN):
            await resolver.resolve("elsewhere.example", "MX")


def test_two_providers_cannot_have_the_same_domain() -> None:
    twin = Provider("twin", ("gmail.example",), GOOGLE.words)
    with pytest.raises(ValueError, match="the same id or domain"):
        World(Setting((GOOGLE, twin)))


def test_a_process_of_its_own_serves_answers_and_ends() -> None:
    with WorldProcess(Setting((GOOGLE, RELAY))) as world:
        for provider in ("google", "relay"):
            with smtplib.SMTP(world.hosts[provider], world.port, timeout=10) as smtp:
                smtp.sendmail(FROM, [ANNA], MESSAGE)
        assert world.counts()["relay"].kept == 1
        record = world.record()
        pid = world.pid
    assert record.per_mailbox() == {ANNA: 2}
    assert record.strangers() == 0
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(RuntimeError, match="not running"):
        world.counts()


@in_loop
async def test_late_replies_keep_their_order() -> None:
    group = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (FROM.encode(), ANNA.encode())
    async with World(of(Moods(latency_s=0.001, spread_s=0.001, dot_s=0.002))) as world:
        reader, writer = await asyncio.open_connection(world.hosts["google"], world.port)
        writer.write(b"HELO x\r\n" + (group + b"Hi\r\n.\r\n") * 40)
        codes = [(await reader.readline())[:3] for _ in range(2 + 40 * 4)]
        writer.close()
    assert codes == [b"220", b"250", *[b"250", b"250", b"354", b"250"] * 40]
