"""What the ledgers' tests put in: rows, mailings, an audience in one call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from severally.ledger.memory import MemoryLedger
from severally.ledger.sqlite import SqliteLedger
from severally.model.delivery import DeliveryState
from severally.model.entries import Attempts, Record, Turn
from severally.model.event import Event, EventKind, Party
from severally.model.mailing import Audience, Cohort, Frozen, Mailing, MailingState
from severally.model.notice import Kind, Notice, SameAddress, ValueType, Variable
from severally.model.sender import DkimKey, Sender
from severally.model.staged import StagedRow
from severally.ports import Ledger

KINDS = ("memory", "sqlite")
RECEIVERS = ("google", "gmx", "yahoo")


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Ledger]:
    """A new ledger of this kind."""
    ledger = MemoryLedger() if kind == "memory" else SqliteLedger(folder / "ledger.sqlite3")
    try:
        yield ledger
    finally:
        ledger.close()


def row(number: int, receiver: str = "", **fields: object) -> StagedRow:
    """The row of customer `number` (from 0), whose line in the source is number + 2."""
    hashed = hashlib.sha256(b"%d" % number).digest()
    values: dict[str, object] = {
        "row": number + 2,
        "seq": number,
        "id": f"c{number}",
        "domain": receiver or RECEIVERS[number % len(RECEIVERS)],
        "locale": ("en", "de")[number % 2],
        "blind": hashed[:16],
        "loose": hashed[16:],
        "print": hashlib.sha256(hashed).digest(),
        "order": int.from_bytes(hashed[:8], "big"),
        "salt": hashed[8:24],
        "box": b"box of %d" % number,
        "leaf": hashlib.sha256(b"leaf %d" % number).digest(),
    }
    return StagedRow(**(values | fields))  # type: ignore[arg-type]


def audience(ledger: Ledger, count: int, name: str = "a-1", receiver: str = "") -> Audience:
    """Stage and freeze customers 0..count-1."""
    staging = ledger.stage(name)
    staging.add([row(number, receiver) for number in range(count)])
    return staging.freeze("customers.csv", 1000.0)


FROZEN = Frozen(
    Notice(
        "index-change",
        "Index change",
        Kind.SERVICE,
        "notices",
        "en",
        ("en", "de"),
        (Variable("name", ValueType.TEXT, private=True),),
        same_address=SameAddress.EACH,
    ),
    Sender(
        "notices",
        "notices@exchange.example",
        "Exchange",
        "bounces@exchange.example",
        dkim=(DkimKey("exchange.example", "s1", "rsa-sha256", "ab" * 32),),
    ),
    {},
    "main",
)


def mailing(
    ledger: Ledger,
    audience_id: str = "a-1",
    name: str = "m-1",
    state: MailingState = MailingState.SENDING,
) -> Sequence[Cohort]:
    """Make a mailing to the audience; lanes are `main/<receiver>`."""
    count = ledger.audience(audience_id).count
    made = Mailing(name, "index-change", audience_id, count, f"digest of {name}", state, "main")
    lanes = {receiver: f"main/{receiver}" for receiver in ledger.receivers(audience_id)}
    return ledger.create_mailing(made, FROZEN, lanes, 2000.0)


def attempt(
    ledger: Ledger, epoch: int, deliveries: Sequence[int], now: float = 3000.0, name: str = "m-1"
) -> bool:
    """Mark these attempting; False where the mailing was halted. As a deliverer would who
    knows the halt epoch of now."""
    halt_epoch = ledger.mailing(name).halt_epoch
    turn = Turn(epoch, now, attempts=[Attempts(name, halt_epoch, deliveries)])
    return name not in ledger.turn(turn).halted


def record(ledger: Ledger, epoch: int, *records: Record, now: float = 3001.0) -> None:
    """Write records in a turn of their own."""
    ledger.turn(Turn(epoch, now, records=records))


def totals(ledger: Ledger, name: str = "m-1") -> dict[DeliveryState, int]:
    """Deliveries by state over all cohorts."""
    result: dict[DeliveryState, int] = {}
    for counts in ledger.tally(name).values():
        for state, n in counts.items():
            result[state] = result.get(state, 0) + n
    return result


def blind(number: int) -> bytes:
    """The blind index of customer `number`."""
    return row(number).blind


def event(
    delivery: int,
    kind: EventKind,
    at: float = 4.0,
    party: Party | None = None,
    text: str = "said so",
    notice: Kind = Kind.SERVICE,
) -> Event:
    """Something heard about a delivery; its party is one nobody else has."""
    own = party or Party(hashlib.sha256(b"party %d" % delivery).digest()[:16], b"salt", b"box")
    return Event(delivery, kind, at, "dsn", own, notice, 550, "5.0.0", text, "sample")
