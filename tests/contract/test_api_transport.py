"""Every provider's transport against a stand-in that misbehaves: one outcome for each message,
nobody twice, nobody lost, and what nobody can know is in doubt."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import pytest
from tests import oracle, sealed
from tests.standins import CUT, WELL, Act, Call, StandIn
from tests.standins.ways import WAYS, Way

from severally.deliver.arrived import token_of
from severally.guard.requests import seal_request
from severally.model.envelope import Refusal, Sealed
from severally.model.errors import Halted
from severally.model.lane import Lane, Limits
from severally.model.notice import Kind
from severally.model.outcome import Ending, Outcome
from severally.model.request import HttpRequest
from severally.ports import ConnectFailed
from severally.transport.api import ApiTransport, Patience, Provider, Seal, Secret
from severally.transport.letter import letter_of

LANE = Lane("main", "other", Limits())
COUNT = 10
PATIENT = Patience(60.0, 60.0, (0.0, 0.0))
IMPATIENT = Patience(60.0, 0.2, (0.0, 0.0))


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@dataclass
class Sent:
    """What was reported, and the provider that it was sent to."""

    outcomes: list[Outcome]
    provider: StandIn

    def endings(self) -> Counter[Ending]:
        return Counter(each.ending for each in self.outcomes)

    def reply(self, delivery: int) -> str:
        (found,) = [each.reply for each in self.outcomes if each.delivery == delivery]
        return f"{found.code} {found.text}"


def send(
    way: Way,
    run: Sequence[Sealed],
    conduct: Callable[[int, Call], Act] | None = None,
    seal: Seal = seal_request,
    connections: int = 0,
    provider: Callable[[str], Provider] | None = None,
    patience: Patience = PATIENT,
) -> Sent:
    """One run over one connection; exactly one outcome for each."""
    outcomes: list[Outcome] = []
    with StandIn(way.expand, conduct) as standin:
        made = (provider or way.provider)(standin.url)

        async def go() -> None:
            transport = ApiTransport(made, seal, lambda: 1_795_000_000.0, connections, patience)
            try:
                connection = await transport.connect(LANE, run[0])
                await connection.send(run, lambda _, outcome: outcomes.append(outcome))
            finally:
                await transport.close()

        asyncio.run(go())
    assert sorted(each.delivery for each in outcomes) == [each.deliveries[0] for each in run]
    return Sent(outcomes, standin)


def boxes(run: Sequence[Sealed]) -> list[str]:
    return [each.payload.rcpt_to[0] for each in run]


@pytest.mark.parametrize("kind", [Kind.SERVICE, Kind.MARKETING])
def test_each_gets_the_message_that_was_sealed(way: Way, kind: Kind) -> None:
    run = sealed.run(COUNT, kind=kind)
    sent = send(way, run)
    assert sent.endings() == {Ending.REPLIED: COUNT}
    assert all(each.reply.code == 250 for each in sent.outcomes)
    verdict = oracle.judge_letters(sent.provider.received, boxes(run), ["exchange.example"])
    assert verdict.complaints == []
    by_box = {each.recipient: each.raw for each in sent.provider.received}
    for each in run:
        raw = by_box[each.payload.rcpt_to[0]]
        own = each.payload.message
        assert token_of(raw) == token_of(own) != ""
        if way.whole:  # but for the Message-ID, which the provider writes
            assert raw.replace(b"<ses-", b"<").endswith(own)
        assert oracle.said(raw) == oracle.said(own)


def test_a_request_that_got_no_answer_is_in_doubt_and_not_sent_again(way: Way) -> None:
    run = sealed.run(COUNT)
    sent = send(way, run, lambda number, call: CUT if number == 1 else WELL)
    assert len(sent.provider.received) == COUNT
    if way.again:
        assert sent.endings() == {Ending.REPLIED: COUNT}
    else:
        assert sent.endings()[Ending.IN_DOUBT] >= 1
        assert len(sent.provider.calls) == len({call.body for call in sent.provider.calls})


def test_a_slow_answer_is_doubt_once_patience_ends(way: Way) -> None:
    never = threading.Event()
    act = Act(wait=never)
    sent = send(way, sealed.run(1), lambda number, call: act, patience=IMPATIENT)
    never.set()
    assert sent.endings() == {Ending.IN_DOUBT: 1}


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failing_provider_leaves_doubt(way: Way, status: int) -> None:
    sent = send(way, sealed.run(2), lambda number, call: Act(status=status))
    assert sent.endings() == {Ending.IN_DOUBT: 2}
    assert len(sent.provider.received) == 2  # with a key sent again, and acted upon once
    assert (len(sent.provider.calls) > 2) == way.again


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "451 4.0.0 HTTP 429 Too Many Requests; retry after 7 seconds"),
        (420, "451 4.0.0 HTTP 420 unknown status; retry after 7 seconds"),
        (503, "451 4.0.0 HTTP 503 Service Unavailable; retry after 7 seconds"),
        (401, "451 4.0.0 HTTP 401 Unauthorized"),
        (403, "451 4.0.0 HTTP 403 Forbidden"),
        (302, "451 4.0.0 HTTP 302 Found"),
    ],
)
def test_what_is_no_recipients_fault_is_tried_later(way: Way, status: int, said: str) -> None:
    headers = {"Retry-After": "7", "Location": "http://127.0.0.1:9/elsewhere"}
    act = Act(acts=False, status=status, headers=headers)
    sent = send(way, sealed.run(3), lambda number, call: act)
    assert sent.endings() == {Ending.REPLIED: 3}
    assert all(sent.reply(number).startswith(said) for number in (1, 2, 3))
    assert sent.provider.received == []


def test_one_that_is_refused_costs_nobody_else_their_message(way: Way) -> None:
    run = (*sealed.run(COUNT)[:-1], sealed.run(COUNT, domain="cannot.example")[-1])
    sent = send(way, run)
    assert sent.endings() == {Ending.REPLIED: COUNT}
    assert sent.reply(COUNT).startswith("5")
    assert sorted(each.recipient for each in sent.provider.received) == sorted(boxes(run[:-1]))


def test_two_messages_for_one_address_are_two_requests(way: Way) -> None:
    first = sealed.run(1)[0]
    second = msgspec.structs.replace(first, deliveries=(2,))
    sent = send(way, [first, second])
    assert sent.endings() == {Ending.REPLIED: 2}
    assert len(sent.provider.calls) == 2


@pytest.mark.parametrize("name", ["sendgrid", "mailgun", "postmark"])
def test_what_is_too_large_for_one_request_goes_in_several(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = [letter_of(each) for each in sealed.run(COUNT, ("en",))]
    provider = WAYS[name].make("http://127.0.0.1:9", Secret("key"), COUNT)
    ((whole, _),) = provider.requests(letters)
    most = len(whole.body) - 1
    monkeypatch.setattr(f"severally.transport.{name}.BYTES", most)
    made = list(provider.requests(letters))
    assert len(made) > 1
    assert all(len(request.body) <= most for request, _ in made)
    assert sorted(each.delivery for _, batch in made for each in batch) == [*range(1, COUNT + 1)]


def test_requests_under_way_are_as_many_as_allowed(way: Way) -> None:
    """Four at least are needed; only two are ever there."""
    two = threading.Barrier(2)

    def conduct(number: int, call: Call) -> Act:
        if number <= 2:
            two.wait(60)
        return WELL

    sent = send(way, sealed.run(4 * way.batch), conduct, connections=2)
    assert sent.provider.busiest == 2
    assert len(sent.provider.calls) >= 4


def test_what_the_guard_refuses_is_not_sent(way: Way) -> None:
    def refuse(request: HttpRequest, batch: Sequence[Sealed]) -> Refusal:
        return Refusal((), "each of 2 recipients would see 1 others")

    sent = send(way, sealed.run(2), seal=refuse)
    assert sent.provider.calls == []
    assert sent.endings() == {Ending.UNSENT: 2}
    assert sent.reply(1).startswith("554 5.7.0 the guard refused the request: each of 2")


def test_a_request_changed_after_it_was_sealed_does_not_leave(way: Way) -> None:
    def changing(request: HttpRequest, batch: Sequence[Sealed]) -> object:
        made = seal_request(request, batch)
        spoilt = msgspec.structs.replace(request, body=request.body + b" ")
        return msgspec.structs.replace(made, request=spoilt)

    with pytest.raises(ExceptionGroup) as raised:
        send(way, sealed.run(1), seal=changing)  # type: ignore[arg-type]
    assert raised.group_contains(Halted)


def test_a_key_that_is_not_known_refuses_nobody_and_is_shown_nowhere(way: Way) -> None:
    wrong = Secret("another-key-entirely")
    sent = send(way, sealed.run(2), provider=lambda url: way.make(url, wrong, way.batch))
    assert sent.provider.received == []
    assert all(sent.reply(number).startswith("451 4.0.0 HTTP 40") for number in (1, 2))
    assert "another-key" not in repr((wrong, way.make("x", wrong, 1), sent.outcomes))


def test_a_provider_that_is_not_there_is_no_doubt(way: Way) -> None:
    run = sealed.run(1)

    async def go() -> None:
        transport = ApiTransport(way.provider("http://127.0.0.1:9"), seal_request, lambda: 0.0)
        with pytest.raises(ConnectFailed):
            await transport.connect(LANE, run[0])

    asyncio.run(go())
