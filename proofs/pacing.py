"""Pacing on virtual time, one line per item of what it must show; `SEEDS=10000` for more.

Items 1, 3, 5 and the second half of 2. Where a part of an item is not shown here, its line says so.
"""

from __future__ import annotations

import os
import random
import time

from tests.simulation.test_plan import both, worst
from tests.virtual import send
from tests.worlds import check, draw, run

from severally.model.lane import Limits, Rate
from severally.model.outcome import Reply
from severally.sim.virtual import Mood, Receiver

SLOW = Reply(450, "4.7.1", "4.7.1 Rate limit exceeded, slow down, try again in 60 seconds")
BLOCKED = Reply(421, "4.7.28", "4.7.28 Gmail has detected an unusual rate of email from your IP.")


def makespans(worlds: int = 20) -> tuple[bool, str]:
    """Item 1: the slowest lane's recipients by its limit is the least it can take."""
    worst = 0.0
    for seed in range(worlds):
        rng = random.Random(seed)
        limits = {f"r{n}": Limits(Rate(rng.randint(120, 900), 60), 8) for n in range(12)}
        sizes = {name: rng.randint(20, 400) for name in limits}
        result = send(sizes, limits, seed=seed)
        rates = {name: each.rate for name, each in limits.items() if each.rate}
        bound = max(sizes[name] * rate.spacing for name, rate in rates.items())
        worst = max(worst, max(result.finish.values()) / bound)
    said = f"1. makespan over its lower bound, {worlds} worlds of 12 lanes: at most {worst:.3f}"
    return worst <= 1.03, said + " (the global queue and the global rate beside it: not shown)"


def settling() -> tuple[bool, str]:
    """Item 2, second half: an unknown limit, half of what is configured."""
    receiver = Receiver(rate=Rate(300, 60), throttle=SLOW)
    counts = send({"a": 18_000}, {"a": Limits(Rate(600, 60), 10)}, {"a": receiver}).counts["a"]
    settled = [t for t in counts.arrivals if 1_500 <= t < 2_700]
    rate = (len(settled) - 1) / (settled[-1] - settled[0]) * 60
    share = sum(1_500 <= t < 2_700 for t in counts.throttled) / len(settled)
    said = f"2. true limit 300/min under a configured 600/min: settles at {rate:.0f}/min"
    said += f", {100 * share:.2f} % throttled (estimates over sockets: not shown)"
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
    return not broken, f"{said}; {per_minute:.0f} a minute (planted bugs: not shown)"


def plan_and_run(count: int) -> tuple[bool, str]:
    """Part of item 6: the plan beside the sending loop, message by message."""
    planned, sent = both(count, 3)
    off, lane = abs(planned.makespan_s / max(sent.finish.values()) - 1), worst(planned, sent)
    said = f"6. plan and message by message at {count:,}: {100 * off:.2f} % apart"
    return off < 0.01, f"{said}, no lane more than {100 * lane:.2f} %"


def main() -> None:
    good, count = True, int(os.getenv("SEEDS", "200"))
    parts = (makespans, settling, recovery, lambda: plan_and_run(100_000), lambda: seeds(count))
    for holds, said in (part() for part in parts):
        good &= holds
        print(said, "- holds" if holds else "- DOES NOT HOLD", flush=True)
    print("6. simulate for 100 million recipients: not there yet")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
