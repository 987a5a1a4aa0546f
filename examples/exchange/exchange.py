"""A small exchange that tells its customers what happens to their money, the moment it happens.

Resets and logins go through the client: nothing of them is in the database. Withdrawals and
liquidations are rows of the outbox, written by the transaction they are about, so that nobody hears
of one that was rolled back and nobody does not hear of one that was not.

    KEY=… python exchange.py --database newsroom/exchange.sqlite3 --seconds 10 --crash 500
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from severally.client import Client

LOCALES = ("en", "de", "ja", "pt-BR", "ar")
TABLES = """
CREATE TABLE account (
    id INTEGER PRIMARY KEY, first_name TEXT, email TEXT, locale TEXT, satoshi INTEGER,
    position INTEGER  -- thousandths of a bitcoin, bought on credit
);
CREATE TABLE severally_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
    message TEXT NOT NULL CHECK (json_valid(message)),
    answer TEXT
);
CREATE INDEX severally_outbox_waiting ON severally_outbox (id) WHERE answer IS NULL;
"""


@dataclass(frozen=True)
class Told:
    """One event: its kind, when it was committed or asked for, and the message's id or key."""

    kind: str
    at: float
    name: str


class Exchange:
    """Accounts in one SQLite file. A new file gets `customers` of them."""

    def __init__(self, database: Path, client: Client, customers: int, rng: random.Random) -> None:
        self.told: list[Told] = []
        self.rolled_back = 0
        self._client = client
        self._rng = rng
        self._db = sqlite3.connect(database, timeout=30, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'account'").fetchone():
            self._db.executescript(TABLES)
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?)", self._people(customers)
            )
            self._db.execute("COMMIT")

    def _people(self, count: int) -> Iterator[tuple[int, str, str, str, int, int]]:
        for n in range(1, count + 1):
            name = self._rng.choice(("Anna", "Zoë", "春斗", "João", "ليلى"))
            locale = self._rng.choice(LOCALES)
            yield n, name, f"trader.{n}@customer.example", locale, 50_000_000, 500

    # --- through the client

    def reset(self, account: int) -> None:
        """Somebody forgot a password."""
        token = secrets.token_urlsafe(16)
        values = {
            "link": f"https://exchange.example/reset/{token}",
            "minutes": 30,
            "requested_at": _now(),
            "device": "Firefox 145",
            "place": "Lisbon, PT",
        }
        self._ask("password reset", "password-reset", account, values, f"reset-{token}")

    def new_device(self, account: int) -> None:
        """Somebody signed in from a device that was never seen."""
        values = {"device": "Chrome 142, Android", "signed_in_at": _now()}
        self._ask("new device", "sign-in-alert", account, values, f"sign-in-{secrets.token_hex(8)}")

    def _ask(
        self, kind: str, notice: str, account: int, values: dict[str, str | int], event: str
    ) -> None:
        name, email, locale = self._person(account)
        at = time.time()
        sent = self._client.send(
            notice,
            email,
            {"first_name": name, **values},
            recipient_id=str(account),
            locale=locale,
            # the event's own name: asked for again after a crash, it is the same message
            idempotency_key=event,
        )
        self.told.append(Told(kind, at, sent.id))

    # --- through the outbox

    def withdraw(self, account: int, satoshi: int) -> None:
        """Money leaves, and the message says so: both, or neither."""
        number = f"W-{self._rng.randrange(10**9)}"
        values = {
            "amount": f"{satoshi / 1e8:.8f} BTC",
            "fee": "0.00008000 BTC",
            "destination": "bc1qxy2kgd…fjhx0wlh",
            "network": "Bitcoin",
            "sent_at": _now(),
            "withdrawal": number,
        }
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "UPDATE account SET satoshi = satoshi - ? WHERE id = ?", (satoshi, account)
        )
        key = self._leave("withdrawal-confirmation", account, values)
        (left,) = self._db.execute(
            "SELECT satoshi FROM account WHERE id = ?", (account,)
        ).fetchone()
        if left < 0:
            self._db.execute("ROLLBACK")  # and with it the message
            self.rolled_back += 1
            return
        self._db.execute("COMMIT")
        self.told.append(Told("withdrawal", time.time(), key))

    def crash(self, count: int) -> None:
        """The market falls: so many positions are closed, as quickly as the database can."""
        found = self._db.execute("SELECT id FROM account WHERE position > 0 LIMIT ?", (count,))
        for (account,) in found.fetchall():
            values = {
                "contract": "BTC-PERP",
                "liquidated_at": _now(),
                "size": "0.5000 BTC",
                "entry_price": "91250.00 USDT",
                "liquidation_price": "88310.50 USDT",
                "loss": "-1469.75 USDT",
                "fee": "22.08 USDT",
                "balance": "310.17 USDT",
                "reference": f"L-{account}",
            }
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("UPDATE account SET position = 0 WHERE id = ?", (account,))
            key = self._leave("liquidation", account, values)
            self._db.execute("COMMIT")
            self.told.append(Told("liquidation", time.time(), key))

    def _leave(self, notice: str, account: int, values: dict[str, str]) -> str:
        """A row for the message, in the transaction that is open."""
        name, email, locale = self._person(account)
        message = {
            "notice": notice,
            "recipient": {"email": email, "id": str(account)},
            "locale": locale,
            "variables": {"first_name": name, **values},
        }
        insert = "INSERT INTO severally_outbox (message) VALUES (?) RETURNING key"
        (key,) = self._db.execute(insert, (json.dumps(message),)).fetchone()
        return str(key)

    def _person(self, account: int) -> tuple[str, str, str]:
        query = "SELECT first_name, email, locale FROM account WHERE id = ?"
        found: tuple[str, str, str] = self._db.execute(query, (account,)).fetchone()
        return found

    # --- what became of it

    def seconds(self, patience_s: float) -> Iterator[tuple[str, float | None]]:
        """Of each event, how long until a receiver's server had its message; None for never."""
        until = time.time() + patience_s
        for each in self.told:
            while (arrived := self._arrived(each.name)) is None and time.time() < until:
                time.sleep(0.05)
            yield each.kind, None if arrived is None else arrived - each.at

    def _arrived(self, name: str) -> float | None:
        query = "SELECT answer FROM severally_outbox WHERE key = ?"
        row = self._db.execute(query, (name,)).fetchone()
        message = name if row is None else row[0]
        if not message or message.startswith("refused"):
            return None
        found = self._client.message(message)
        return found.events[-1].at.timestamp() if found.state == "accepted" else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def trade(
    exchange: Exchange, customers: int, seconds: float, crash: int, rng: random.Random
) -> None:
    """An hour's events in some seconds; in the middle of them the market falls."""
    began, fallen = time.time(), crash == 0
    while (now := time.time() - began) < seconds:
        account = rng.randint(1, customers)
        event = rng.choice((exchange.reset, exchange.new_device, exchange.withdraw))
        if event == exchange.withdraw:
            exchange.withdraw(account, rng.choice((1_000_000, 20_000_000, 90_000_000)))
        else:
            event(account)  # type: ignore[call-arg]
        if not fallen and now > seconds / 2:
            fallen = True
            exchange.crash(crash)
        time.sleep(0.02)
    if not fallen:
        exchange.crash(crash)


def report(exchange: Exchange) -> int:
    """One line for each kind of event; the exit code."""
    by_kind: dict[str, list[float | None]] = defaultdict(list)
    for kind, seconds in exchange.seconds(patience_s=120):
        by_kind[kind].append(seconds)
    print(f"{'':16} {'messages':>9} {'half within':>12} {'95 % within':>12} {'slowest':>9}")
    for kind, all_ in sorted(by_kind.items()):
        known = sorted(each for each in all_ if each is not None)
        half, most, last = (known[int(share * (len(known) - 1))] for share in (0.5, 0.95, 1))
        print(f"{kind:16} {len(all_):9,} {half:10.2f} s {most:10.2f} s {last:7.2f} s")
    never = sum(each is None for all_ in by_kind.values() for each in all_)
    print(
        f"{exchange.rolled_back} withdrawals rolled back, and nobody heard of them; "
        f"{never} never arrived"
    )
    return 1 if never else 0


def main() -> int:
    """Trade for a while, and tell how long everybody waited."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8025")
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--crash", type=int, default=500, help="positions that are closed at once")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with Client(given.url, os.environ["KEY"]) as client:
        exchange = Exchange(given.database, client, given.customers, rng)
        trade(exchange, given.customers, given.seconds, given.crash, rng)
        return report(exchange)


if __name__ == "__main__":
    raise SystemExit(main())
