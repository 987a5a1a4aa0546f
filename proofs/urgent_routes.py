"""Item 3 of `proofs.urgent`: the first route in every mood; the second carries meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

from tests.servers.authority import certify

from proofs.newsdesk import NOTICE, Desk, address, desk, number_of, values
from proofs.receiver import Receiver, receiving
from severally.client import Client

MOODS = ("down", "hanging", "deaf", "refusing", "greets", "slow", "garbage", "certificate")
WITHIN_S = 35.0
BACK_S = 45.0
EACH = 40


def prove(folder: Path, moods: tuple[str, ...], each: int = EACH) -> list[str]:
    """One line for each mood."""
    lines = []
    with receiving(folder / "first") as first, receiving(folder / "second") as second:
        one = desk(folder / "newsroom", {"main": first.port, "second": second.port})
        with one.serving() as (_, url), one.client(url) as client:
            for index, mood in enumerate(moods):
                if mood != "certificate":
                    numbers = range(index * 1_000, index * 1_000 + each)
                    lines.append(_mood(mood, client, first, second, numbers))
    if "certificate" in moods:
        lines.append(_certificate(folder / "tls", each))
    return lines


def _certificate(folder: Path, each: int) -> str:
    """A certificate of nobody's."""
    authority = folder / "authority"
    authority.mkdir(parents=True)
    made = certify(authority, "wrong.example")
    with (
        receiving(folder / "first", (made.certificate, made.key)) as first,
        receiving(folder / "second") as second,
    ):
        ports = {"main": first.port, "second": second.port, "tls": 1}
        one: Desk = desk(folder / "newsroom", ports)
        with one.serving() as (_, url), one.client(url) as client:
            return _mood("certificate", client, first, second, range(each), back=False)


def _mood(
    mood: str,
    client: Client,
    first: Receiver,
    second: Receiver,
    numbers: range,
    back: bool = True,
) -> str:
    first.mood = mood if mood != "certificate" else "well"
    before = len(second.taken())
    asked: dict[int, float] = {}
    for number in numbers:
        client.send(NOTICE, address(number), values(number))
        asked[number] = time.time()
        time.sleep(0.1)
    until = time.time() + WITHIN_S + 5
    at: dict[int, float] = {}
    while time.time() < until and len(at) < len(asked):
        took = second.taken(before) + (first.taken() if mood == "slow" else [])
        at = {n: t.at for t in took if (n := number_of(t.to)) in asked}
        time.sleep(0.1)
    slowest = max((at[n] - asked[n] for n in at), default=0.0)
    good = len(at) == len(asked) and slowest <= WITHIN_S
    said = f"{len(at)} of {len(asked)} out, the slowest after {slowest:.1f} s"
    if back:
        first.mood = "well"
        came = _back(client, first, numbers.stop)
        good &= came is not None
        said += f"; back to the first after {came:.0f} s" if came is not None else "; NOT BACK"
    return f"3. {'holds' if good else 'DOES NOT HOLD'}: first route {mood}: {said}"


def _back(client: Client, first: Receiver, number: int) -> float | None:
    """Seconds until the first route carries messages again."""
    began, before = time.time(), len(first.taken())
    while time.time() < began + BACK_S:
        client.send(NOTICE, address(number), values(number))
        number += 1
        time.sleep(1)
        if len(first.taken()) > before + 1:
            return time.time() - began
    return None
