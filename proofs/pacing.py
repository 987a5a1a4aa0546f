"""Pacing, one line per item of what it must show; `SEEDS=10000` for more.

On virtual time but for the first half of 2, which takes two minutes over real sockets, and 6.
Where a part of an item is not shown here, its line says so.
"""

from __future__ import annotations

import csv
import heapq
import json
import os
import random
import resource
import tempfile
import time
from pathlib import Path

from tests.planted import BUGS, found_by
from tests.simulation.test_plan import both, worst
from tests.virtual import send
from tests.worlds import check, draw, run

from proofs import workspace
from severally.model.lane import Limits, Rate
from severally.model.outcome import Reply
from severally.sim.process import WorldProcess
from severally.sim.providers import shipped_providers
from severally.sim.virtual import Mood, Receiver
from severally.sim.world import Setting

WORKERS = 100
"""Of the global queue that is compared: as many as the sending loop has in flight."""

SLOW = Reply(450, "4.7.1", "4.7.1 Rate limit exceeded, slow down, try again in 60 seconds")
BLOCKED = Reply(421, "4.7.28", "4.7.28 Gmail has detected an unusual rate of email from your IP.")


def one_queue(order: list[str], spacing: dict[str, float]) -> dict[str, float]:
    """When each lane ends with one global queue in order: 100 workers take its messages one by
    one, and each waits for the next slot of its message's provider."""
    free = [0.0] * WORKERS
    slot = dict.fromkeys(order, 0.0)
    for name in order:
        at = max(heapq.heappop(free), slot[name])
        slot[name] = at + spacing[name]
        heapq.heappush(free, at + 0.05)
    return {name: at - spacing[name] for name, at in slot.items()}


def makespans(worlds: int = 20) -> tuple[bool, str]:
    """Item 1: the slowest lane's recipients by its limit is the least it can take."""
    columns: dict[str, list[float]] = {}
    for seed in range(worlds):
        rng = random.Random(seed)
        limits = {f"r{n}": Limits(Rate(rng.randint(120, 900), 60), 8) for n in range(12)}
        sizes = {name: rng.randint(20, 400) for name in limits}
        spacing = {name: each.rate.spacing for name, each in limits.items() if each.rate}
        least = {name: (count - 1) * spacing[name] for name, count in sizes.items()}
        grouped = [name for name, count in sizes.items() for _ in range(count)]
        ways = {
            "ours": send(sizes, limits, seed=seed).finish,
            "one queue, by domain": one_queue(grouped, spacing),
            "one queue, shuffled": one_queue(rng.sample(grouped, len(grouped)), spacing),
            "one rate": {"": sum(sizes.values()) * max(spacing.values())},
        }
        for way, finish in ways.items():
            columns.setdefault(way, []).append(max(finish.values()) / max(least.values()))
            if way != "one rate":
                late = [finish[name] / least[name] for name in sizes]
                columns.setdefault(f"{way}: lanes", []).append(sum(late) / len(late))
    spans = {way: f"{min(each):.2f} to {max(each):.2f}" for way, each in columns.items()}
    said = f"1. makespan over its lower bound, {worlds} worlds of 12 lanes: {spans.pop('ours')}"
    said += f" (each lane over its own: {spans.pop('ours: lanes')}); beside it "
    said += "; ".join(f"{way} {span}" for way, span in spans.items())
    return max(columns["ours"]) <= 1.03, said


def over_sockets(seconds: float = 130.0) -> tuple[bool, str]:
    """Item 2, first half: limits known, a real send over loopback, its report's two times."""
    names = {"google": Rate(20, 1), "yahoo": Rate(8, 1), "apple": Rate(3, 1)}
    providers = {each.id: each for each in shipped_providers()}
    # what receivers count is a little more than what is configured: a busy machine is late
    lanes = {name: Limits(Rate(2 * rate.count, 1), 12) for name, rate in names.items()}
    setting = Setting(tuple(providers[name].having(each) for name, each in lanes.items()), seed=5)
    domains = {"google": "gmail.example", "yahoo": "yahoo.example", "apple": "icloud.example"}
    with WorldProcess(setting) as world, tempfile.TemporaryDirectory() as folder:
        route = f'type = "mx"\nresolver = "{world.resolver}"\nport = {world.port}'
        more = "".join(
            f'[limits.{name}]\nrate = "{rate}"\nconnections = 12\n' for name, rate in names.items()
        )
        more += "[receivers]\n" + "".join(f'{n} = ["{d}"]\n' for n, d in domains.items())
        place = workspace.make(Path(folder) / "w", 1, route, more)
        sizes = {name: int(rate.count * seconds) for name, rate in names.items()}
        _customers(place / "customers.csv", sizes, domains)
        told = ("send", "index-change", "--audience", "customers.csv", "--json")
        report = json.loads(workspace.severally(place, *told).stdout)
    took, estimate = report["elapsed_s"], report["estimate_s"]
    off = abs(estimate / took - 1)
    good = off < 0.05 and took >= 120 and report["counts"]["accepted"] == sum(sizes.values())
    said = f"2. limits known, {sum(sizes.values()):,} over loopback in {took:.1f} s: the estimate"
    return good, f"{said} was {estimate:.1f} s, {100 * off:.1f} % off"


def _customers(file: Path, sizes: dict[str, int], domains: dict[str, str]) -> None:
    """So many of the sample's customers at each provider."""
    domain_of = [domains[name] for name, count in sizes.items() for _ in range(count)]
    email = workspace.COLUMNS.index("email")
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(workspace.COLUMNS)
        rows = workspace.customers(len(domain_of))
        for row, domain in zip(rows, domain_of, strict=True):
            local = row[email].partition("@")[0]
            writer.writerow((*row[:email], f"{local}@{domain}", *row[email + 1 :]))


def settling() -> tuple[bool, str]:
    """Item 2, second half: an unknown limit, half of what is configured."""
    receiver = Receiver(rate=Rate(300, 60), throttle=SLOW)
    counts = send({"a": 18_000}, {"a": Limits(Rate(600, 60), 10)}, {"a": receiver}).counts["a"]
    settled = [t for t in counts.arrivals if 1_500 <= t < 2_700]
    rate = (len(settled) - 1) / (settled[-1] - settled[0]) * 60
    share = sum(1_500 <= t < 2_700 for t in counts.throttled) / len(settled)
    said = f"2. true limit 300/min under a configured 600/min: settles at {rate:.0f}/min"
    said += f", {100 * share:.2f} % throttled (the estimate after the first of them: not shown)"
    return 270 <= rate <= 300.3 and share < 0.01, said


def recovery() -> tuple[bool, str]:
    """Item 3: Gmail's 4.7.28 from second 100 to 900."""
    receivers = {"google": Receiver(reply_s=1.0, moods=(Mood(100.0, 900.0, BLOCKED),))}
    limits = {"google": Limits(Rate(10, 1), 8), "other": Limits(Rate(10, 1), 5)}
    both = send({"google": 3_000, "other": 3_000}, limits, receivers)
    alone = send({"other": 3_000}, limits)
    seen = both.counts["google"]
    first = next(t for t in seen.arrivals if t >= 100)
    probes = [at for at, _ in seen.connects if at > first + 3][:2]
    waits = [probes[0] - first, probes[1] - probes[0]]
    drift = abs(both.finish["other"] - alone.finish["other"])
    said = f"3. after 4.7.28: silence of {waits[0]:.0f} s, one connection, {waits[1]:.0f} s more"
    said += f"; the other lane's end moved by {drift:.3f} s"
    return all(599 <= wait <= 603 for wait in waits) and drift < 0.05, said


def seeds(count: int) -> tuple[bool, str]:
    """Item 5: whole mailings with faults, each invariant checked."""
    began, broken = time.monotonic(), list[int]()
    for seed in range(count):
        world = draw(seed)
        try:
            check(world, run(world))
        except AssertionError as error:
            broken.append(seed)
            print(error)
    per_minute = 60 * count / (time.monotonic() - began)
    said = f"5. {count} mailings with faults: {len(broken)} broke an invariant {broken or ''}"
    return not broken, f"{said}; {per_minute:.0f} a minute"


def planted() -> tuple[bool, str]:
    """Item 5, the planted bugs: the first seed that finds each."""
    found = {name: found_by(name) for name in BUGS}
    said = ", ".join(f"{name} by seed {seed}" for name, seed in found.items())
    return None not in found.values(), f"5. planted bugs found: {said}"


def plan_and_run(count: int) -> tuple[bool, str]:
    """Item 6: cohorts beside the sending loop, message by message."""
    planned, sent = both(count, 3)
    off, lane = abs(planned.makespan_s / max(sent.finish.values()) - 1), worst(planned, sent)
    said = f"6. cohorts and message by message at {count:,}: {100 * off:.2f} % apart"
    return off < 0.01, f"{said}, no lane more than {100 * lane:.2f} %"


def hundred_million() -> tuple[bool, str]:
    """Item 6: the verb as a person runs it, straight to 5,000 domains' mail hosts."""
    with tempfile.TemporaryDirectory() as folder:
        place = workspace.make(Path(folder) / "w", 1, 'type = "mx"\nresolver = "127.0.0.1:53"')
        began = time.monotonic()
        size = ("--recipients", "100000000", "--domains", "5000", "--json")
        found = json.loads(workspace.severally(place, "simulate", *size).stdout)
        took = time.monotonic() - began
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    said = f"6. simulate for {found['recipients']:,} at {found['domains']:,} domains: {took:.0f} s"
    said += f", at most {most:.0f} MB; makespan {found['estimate_s'] / 86400:.1f} days"
    said += f", {found['machine_hours']:.1f} machine-hours, {found['workers']} worker(s)"
    return took < 120 and most < 1_000 and found["recipients"] == 100_000_000, said


def main() -> None:
    good, count = True, int(os.getenv("SEEDS", "200"))
    parts = (
        makespans,
        over_sockets,
        settling,
        recovery,
        lambda: seeds(count),
        planted,
        lambda: plan_and_run(100_000),
        hundred_million,
    )
    for holds, said in (part() for part in parts):
        good &= holds
        print(said, "- holds" if holds else "- DOES NOT HOLD", flush=True)
    print("4. every rule's sample, fifty unknown replies: tests/unit/test_reply_*.py")
    print("7. the mx route over DNS and other people's servers: make prove P=mx")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
