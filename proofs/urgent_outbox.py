"""Item 5 of `proofs.urgent`: rows that transactions leave, a third of which roll back, while the
reader is killed at random."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from tests.books import documented
from tests.servers.postgresql import postgresql, unavailable

from proofs.newsdesk import NOTICE, Desk, address, desk, values
from proofs.receiver import Receiver, receiving

WRITERS = 4
SETTLE_S = 120.0

Connect = Callable[[], Any]


def prove(folder: Path, kind: str, rows: int, kills: int, seed: int = 1) -> str:
    """Exactly what was committed arrives; twice only with one Message-ID."""
    if kind == "postgresql" and (reason := unavailable()):
        return f"5. not tried over PostgreSQL: {reason}"
    with receiving(folder / "receiver") as receiver, _database(folder, kind) as (settings, connect):
        more = f"\n[outboxes.exchange]\n{settings}"
        one = desk(folder / "newsroom", {"main": receiver.port}, more=more)
        committed: set[int] = set()
        rolled = [0]
        mark = "?" if kind == "sqlite" else "%s"
        numbers = [range(w * rows // WRITERS, (w + 1) * rows // WRITERS) for w in range(WRITERS)]
        writers = [
            threading.Thread(target=_write, args=(connect, mark, part, committed, rolled, seed + w))
            for w, part in enumerate(numbers)
        ]
        for writer in writers:
            writer.start()
        killed = _kill(one, receiver, rows, kills, random.Random(seed))
        for writer in writers:
            writer.join()
        with one.serving():
            waiting = _settled(connect, receiver, committed)
        taken = receiver.taken()
    counts = Counter(each.to for each in taken)
    wanted = {address(number) for number in committed}
    ids: dict[str, set[str]] = {}
    for each in taken:
        ids.setdefault(each.to, set()).add(each.message_id)
    missing, strange = len(wanted - counts.keys()), len(counts.keys() - wanted)
    twice = sum(count > 1 for count in counts.values())
    other_ids = sum(len(each) > 1 for each in ids.values())
    good = not (missing or strange or other_ids or waiting)
    return (
        f"5. {'holds' if good else 'DOES NOT HOLD'}: {kind}: {len(committed):,} rows committed and "
        f"{rolled[0]:,} rolled back, the reader killed {killed} times: {missing} missing, "
        f"{strange} that were not committed, {twice} twice ({other_ids} with another Message-ID)"
    )


@contextlib.contextmanager
def _database(folder: Path, kind: str) -> Iterator[tuple[str, Connect]]:
    """What severally.toml says of it, and how the user's program connects."""
    if kind == "sqlite":
        file = folder / "exchange.sqlite3"

        def theirs() -> Any:
            return sqlite3.connect(file, timeout=60)

        with contextlib.closing(theirs()) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(documented("sqlite"))
        yield f'type = "sqlite"\nfile = "{file}"\n', theirs
        return
    with postgresql() as server:
        with psycopg.connect(server.database) as made:
            made.execute(documented("postgresql"))
        settings = f'type = "postgresql"\ndatabase = "{server.database}"\n'
        yield settings, lambda: psycopg.connect(server.database)


def _write(
    connect: Connect, mark: str, numbers: range, committed: set[int], rolled: list[int], seed: int
) -> None:
    """Transactions of one to four rows; a third of them roll back."""
    rng = random.Random(seed)
    insert = f"INSERT INTO severally_outbox (message) VALUES ({mark})"
    left = list(numbers)
    with contextlib.closing(connect()) as db:
        while left:
            count = rng.randint(1, 4)
            part, left = left[:count], left[count:]
            for number in part:
                message = {"notice": NOTICE, "recipient": {"email": address(number)}}
                message["variables"] = values(number)  # type: ignore[assignment]
                db.cursor().execute(insert, (json.dumps(message),))
            if rng.random() < 1 / 3:
                db.rollback()
                rolled[0] += len(part)
            else:
                db.commit()
                committed.update(part)
            time.sleep(rng.random() * 0.02)


def _kill(one: Desk, receiver: Receiver, rows: int, kills: int, rng: random.Random) -> int:
    """Serve, and kill at random counts of what has arrived."""
    for _ in range(kills):
        with one.serving() as (process, _):
            goal = len(receiver.taken()) + rng.randrange(1, max(2, rows // 2 // kills))
            until = time.time() + SETTLE_S
            while len(receiver.taken()) < goal and time.time() < until:
                time.sleep(0.02)
            process.kill()
    return kills


def _settled(connect: Connect, receiver: Receiver, committed: set[int]) -> int:
    """Wait until every row has its answer and everybody has their message. Rows without one."""
    until = time.time() + SETTLE_S
    wanted = {address(number) for number in committed}
    with contextlib.closing(connect()) as db:
        while True:
            cursor = db.cursor()
            cursor.execute("SELECT count(*) FROM severally_outbox WHERE answer IS NULL")
            (waiting,) = cursor.fetchone()
            db.commit()
            done = not waiting and wanted <= {each.to for each in receiver.taken()}
            if done or time.time() > until:
                return int(waiting)
            time.sleep(0.2)
