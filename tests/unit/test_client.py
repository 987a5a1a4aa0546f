"""The Python client: one Idempotency-Key over all tries, errors with their fields, no secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from severally.client import Client, Declined, Unavailable

Answers = Iterator[Callable[[httpx.Request], httpx.Response]]


def problem(status: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    errors = [{"field": "recipient.email", "problem": "no address"}]
    said = {"type": "urn:severally:problem:x", "detail": "that is wrong", "errors": errors}
    return lambda request: httpx.Response(status, json=said, headers=headers)


def accepted(request: httpx.Request) -> httpx.Response:
    return httpx.Response(202, json={"id": "u-aaaaaaaaaaaaa", "state": "accepted"})


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset", request=request)


class World:
    """A server that answers in turn, and a clock that waiting moves."""

    def __init__(self, *answers: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answers = iter(answers)
        self.requests: list[httpx.Request] = []
        self.now = 0.0
        self.client = Client(
            "http://127.0.0.1:1",
            "sev_secret",
            sleep=self._sleep,
            monotonic=lambda: self.now,
            transport=httpx.MockTransport(self._answer),
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return next(self._answers)(request)


def test_a_call_without_an_answer_is_made_again_under_the_same_name() -> None:
    world = World(broken, problem(503), accepted)
    sent = world.client.send("reset", "anna@x.example", {"n": 1})
    names = {each.headers["idempotency-key"] for each in world.requests}
    assert names == {sent.idempotency_key} and len(world.requests) == 3
    assert {each.content for each in world.requests} == {world.requests[0].content}
    body = json.loads(world.requests[0].content)
    assert body == {"notice": "reset", "recipient": {"email": "anna@x.example"},
                    "variables": {"n": 1}}  # fmt: skip


def test_it_waits_as_long_as_it_is_told() -> None:
    world = World(problem(429, **{"Retry-After": "7"}), accepted)
    world.client.send("reset", "anna@x.example", idempotency_key="mine")
    assert world.now == 7.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_a_no_is_a_no(status: int) -> None:
    world = World(problem(status))
    with pytest.raises(Declined) as caught:
        world.client.send("reset", "nobody")
    assert caught.value.status == status
    assert caught.value.errors == {"recipient.email": "no address"}
    assert len(world.requests) == 1


def test_patience_ends() -> None:
    world = World(*[broken] * 100)
    with pytest.raises(Unavailable):
        world.client.send("reset", "anna@x.example")
    assert 25 <= world.now <= 30


def test_something_else_answers() -> None:
    world = World(lambda request: httpx.Response(404, text="<html>nginx</html>"))
    with pytest.raises(Unavailable, match="none of the API's"):
        world.client.message("u-aaaaaaaaaaaaa")


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(World().client)
