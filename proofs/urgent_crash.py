"""Item 2 of `proofs.urgent`: the server killed at random while messages are asked for."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proofs.newsdesk import NOTICE, Desk, address, desk, values
from proofs.receiver import receiving
from severally.client import Client, Unavailable

CALLERS = 8
SETTLE_S = 90.0


def prove(folder: Path, messages: int, kills: int, seed: int = 1) -> str:
    """Every 202 is delivered; twice only with one Message-ID, and only what was in doubt."""
    rng = random.Random(seed)
    with receiving(folder / "receiver") as receiver:
        one = desk(folder / "newsroom", {"main": receiver.port})
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        accepted: dict[int, str] = {}
        asking = threading.Thread(target=_ask_all, args=(one, port, messages, accepted))
        asking.start()
        killed = 0
        while asking.is_alive() or killed < kills:
            with one.serving(port) as (process, _):
                if killed < kills and asking.is_alive():
                    # at a random count of messages, not after a random time
                    goal = len(accepted) + rng.randrange(1, max(2, messages // kills))
                    while len(accepted) < min(goal, messages - 1) and asking.is_alive():
                        time.sleep(0.005)
                    process.kill()
                    killed += 1
                else:
                    asking.join()
                    break
            if not asking.is_alive():
                break
        with one.serving(port) as (_, url), one.client(url) as client:
            states = _settled(client, accepted)
        taken = receiver.taken()
    ids: dict[str, set[str]] = {}
    for each in taken:
        ids.setdefault(each.to, set()).add(each.message_id)
    counts = Counter(each.to for each in taken)
    missing = sum(counts[address(n)] == 0 for n in accepted)
    twice = [n for n in range(messages) if counts[address(n)] > 1]
    other_ids = sum(len(ids[address(n)]) > 1 for n in twice)
    unsaid = sum(not states.get(n, ("", False))[1] for n in twice)
    good = not (missing or other_ids or unsaid) and len(accepted) == messages
    return (
        f"2. {'holds' if good else 'DOES NOT HOLD'}: {len(accepted):,} of {messages:,} accepted "
        f"through {killed} kills; {missing} not delivered, {len(twice)} twice, of which "
        f"{other_ids} with another Message-ID and {unsaid} that were not said to be in doubt"
    )


def _ask_all(one: Desk, port: int, messages: int, accepted: dict[int, str]) -> None:
    url = f"http://127.0.0.1:{port}"
    with ThreadPoolExecutor(CALLERS) as pool, one.client(url) as client:

        def ask(number: int) -> None:
            while number not in accepted:
                try:
                    sent = client.send(
                        NOTICE, address(number), values(number), idempotency_key=f"n-{number}"
                    )
                except Unavailable:
                    continue
                accepted[number] = sent.id

        list(pool.map(ask, range(messages)))


def _settled(client: Client, accepted: dict[int, str]) -> dict[int, tuple[str, bool]]:
    """State, and whether it may have arrived twice; waited for until all are final."""
    found: dict[int, tuple[str, bool]] = {}
    until = time.time() + SETTLE_S
    for number, name in accepted.items():
        while True:
            said = client.message(name)
            found[number] = (said.state, said.possible_duplicate)
            if said.state == "accepted" or time.time() > until:
                break
            time.sleep(0.05)
    return found
