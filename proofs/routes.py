"""Routes through providers, whole.

    make prove P=routes            # everything (a quarter of an hour on two quiet cores)
    make prove P=routes 2 4        # these items

Item 4 sends 23,000 messages through SendGrid batches, calmly and through faults, and 2,000 through
each of the others. Item 2 asks programs nobody here wrote (fetched from PyPI and npm). Item 3
changes finished requests at random, and then changes the guard. Item 5 pours 10,000 events a second
into `serve`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.standins import CUT, WELL, Act, Call, StandIn, sendgrid
from tests.standins.ways import WAYS, Way

from proofs import workspace
from proofs.outside import judged

MANY = 23_000
BAD = 7
"""Recipients that the provider turns down."""
ROOT = Path(__file__).parents[1]


def place(folder: Path, way: Way, url: str, count: int, more: str = "") -> Path:
    """A workspace whose route leads there."""
    key = folder / "provider.key"
    key.write_text(way.key)
    route = f'{way.table}\nurl = "{url}"\nkey_file = "{key}"\n{more}'
    made = workspace.make(folder / "place", count, route, '[retries]\nfirst = "2s"\n')
    key.chmod(0o600)
    return made


def send(where: Path, code: int | None = None) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    arguments = ("send", "index-change", "--audience", "customers.csv", "--json")
    done = workspace.severally(where, *arguments, code=code)
    return json.loads(done.stdout), time.monotonic() - began


def calm(folder: Path) -> bool:
    """Item 4, nothing goes wrong."""
    way = WAYS["sendgrid"]
    with StandIn(way.expand) as provider:
        where = place(folder, way, provider.url, MANY)
        report, took = send(where, 0)
        verdict = judged(where, provider.received)
        sizes = [len(json.loads(call.body)["personalizations"]) for call in provider.calls]
    counts = report["counts"]
    print(
        f"4. {MANY:,} through SendGrid: {len(sizes)} calls of {max(sizes)} messages at most, "
        f"{took:.0f} s (estimated {report['estimate_s']:.0f} s); {counts['accepted']:,} accepted; "
        f"{verdict}"
    )
    return counts["accepted"] == MANY and not verdict.complaints and verdict.most_addresses == 1


def fault(number: int, call: Call) -> Act:
    """Of every 16 requests: one cut after it was acted upon, one 500 after and one before, three
    429, one 503, one that is answered slowly."""
    match number % 16:
        case 3:
            return CUT
        case 5:
            return Act(status=500)
        case 7:
            return Act(acts=False, status=500)
        case 9 | 10 | 11:
            return Act(acts=False, status=429, headers={"Retry-After": "1"})
        case 13:
            return Act(acts=False, status=503, headers={"Retry-After": "1"})
        case 15:
            return Act(wait=_Soon(0.5))
        case _:
            return WELL


class _Soon(threading.Event):
    """Comes by itself."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def wait(self, timeout: float | None = None) -> bool:
        time.sleep(self._seconds)
        return True


def faults(folder: Path) -> bool:
    """Item 4, everything goes wrong: and then `resume`, which must send nobody anything twice."""
    way = WAYS["sendgrid"]
    with StandIn(way.expand, fault) as provider:
        where = place(folder, way, provider.url, MANY, "batch = 250\n")
        file = where / "customers.csv"
        lines = file.read_text("utf-8").splitlines(keepends=True)
        for number in range(BAD):
            cells = lines[1 + number * 1_000].split(",")
            cells[1] = f"nobody.{number}{sendgrid.BAD}"
            lines[1 + number * 1_000] = ",".join(cells)
        file.write_text("".join(lines), "utf-8")
        report, took = send(where)
        again = workspace.severally(where, "resume", report["mailing"], "--json", code=None)
        final = json.loads(again.stdout)
        got = [each.recipient for each in provider.received]
    counts, doubted = final["counts"], set(final["in_doubt"])
    verdict = judged(where, provider.received)
    kinds = [each for each in verdict.complaints if "told nothing" not in each]
    missing = MANY - len(set(got))
    once = len(got) == len(set(got))
    print(
        f"4. the same through faults: {len(provider.calls)} calls in {took:.0f} s: "
        f"{counts['accepted']:,} accepted, {counts['refused']} refused, {counts['in_doubt']:,} in "
        f"doubt and listed; {len(got):,} messages, nobody twice: {once}; nothing for "
        f"{missing:,}, each refused or in doubt; other complaints: {len(kinds)}"
    )
    kept = counts["accepted"] + counts["refused"] + counts["in_doubt"] == MANY
    listed = len(doubted) == counts["in_doubt"]
    lost = missing <= counts["refused"] + counts["in_doubt"]
    refused = counts["refused"] <= BAD  # those of a request that failed are in doubt
    return kept and listed and lost and once and not kinds and refused


def others(folder: Path) -> bool:
    """Item 4 for the other four, 2,000 each, with the same faults."""
    good = True
    for name in ("ses", "mailgun", "postmark", "resend"):
        way = WAYS[name]
        own = folder / name
        own.mkdir()
        with StandIn(way.expand, fault) as provider:
            where = place(own, way, provider.url, 2_000)
            report, took = send(where)
            got = [each.recipient for each in provider.received]
            kinds = judged(where, provider.received).complaints
        counts = report["counts"]
        wrong = [each for each in kinds if "told nothing" not in each]
        missing = 2_000 - len(set(got))
        kept = counts["accepted"] + counts["in_doubt"] == 2_000
        once = len(got) == len(set(got))
        print(
            f"4. {name}: 2,000 in {len(provider.calls)} calls and {took:.0f} s: "
            f"{counts['accepted']:,} accepted, {counts['in_doubt']} in doubt; {len(got):,} "
            f"messages, nobody twice: {once}; nothing for {missing}; other complaints: {len(wrong)}"
        )
        good &= kept and once and not wrong and missing <= counts["in_doubt"]
    return good


def changed(folder: Path) -> bool:
    """Item 3: many more random changes than the suite makes, then a mutation score."""
    from proofs import mutants

    environment = {**os.environ, "SEVERALLY_SEEDS": "60"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, "tests/property/test_request_mutations.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    last = done.stdout.strip().splitlines()[-1]
    print(f"3. finished requests changed at random, 60 seeds for each kind of change: {last}")
    killed, total, alive = mutants.score(folder)
    print(
        f"3. the guard changed: {killed} of {total} mutants are noticed "
        f"({100 * killed / max(1, total):.0f} %); not noticed: {alive or 'none'}"
    )
    return done.returncode == 0


def programs(folder: Path) -> bool:
    """Item 2."""
    from proofs import apis

    return apis.prove(folder)


def events(folder: Path) -> bool:
    """Item 5: 10,000 events a second for five seconds, then all of them in the record."""
    from proofs import pouring

    return pouring.prove(folder)


ITEMS: dict[str, Sequence[Callable[[Path], bool]]] = {
    "2": (programs,),
    "3": (changed,),
    "4": (calm, faults, others),
    "5": (events,),
}


def main(wanted: Sequence[str]) -> int:
    """0 where everything holds."""
    good = True
    for item in wanted or ITEMS:
        for prove in ITEMS[item]:
            with tempfile.TemporaryDirectory(prefix="severally-routes-") as folder:
                good &= prove(Path(folder))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
