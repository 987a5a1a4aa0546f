"""The main job's proof, whole: one line for each thing it must show, with its figures.

    make prove P=main                      # everything; an hour and more
    .venv/bin/python -m proofs.main 2 8 9  # some of it

Each item runs what proves it alone and says so in one line. Exit code 1 where one fails.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests import oracle
from tests.servers.postfix import postfix

from proofs import crash, workspace
from proofs.outside import judged, relay

ROOT = Path(__file__).parents[1]
CUSTOMERS = 23_000
HOSTILE = {*range(1, 24), *range(33, 40), *range(41, 46), *range(47, 50)}
HELP_S = 0.4
UNSIGNED, SIGNED = 4.0, 7.0
"""Times nodemailer's rate, at least."""
SIGNATURES = 1.6
"""Our own processor time for a signed message, at most, in RSA-2048 signatures."""
MILLION_MB = 400.0


class Shown(NamedTuple):
    """One item: whether it holds, and what was seen."""

    holds: bool
    text: str


def fresh_clone() -> Shown:
    """1: the README's commands in a clone of what is committed."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "severally"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        ends = {
            " ".join(words): subprocess.run(words, cwd=clone, capture_output=True, check=False)
            for words in (["make", "demo"], [".ci/run"])
        }
    text = "fresh clone: " + ", ".join(f"{name} ends {d.returncode}" for name, d in ends.items())
    tests = re.findall(rb"\d+ passed[^\n]*", ends[".ci/run"].stdout)
    return Shown(
        all(done.returncode == 0 for done in ends.values()),
        text + (f", {tests[-1].decode()}" if tests else ""),
    )


def everybody_once() -> Shown:
    """2: the demo's world, and a Postfix judged by the oracle."""
    demo = json.loads(workspace.severally(ROOT, "demo", "--json").stdout)
    proof = demo["proof"]
    counts = demo["report"]["counts"]
    world = (
        f"world: {counts['accepted']:,} accepted, {proof['mailboxes']:,} distinct, "
        f"at most {proof['most_seen']} address seen, counts sum to {sum(counts.values()):,}"
    )
    fine = proof["mailboxes"] == counts["accepted"] == sum(counts.values()) == CUSTOMERS
    with tempfile.TemporaryDirectory() as folder, postfix() as server:
        place = workspace.make(Path(folder) / "place", CUSTOMERS, relay(server, Path(folder)))
        sent = workspace.severally(
            place, "send", "index-change", "--audience", "customers.csv", "--json"
        )
        report = json.loads(sent.stdout)
        server.settle(3_600)
        verdict = judged(place, oracle.maildir(server.inbox))
    whole = report["counts"]["accepted"] == sum(report["counts"].values()) == CUSTOMERS
    once = verdict.messages == verdict.recipients == CUSTOMERS and not verdict.complaints
    fine = fine and proof["most_seen"] == verdict.most_addresses == 1
    return Shown(fine and whole and once, f"{world}; Postfix: {verdict}")


def sabotage() -> Shown:
    """3: composers that do what went wrong elsewhere."""
    return module("proofs.sabotage")


def killed() -> Shown:
    """4: kill -9."""
    found = crash.prove(CUSTOMERS, 100, 30)
    return Shown(not found.wrong, str(found))


def lanes() -> Shown:
    """5: a slow lane and a free one."""
    return module("proofs.lanes")


def speed() -> Shown:
    """6: against nodemailer, and a million recipients."""
    both = [module("bench.nodemailer"), module("bench.memory")]
    text = "; ".join(each.text for each in both)
    if not all(each.holds for each in both):
        return Shown(False, text)
    rates, million = (json.loads(each.text.rpartition("; ")[2]) for each in both)
    return Shown(fast_enough(rates) and small_enough(million), text)


def fast_enough(rates: dict[str, float]) -> bool:
    """The medians of `bench.nodemailer` against what was promised."""
    return (
        rates["unsigned"] >= UNSIGNED
        and rates["signed"] >= SIGNED
        and rates["signatures"] <= SIGNATURES
    )


def small_enough(million: dict[str, float]) -> bool:
    """What `bench.memory` saw, from the first row to the last message."""
    return (
        million["accepted"] == million["recipients"] == 1_000_000
        and million["peak_mb"] <= MILLION_MB
    )


def hostile() -> Shown:
    """7: every hostile input has a test by its number, and each passes."""
    listed = pytest("--collect-only", "-q", "tests").stdout
    numbers = {int(number) for number in re.findall(r"test_hostile_(\d+)", listed)}
    done = pytest("-q", "-k", "test_hostile_", "tests/e2e")
    missing = sorted(HOSTILE - numbers)
    said = f"without a test: {missing}" if missing else f"all {len(HOSTILE)} numbers have tests"
    return Shown(done.returncode == 0 and not missing, f"{said}; {last_line(done)}")


def helpful() -> Shown:
    """8: help at once, and examples that run."""
    taken = []
    for _ in range(7):
        begun = time.perf_counter()
        workspace.severally(ROOT, "--help")
        taken.append(time.perf_counter() - begun)
    done = pytest("-q", "tests/e2e/test_cli_examples.py")
    median = statistics.median(taken)
    return Shown(
        median <= HELP_S and done.returncode == 0,
        f"severally --help in {median:.2f} s (median of 7, best {min(taken):.2f}); "
        f"examples: {last_line(done)}",
    )


def newcomer() -> Shown:
    """9: the README followed from an empty folder, through a real Postfix."""
    done = pytest("-q", "tests/e2e/test_readme.py")
    return Shown(done.returncode == 0, f"README followed through Postfix: {last_line(done)}")


ITEMS: dict[int, Callable[[], Shown]] = {
    1: fresh_clone,
    2: everybody_once,
    3: sabotage,
    4: killed,
    5: lanes,
    6: speed,
    7: hostile,
    8: helpful,
    9: newcomer,
}


def module(name: str) -> Shown:
    """A proof or measurement of its own, run alone; what it prints becomes one line."""
    done = subprocess.run(
        [sys.executable, "-m", name], cwd=ROOT, text=True, capture_output=True, check=False
    )
    said = done.stdout if done.returncode == 0 else done.stdout + done.stderr[-1500:]
    return Shown(done.returncode == 0, "; ".join(said.split("\n")).strip("; "))


def pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The project's tests; a server that is missing is a failure here."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", *arguments],
        cwd=ROOT,
        env={**os.environ, "CI": "true"},
        text=True,
        capture_output=True,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """`45 passed in 12.3s`."""
    return done.stdout.strip().rpartition("\n")[2]


def main(chosen: list[int], items: Mapping[int, Callable[[], Shown]] = ITEMS) -> int:
    """Run them in order, all where none is chosen; 1 where one fails."""
    failed = 0
    for number in chosen or items:
        try:
            shown = items[number]()
        except Exception as error:  # what broke is this item's figure; the others still run
            shown = Shown(False, f"{type(error).__name__}: {error}")
        failed += not shown.holds
        print(f"{number}. {'holds' if shown.holds else 'FAILS'}: {shown.text}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]]))
