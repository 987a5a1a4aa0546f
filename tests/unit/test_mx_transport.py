"""The `mx` transport: which host, which address, and connections that turn to another site."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.mx_world import Conduct, World, encrypting, failure, lane, letter, sent, world
from tests.smtp_sink import Sink

from severally.model.envelope import Sealed
from severally.model.outcome import Ending, Outcome
from severally.transport.mx import PATIENCE_S


def test_hosts_go_by_preference_and_the_second_address_is_tried(tmp_path: Path) -> None:
    with Sink(address="127.0.0.2") as second, world(tmp_path, second.port) as here:
        here.names.add("two.test", "MX", "20 b.two.test.", "10 a.two.test.")
        here.names.add("a.two.test", "A", "127.0.0.9")  # nobody listens
        here.names.add("b.two.test", "A", "127.0.0.2")
        (outcome,) = sent(here.transport, letter(1, "x@two.test"))
        assert outcome.reply.code == 250
        assert second.commands[0] == "EHLO mail.exchange.example"


def test_no_more_than_two_addresses_are_tried(tmp_path: Path) -> None:
    with Sink(address="127.0.0.2") as third, world(tmp_path, third.port) as here:
        here.names.add("three.test", "MX", "1 a.three.test.", "2 b.three.test.", "3 c.three.test.")
        here.names.add("a.three.test", "A", "127.0.0.8")
        here.names.add("b.three.test", "A", "127.0.0.9")
        here.names.add("c.three.test", "A", "127.0.0.2")
        failed = failure(here.transport, "x@three.test")
        assert failed.lane_wide and failed.reply.code == 451
        assert third.connections == 0


def test_a_host_that_turns_us_away_leads_to_the_next(tmp_path: Path) -> None:
    closed = Conduct(greeting="554 5.3.2 no service here")
    with (
        Sink(closed, "127.0.0.2") as first,
        Sink(address="127.0.0.3", port=first.port) as second,
        world(tmp_path, first.port) as here,
    ):
        here.names.add("two.test", "MX", "10 a.two.test.", "20 b.two.test.")
        here.names.add("a.two.test", "A", "127.0.0.2")
        here.names.add("b.two.test", "A", "127.0.0.3")
        (outcome,) = sent(here.transport, letter(1, "x@two.test"))
        assert outcome.reply.code == 250 and len(second.received) == 1


def test_what_a_host_says_at_connecting_is_the_messages_answer(tmp_path: Path) -> None:
    busy = Conduct(greeting="421 4.7.28 Gmail has detected an unusual rate of email")
    with Sink(busy, "127.0.0.2") as sink, world(tmp_path, sink.port) as here:
        here.names.mail("busy.test", mx="127.0.0.2")
        failed = failure(here.transport, "x@busy.test")
        assert not failed.lane_wide
        assert (failed.reply.code, failed.reply.text[:6]) == (421, "4.7.28")


def test_ties_are_shuffled_by_the_seed(tmp_path: Path) -> None:
    with (
        Sink(address="127.0.0.2") as one,
        Sink(address="127.0.0.3", port=one.port) as two,
        world(tmp_path, one.port) as here,
    ):
        here.names.mail("tied.test", mx1="127.0.0.2", mx2="127.0.0.3")
        letters = [letter(n, "x@tied.test") for n in range(30)]
        sent(here.another(seed=7), *letters)
        first = len(one.received)
        assert 5 <= first <= 25 and len(two.received) == 30 - first
        sent(here.another(seed=7), *letters)
        assert len(one.received) == 2 * first


def test_without_mx_the_domain_itself_is_the_host(tmp_path: Path) -> None:
    with Sink(address="127.0.0.2") as sink, world(tmp_path, sink.port) as here:
        here.names.add("plain.test", "A", "127.0.0.2")
        (outcome,) = sent(here.transport, letter(1, "x@plain.test"))
        assert outcome.reply.code == 250


def test_with_mx_the_domains_own_address_is_never_used(tmp_path: Path) -> None:
    with Sink(address="127.0.0.2") as sink, world(tmp_path, sink.port) as here:
        here.names.mail("web.test", mx="127.0.0.9")
        here.names.add("web.test", "A", "127.0.0.2")
        failure(here.transport, "x@web.test")
        assert sink.connections == 0


@pytest.mark.parametrize(
    ("kind", "code", "enhanced"),
    [("null", 556, "5.1.10"), ("gone", 556, "5.1.2"), ("mute", 451, "4.4.3")],
)
def test_domains_without_mail_answer_for_themselves(
    tmp_path: Path, kind: str, code: int, enhanced: str
) -> None:
    with world(tmp_path, 9) as here:
        here.names.add("null.test", "MX", "0 .")
        here.names.failing.add("mute.test")
        failed = failure(here.transport, f"x@{kind}.test")
        assert not failed.lane_wide
        assert (failed.reply.code, failed.reply.enhanced) == (code, enhanced)


def test_an_address_beyond_ascii_needs_smtputf8(tmp_path: Path) -> None:
    plain = Conduct(extensions=("PIPELINING",))
    with (
        Sink(address="127.0.0.2") as new,
        Sink(plain, "127.0.0.3", new.port) as old,
        world(tmp_path, new.port) as here,
    ):
        here.names.mail("new.test", mx="127.0.0.2")
        here.names.mail("old.test", mx="127.0.0.3")
        outcomes = sent(here.transport, letter(1, "用户@new.test"), letter(2, "用户@old.test"))
        assert [each.reply.code for each in outcomes] == [250, 550]
        assert new.received[0].rcpt_to == ("用户@new.test",)
        assert old.received == []


def test_a_connection_turns_to_another_site_and_never_holds_two_sockets(tmp_path: Path) -> None:
    with (
        Sink(address="127.0.0.2") as one,
        Sink(address="127.0.0.3", port=one.port) as two,
        world(tmp_path, one.port) as here,
    ):
        _three_domains(here)
        outcomes: list[Outcome] = []
        run = [
            letter(n, f"x@{domain}.test")
            for n, domain in enumerate(["a", "b", "b", "c", "a", "c"])  # a and b share their host
        ]

        async def work() -> None:
            connection = await here.transport.connect(lane(), run[0])
            await connection.send(run, lambda _, outcome: outcomes.append(outcome))
            await connection.close()

        asyncio.run(work())
        assert [each.delivery for each in outcomes] == list(range(6))
        assert all(each.reply.code == 250 for each in outcomes)
        assert (len(one.received), len(two.received)) == (4, 2)
        assert (one.connections, two.connections) == (2, 2)


def test_connections_of_a_lane_exchange_their_sockets(tmp_path: Path) -> None:
    with (
        Sink(address="127.0.0.2") as one,
        Sink(address="127.0.0.3", port=one.port) as two,
        world(tmp_path, one.port) as here,
    ):
        _three_domains(here)

        async def work() -> None:
            first = await here.transport.connect(lane(), letter(1, "x@a.test"))
            second = await here.transport.connect(lane(), letter(2, "x@c.test"))
            await first.send([letter(1, "x@a.test")], _ignored)
            await second.send([letter(2, "x@c.test")], _ignored)
            for connection, domain in ((first, "c"), (second, "b"), (first, "a"), (second, "c")):
                sealed = letter(3, f"x@{domain}.test")
                await connection.turn_to(sealed)
                await connection.send([sealed], _ignored)
            await first.close()
            await second.close()

        asyncio.run(work())
        assert (one.connections, two.connections) == (1, 1)
        assert (len(one.received), len(two.received)) == (3, 3)


def test_a_socket_carries_no_more_than_its_receiver_allows(tmp_path: Path) -> None:
    with Sink(address="127.0.0.2") as one, world(tmp_path, one.port) as here:
        _three_domains(here)

        async def work() -> None:
            connection = await here.transport.connect(lane("x", 2), letter(0, "x@a.test"))
            for n in range(6):
                sealed = letter(n, "x@a.test")
                await connection.turn_to(sealed)
                await connection.send([sealed], _ignored)
            await connection.close()

        asyncio.run(work())
        assert (len(one.received), one.connections) == (6, 3)


def test_a_site_that_does_not_answer_holds_its_own_lane_and_no_other_site(tmp_path: Path) -> None:
    with Sink(address="127.0.0.2") as one, world(tmp_path, one.port) as here:
        here.names.mail("up.test", mx="127.0.0.2")
        here.names.mail("down.test", mx="127.0.0.9")
        alone = failure(here.transport, "x@down.test", lane("down"))
        assert alone.lane_wide and alone.reply.enhanced == "4.4.1"
        sent(here.transport, letter(1, "x@up.test"), to=lane("many"))
        among_others = failure(here.transport, "x@down.test", lane("many"))
        assert not among_others.lane_wide
        here.moment.now += PATIENCE_S + 1
        given_up = failure(here.transport, "x@down.test", lane("down"))
        assert not given_up.lane_wide and given_up.reply.code == 451


def test_a_site_that_comes_back_is_used_again(tmp_path: Path) -> None:
    with world(tmp_path, 0) as here:
        with Sink(address="127.0.0.2") as probe:
            port = probe.port
        here.port = port
        transport = here.another()
        here.names.mail("back.test", mx="127.0.0.2")
        failure(transport, "x@back.test")
        with Sink(address="127.0.0.2", port=port) as sink:
            failure(transport, "x@back.test")  # remembered
            assert sink.connections == 0
            here.moment.now += 31
            (outcome,) = sent(transport, letter(1, "x@back.test"))
            assert outcome.reply.code == 250


def test_a_run_that_loses_its_site_reports_each_message_once(tmp_path: Path) -> None:
    with Sink(address="127.0.0.2") as one, world(tmp_path, one.port) as here:
        here.names.mail("up.test", mx="127.0.0.2")
        here.names.mail("down.test", mx="127.0.0.9")
        run = [letter(1, "x@up.test"), letter(2, "x@down.test"), letter(3, "x@up.test")]
        outcomes: list[Outcome] = []

        async def work() -> None:
            connection = await here.transport.connect(lane(), run[0])
            await connection.send(run, lambda _, outcome: outcomes.append(outcome))
            await connection.close()

        asyncio.run(work())
        assert [(each.delivery, each.reply.code) for each in outcomes] == [
            (1, 250), (2, 451), (3, 250),
        ]  # fmt: skip
        assert all(each.ending is Ending.REPLIED for each in outcomes)


def test_tls_is_used_where_it_is_offered_and_mail_goes_on_where_it_is_broken(
    tmp_path: Path,
) -> None:
    broken = Conduct(extensions=("STARTTLS",))  # offered, but not known
    with (
        Sink(broken, "127.0.0.3") as two,
        world(tmp_path, two.port) as here,
        Sink(encrypting(here), "127.0.0.2", two.port) as one,
    ):
        here.names.mail("good.test", mx="127.0.0.2")
        here.names.mail("bad.test", mx="127.0.0.3")
        outcomes = sent(here.transport, letter(1, "x@good.test"), letter(2, "x@bad.test"))
        assert [each.reply.code for each in outcomes] == [250, 250]
        assert one.encrypted == 1 and len(two.received) == 1


def _three_domains(here: World) -> None:
    here.names.mail("a.test", mx="127.0.0.2")
    here.names.add("b.test", "MX", "10 mx.a.test.")
    here.names.mail("c.test", mx="127.0.0.3")


def _ignored(sealed: Sealed, outcome: Outcome) -> None:
    assert outcome.reply.code == 250
