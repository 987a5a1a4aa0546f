"""The record: every tampering with anchored rows is found, and a backup mails nobody twice.

`make prove P=audit` makes 1,000 random tamperings with the rows of a real ledger file, one at a
time: edited, deleted, put in, moved, cut off at the end, and rewritten with fresh hashes from
some row on.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from severally.adapters.checkpoints import Checkpoints
from severally.ledger.sqlite import SqliteLedger
from severally.model.audit import GENESIS, Checkpoint, chained, flaws
from severally.model.entries import Act

ROWS = 400
COLUMNS = ("at", "mailing", "what", "detail", "who", "seq", "hash")
Row = dict[str, Any]
Tamper = Callable[[list[Row], random.Random], None]


def make(folder: Path, rng: random.Random, rows: int = ROWS) -> tuple[Path, Checkpoints]:
    """A ledger file with so many rows, the last one held by a checkpoint, and earlier ones."""
    path = folder / "ledger.sqlite3"
    places = Checkpoints(lambda: b"s" * 32, [folder / "a.jsonl", folder / "b.jsonl"])
    ledger = SqliteLedger(path)
    for number in range(rows):
        who = rng.choice(("", "alice", "bob"))
        what = rng.choice(("approved", "outcomes", "halted", "step 3 opened"))
        ledger.add_act(Act(1_000.0 + number, f"m-{number % 3}", what, f"detail {number}", who))
        if number % 97 == 5 or number == rows - 1:
            seq, head = ledger.head()
            places.append(Checkpoint(1_000.5 + number, seq, head.hex()))
    ledger.close()
    return path, places


def edit(rows: list[Row], rng: random.Random) -> None:
    row, column = rng.choice(rows), rng.choice(COLUMNS[:5])
    row[column] = row[column] + 1.0 if column == "at" else f"{row[column]}x"


def edit_hash(rows: list[Row], rng: random.Random) -> None:
    rng.choice(rows)["hash"] = rng.randbytes(32)


def delete(rows: list[Row], rng: random.Random) -> None:
    del rows[rng.randrange(len(rows))]


def delete_and_close_up(rows: list[Row], rng: random.Random) -> None:
    del rows[rng.randrange(len(rows))]
    for seq, row in enumerate(rows, 1):
        row["seq"] = seq


def swap(rows: list[Row], rng: random.Random) -> None:
    one, other = rng.sample(rows, 2)
    for column in COLUMNS[:5]:
        one[column], other[column] = other[column], one[column]
    if all(one[column] == other[column] for column in COLUMNS[:5]):
        one["detail"] += "x"


def cut(rows: list[Row], rng: random.Random) -> None:
    del rows[rng.randrange(len(rows)) :]


def put_in(rows: list[Row], rng: random.Random) -> None:
    at = rng.randrange(len(rows))
    rows.insert(at, dict(rows[at], detail="put in"))
    for seq, row in enumerate(rows, 1):
        row["seq"] = seq


def rewrite(rows: list[Row], rng: random.Random) -> None:
    """As somebody would who knows how the chain is made: every later hash is right again."""
    first = rng.randrange(len(rows))
    rows[first]["who"] += "x"
    rehash(rows)


def drop_and_rewrite(rows: list[Row], rng: random.Random) -> None:
    del rows[rng.randrange(len(rows))]
    rehash(rows)


def rehash(rows: list[Row]) -> None:
    head = GENESIS
    for seq, row in enumerate(rows, 1):
        act = Act(*(row[column] for column in COLUMNS[:5]))
        row["seq"], row["hash"] = seq, chained(head, seq, act)
        head = row["hash"]


KINDS: tuple[Tamper, ...] = (
    edit, edit_hash, delete, delete_and_close_up, swap, cut, put_in, rewrite, drop_and_rewrite,
)  # fmt: skip


def tampered(path: Path, tamper: Tamper, rng: random.Random) -> Path:
    """A copy of the ledger in which this was done, behind the program's back."""
    copy = path.parent / "copy" / path.name
    shutil.rmtree(copy.parent, ignore_errors=True)
    copy.parent.mkdir()
    shutil.copy(path, copy)
    db = sqlite3.connect(copy)
    read = f"SELECT {', '.join(COLUMNS)} FROM act ORDER BY seq"
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in db.execute(read)]
    tamper(rows, rng)
    db.execute("DELETE FROM act")
    marks = ", ".join("?" * len(COLUMNS))
    db.executemany(
        f"INSERT INTO act ({', '.join(COLUMNS)}) VALUES ({marks})",
        [tuple(row[column] for column in COLUMNS) for row in rows],
    )
    db.commit()
    db.close()
    return copy


def found(path: Path, places: Checkpoints) -> list[str]:
    """What the verifier says of a ledger file."""
    ledger = SqliteLedger(path)
    try:
        return [*places.flaws(), *flaws(ledger.chain(0, 1_000_000), places.all())]
    finally:
        ledger.close()


def prove(count: int, seed: int = 1) -> Counter[str]:
    """So many tamperings; how many of each kind were missed. Raises where a sound one is not."""
    missed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        rng = random.Random(seed)
        path, places = make(Path(folder), rng)
        assert found(path, places) == []
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            if not found(tampered(path, kind, rng), places):
                missed[kind.__name__] += 1
    return missed


def forged(seed: int = 1) -> list[str]:
    """What is said of a checkpoint that was changed, and of a place that lost some."""
    with tempfile.TemporaryDirectory() as folder:
        path, places = make(Path(folder), random.Random(seed))
        lines = (Path(folder) / "a.jsonl").read_bytes().splitlines(keepends=True)
        (Path(folder) / "a.jsonl").write_bytes(
            b"".join([lines[0].replace(b'"seq":6', b'"seq":7'), *lines[1:-1]])
        )
        return found(path, places)


def main() -> int:
    """The whole proof, one line for each item."""
    missed = prove(1_000)
    total = sum(missed.values())
    print(f"1. 1,000 tamperings with {ROWS} anchored rows: {total} missed {dict(missed)}")
    said = forged()
    print(f"2. a forged checkpoint and a place that was cut: {'; '.join(said)}")
    return 1 if missed or not said else 0


if __name__ == "__main__":
    raise SystemExit(main())
