"""`kill -9` at many moments of one mailing, each followed by `resume`; the world is the judge.

    make prove P=crash

The sender is stopped (SIGSTOP) and killed, so that what the world knows at that moment is
what was true when it died: where the world holds a final dot that it has not answered yet,
the sender died between DATA and the reply.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from proofs import workspace
from proofs.outside import world_route
from severally.model.delivery import DeliveryState
from severally.sim.process import WorldProcess
from severally.sim.providers import RELAY, Moods
from severally.sim.record import Record
from severally.sim.world import Setting

IN_FLIGHT = 32
CONNECTIONS = 8
SLOW = RELAY.having(moods=Moods(latency_s=0.002, dot_s=0.02))
"""A relay that answers a final dot late enough to be caught in between."""


@dataclass
class Findings:
    """What came of it. `doubts`: per kill, how many were found in doubt afterwards."""

    customers: int
    kills: int = 0
    between: int = 0
    at: list[int] = field(default_factory=list)
    doubts: list[int] = field(default_factory=list)
    accepted: int = 0
    in_doubt: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = "; ".join(self.wrong) or "nobody twice, accepted + in doubt = audience"
        return (
            f"{self.kills} kills ({self.between} between DATA and the reply) over messages "
            f"{min(self.at):,}-{max(self.at):,} of {self.customers:,}: "
            f"{self.accepted:,} accepted, {self.in_doubt} in doubt and listed, at most "
            f"{max(self.doubts)} after one kill ({IN_FLIGHT} may be in flight); {said}"
        )


def prove(customers: int, kills: int, between: int, seed: int = 1) -> Findings:
    """Send to so many, kill so often, ask the world. `wrong` is empty where all holds."""
    found = Findings(customers)
    rng = random.Random(seed)
    late = set(rng.sample(range(kills), between))
    with tempfile.TemporaryDirectory() as folder, WorldProcess(Setting((SLOW,))) as world:
        more = f"[sending]\nmax_in_doubt = {IN_FLIGHT}\n"
        route = world_route(world, f"connections = {CONNECTIONS}\n")
        place = workspace.make(Path(folder) / "place", customers, route, more)
        sender = workspace.start(place, "send", "index-change", "--audience", "customers.csv")
        for number in range(kills):
            # what is found in doubt may never have arrived: so many fewer can be counted on
            spread = customers - kills * IN_FLIGHT
            moment = 1 + int((number + rng.random()) * spread / kills)
            _kill(sender, world, moment, number in late, found)
            found.doubts.append(_attempting(place))
            sender = workspace.start(place, "resume", _mailing(place), "--json")
        said, problems = sender.communicate(timeout=600)
        if sender.returncode not in (0, 5):
            found.wrong.append(f"the last resume ended with {sender.returncode}: {problems}")
        else:
            _judge(found, place, json.loads(said), world.record())
    return found


def _kill(
    sender: subprocess.Popen[str],
    world: WorldProcess,
    moment: int,
    between: bool,
    found: Findings,
) -> None:
    """When the world has kept `moment` messages, and (`between`) owes an answer."""
    while True:
        if sender.poll() is not None:
            said = sender.communicate()[1][-2000:]
            raise AssertionError(f"it ended before it was killed ({sender.returncode}): {said}")
        if world.counts()[SLOW.id].kept >= moment:
            os.kill(sender.pid, signal.SIGSTOP)
            counts = world.counts()[SLOW.id]
            if counts.unanswered or not between:
                break
            os.kill(sender.pid, signal.SIGCONT)
        time.sleep(0.005)
    sender.kill()
    sender.communicate()
    found.kills += 1
    found.between += bool(counts.unanswered)
    found.at.append(counts.kept)


def _ledger(place: Path) -> sqlite3.Connection:
    return sqlite3.connect(place / ".severally" / "ledger.sqlite3")


def _attempting(place: Path) -> int:
    """Deliveries that were attempting when the sender died: what the next one finds in doubt."""
    with _ledger(place) as ledger:
        query = "SELECT count(*) FROM delivery WHERE state = ?"
        (count,) = ledger.execute(query, (DeliveryState.ATTEMPTING,)).fetchone()
        return int(count)


def _mailing(place: Path) -> str:
    status = workspace.severally(place, "status", "--json").stdout
    return str(json.loads(status)["mailings"][0]["mailing"])


def _judge(found: Findings, place: Path, report: dict[str, object], record: Record) -> None:
    counts = report["counts"]
    assert isinstance(counts, dict)
    found.accepted, found.in_doubt = counts["accepted"], counts["in_doubt"]
    with (place / "customers.csv").open(encoding="utf-8") as file:
        address = {row["id"]: row["email"] for row in csv.DictReader(file)}
    listed = report["in_doubt"]
    assert isinstance(listed, list)
    doubted = {address[each] for each in listed}
    got = Counter(record.per_mailbox())
    told = set(address.values()) - doubted
    checks = {
        "somebody was sent it twice": max(got.values()) == 1,
        "somebody outside the audience was sent it": set(got) <= set(address.values()),
        "somebody accepted never got it": told <= set(got),
        "accepted and in doubt are not the audience": (
            found.accepted + found.in_doubt == found.customers == sum(counts.values())
        ),
        "not everybody in doubt is listed": len(doubted) == found.in_doubt,
        "more were in doubt than in flight": max(found.doubts) <= IN_FLIGHT,
        "those in doubt are not those that were attempting": sum(found.doubts) == found.in_doubt,
        "a mailbox saw another's address": record.strangers() == 0,
    }
    found.wrong += [said for said, holds in checks.items() if not holds]


if __name__ == "__main__":
    result = prove(23_000, 100, 30)
    print(result)
    raise SystemExit(bool(result.wrong))
