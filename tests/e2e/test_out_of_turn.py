"""A server whose replies are out of step with the commands: nothing passes for accepted."""

from __future__ import annotations

from pathlib import Path

from tests.smtp_sink import Conduct, Conversation, Received, Sink, accept
from tests.workshop import Workshop, complaints, rows

PEOPLE = rows(6)


def test_a_stray_250_is_not_the_answer_to_data(tmp_path: Path) -> None:
    asked: list[str] = []

    def at_rcpt(address: str) -> str:
        asked.append(address)
        return "250 2.1.5 ok\r\n250 2.1.5 once more" if len(asked) == 1 else "250 2.1.5 ok"

    with Sink(Conduct(at_rcpt=at_rcpt)) as sink:
        shop = Workshop(tmp_path / "shop", sink.port, connections=1)
        ran = shop.send(shop.customers(PEOPLE))
    assert (ran.code, ran.said["counts"]["accepted"]) == (0, len(PEOPLE)), ran.everything
    assert complaints(sink.received, PEOPLE) == []
    assert len(sink.received) == len(PEOPLE)


def test_a_354_after_the_final_dot_is_doubt(tmp_path: Path) -> None:
    async def once(talk: Conversation, received: Received) -> bool:
        if len(sink.received) > 1:
            return await accept(talk, received)
        await talk.say("354 go on")
        return True

    with Sink(Conduct(at_dot=once)) as sink:
        shop = Workshop(tmp_path / "shop", sink.port, connections=1)
        ran = shop.send(shop.customers(PEOPLE))
    assert ran.code == 5, ran.everything
    assert ran.said["counts"]["in_doubt"] == 1
    assert ran.said["counts"]["accepted"] == len(PEOPLE) - 1
    assert complaints(sink.received, PEOPLE) == []
