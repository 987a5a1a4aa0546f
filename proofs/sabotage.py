"""Item 3: composers that show one customer to another reach nobody, with 23,000 customers.

Each of the eight in `tests.sabotage` is put in the place of the real composer, inside the
composing processes and through the wiring, once for everybody and once planted in one random
message. What arrived is read by `tests.letters`, which shares no code with `src/`.
Run it with `make prove P=sabotage`.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.sabotage import SABOTEURS, sabotaged
from tests.smtp_sink import Sink
from tests.workshop import Workshop, complaints, rows

from severally.app.wiring import Wiring

CUSTOMERS = 23_000


class Failed(Exception):
    """What the proof found instead."""


def prove(customers: int = CUSTOMERS, seed: int = 2019) -> Iterator[str]:
    """One line for each sabotage. Raises Failed at the first that is not as it must be."""
    rng = random.Random(seed)
    people = rows(customers)
    for name in SABOTEURS:
        yield _one(name, "for everybody", None, people)
        planted = rng.randint(1, customers)
        yield _one(name, f"planted in message {planted:,}", planted, people)


def _one(name: str, how: str, planted: int | None, people: list[list[str]]) -> str:
    composer = sabotaged(name, None if planted is None else (planted,))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Sink() as sink:
        shop = Workshop(Path(folder) / "shop", sink.port, connections=8)
        ran = shop.send(shop.customers(people), wiring=Wiring(make_composer=composer))
    took = time.monotonic() - began
    wrong = complaints(sink.received, people)
    refused = ran.said.get("guard", {}).get("refused", 0)
    if ran.code != 4 or wrong or not refused or (planted is None and sink.received):
        raise Failed(
            f"{name}, {how}: exit code {ran.code}, {len(sink.received):,} arrived, "
            f"{refused} refused, {len(wrong):,} complaints: {wrong[:3]}"
        )
    return (
        f"3. {name}, {how}: {refused} refused, halted with exit code 4; of {len(people):,} "
        f"{len(sink.received):,} proper ones had arrived, none shows a stranger ({took:.0f} s)"
    )


def main() -> int:
    try:
        for line in prove():
            print(line, flush=True)
    except Failed as failed:
        print(f"FAILED: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
