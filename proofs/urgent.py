"""Urgent messages: fast beside a mailing, never lost, over a second route, refused where wrong.

    make prove P=urgent                # all of them
    python -m proofs.urgent 2 5        # some
Prints one line for each numbered item of the capability. Everything runs over loopback: `severally
serve` as a process, the Python client, and receivers that nobody of `src/` wrote a line of.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proofs import urgent_crash, urgent_outbox, urgent_routes, workspace
from proofs.callers import ask_all
from proofs.newsdesk import NOTICE, Desk, desk, number_of
from proofs.receiver import Receiver, receiving

RATE, SECONDS = 50, 120
BURST, BURST_WITHIN_S = 5_000, 10.0
MAILING = 60_000


@dataclass
class Latencies:
    """Seconds from the call to the receiver's 250, for each message of a run."""

    name: str
    asked: dict[int, float]
    accepted: int
    seconds: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def __str__(self) -> str:
        p50, p95, p99 = (self.quantile(each) * 1e3 for each in (0.5, 0.95, 0.99))
        return (
            f"{self.name}: {len(self.seconds):,} of {self.accepted:,} arrived, p50 {p50:.0f} ms, "
            f"p95 {p95:.0f} ms, p99 {p99:.0f} ms, slowest {max(self.seconds) * 1e3:.0f} ms"
        )


def load(url: str, key: str, numbers: Sequence[int], per_second: float, name: str) -> Latencies:
    """Ask for these messages at this rate, each at its moment whatever became of the others."""
    return Latencies(name, *asyncio.run(ask_all(url, key, numbers, per_second, name)))


def arrived(found: Latencies, receiver: Receiver, within_s: float = 60.0) -> Latencies:
    """Wait for all of them, so long at most."""
    until = time.time() + within_s
    while True:
        at = {number_of(t.to): t.at for t in receiver.taken() if t.to.startswith("urgent.")}
        found.seconds = [at[n] - asked for n, asked in found.asked.items() if n in at]
        if len(found.seconds) >= found.accepted or time.time() > until:
            return found
        time.sleep(0.2)


def bulk_rate(receiver: Receiver, since: float, until: float) -> float:
    """Messages of the mailing a second."""
    taken = receiver.taken()
    count = sum(since <= t.at <= until and not t.to.startswith("urgent.") for t in taken)
    return count / (until - since)


def beside_bulk(folder: Path, seconds: int, customers: int, burst: int) -> list[str]:
    """Item 1: the same load alone, beside a mailing at full speed, and a burst on top."""
    with receiving(folder / "receiver") as receiver:
        one = desk(folder / "newsroom", {"main": receiver.port}, customers)
        with one.serving() as (_, url):
            count = RATE * seconds
            # the composing process is there, and every connection is open
            arrived(load(url, one.key, range(10**6, 10**6 + 2 * RATE), RATE, "warm"), receiver)
            alone = load(url, one.key, range(count), RATE, "alone")
            arrived(alone, receiver)
            mailing = workspace.start(
                one.folder, "send", "index-change", "--audience", "customers.csv", "--json"
            )
            _wait_for_bulk(receiver)
            began = time.time()
            numbers = range(count, 2 * count)
            beside = load(url, one.key, numbers, RATE, "beside a mailing")
            ended = time.time()
            arrived(beside, receiver)
            still = mailing.poll() is None
            rate = bulk_rate(receiver, began, ended)
            numbers = range(2 * count, 2 * count + burst)
            stormed = load(url, one.key, numbers, burst, "burst")
            arrived(stormed, receiver)
            during = "during" if mailing.poll() is None else "after"
            mailing.terminate()
            mailing.communicate()
    more = beside.quantile(0.95) - alone.quantile(0.95)
    good = (
        beside.quantile(0.5) <= 0.2
        and beside.quantile(0.99) <= 1.0
        and more <= max(0.05, 0.1 * alone.quantile(0.95))
        and len(beside.seconds) == beside.accepted == count
    )
    last = max(stormed.seconds)
    stormed_well = last <= BURST_WITHIN_S and len(stormed.seconds) == stormed.accepted == burst
    return [
        f"1. {_said(good)}: {alone}; {beside} (p95 {more * 1e3:+.0f} ms), the mailing "
        f"{'went on' if still else 'had ended'} at {rate:,.0f}/s",
        f"1. {_said(stormed_well)}: a burst of {burst:,} in one second, {during} the mailing: "
        f"the last arrived {last:.1f} s after it was asked for",
    ]


def _wait_for_bulk(receiver: Receiver) -> None:
    while not any(not t.to.startswith("urgent.") for t in receiver.taken()):
        time.sleep(0.2)


def as_a_newcomer(folder: Path) -> str:
    """Item 6: curl and the Python client, against what `init` makes."""
    workspace.severally(folder.parent, "init", folder.name)
    workspace.severally(folder, "urgent", "approve", NOTICE)
    made = workspace.severally(folder, "key", "make", "my-program", "--scope", "live", "--json")
    one = Desk(folder, json.loads(made.stdout)["secret"])
    with one.serving() as (_, url):
        body = (
            '{"notice": "sign-in-alert", "recipient": {"email": "anna@customer.example"}, '
            '"variables": {"first_name": "Anna", "device": "Firefox", '
            '"signed_in_at": "2026-11-25T08:14:05Z"}}'
        )
        curl = subprocess.run(
            ["curl", "-s", f"{url}/v1/messages", "-H", f"Authorization: Bearer {one.key}",
             "-H", "Idempotency-Key: sign-in-4711", "-H", "Content-Type: application/json",
             "-d", body],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        with one.client(url) as client:
            sent = client.send(
                NOTICE,
                "anna@customer.example",
                {"first_name": "Anna", "device": "Firefox", "signed_in_at": "2026-11-25T08:14:05Z"},
                idempotency_key="sign-in-4711",
            )
            until = time.time() + 30
            while client.message(sent.id).state != "accepted" and time.time() < until:
                time.sleep(0.1)
            state = client.message(sent.id).state
    files = list((folder / "outbox" / "new").iterdir())
    good = sent.id in curl.stdout and state == "accepted" and len(files) == 1
    return (
        f"6. {_said(good)}: curl and the client asked for one message; {state}, {len(files)} mail"
    )


def _said(good: bool) -> str:
    return "holds" if good else "DOES NOT HOLD"


def main(wanted: Sequence[str]) -> int:
    """Every item that is there, whole; or those whose numbers are given."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="severally-urgent-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs under another account
        items: dict[str, Callable[[], list[str]]] = {
            "1": lambda: beside_bulk(folder / "1", SECONDS, MAILING, BURST),
            "2": lambda: [urgent_crash.prove(folder / "2", 10_000, 20)],
            "3": lambda: urgent_routes.prove(folder / "3", urgent_routes.MOODS),
            "5": lambda: [
                urgent_outbox.prove(folder / f"5-{kind}", kind, 10_000, 20)
                for kind in ("sqlite", "postgresql")
            ],
            "6": lambda: [as_a_newcomer(folder / "6" / "newsroom")],
        }
        for number in wanted or items:
            for line in items[number]():
                print(line, flush=True)
                lines.append(line)
    return int(any("DOES NOT" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
