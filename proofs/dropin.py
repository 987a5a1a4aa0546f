"""The drop-in guard, whole: clients of other hands against it, judged at the end.

    make prove P=dropin

Prints a line for each numbered item of what it has to show that it proves. A client that cannot be
had here is named.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests import oracle
from tests.guarded import KEY, Guarded, environment, people
from tests.programs import LEAKING, PRIVATE, Program, Unavailable

OURS = ["exchange.example"]
SCRIPT = Path(__file__).parents[1] / "examples" / "incident-2019" / "send.py"


def judged(guard: Guarded, everyone: Sequence[str], domain: str) -> oracle.Verdict:
    """What came out of the guard for this domain."""
    arrived = [
        oracle.Received(each.rcpt_to[0], each.message)
        for each in guard.settled()
        if each.rcpt_to[0].endswith(f"@{domain}")
    ]
    return oracle.judge_letters(arrived, everyone, OURS)


def shapes(folder: Path, split: bool) -> tuple[int, list[str], list[str]]:
    """How many shapes ended as they must, what was wrong, and what could not be had."""
    wrong: list[str] = []
    missing: list[str] = []
    good = 0
    more = 'most = 0\non_leak = "split"' if split else "most = 0"
    programs: dict[str, Program] = LEAKING if split else {**LEAKING, **PRIVATE}
    with Guarded(folder, more) as guard:
        for number, (name, program) in enumerate(programs.items()):
            domain = f"shape{number}.example"
            everyone = people(20, domain)
            try:
                told = program(guard, everyone)
            except Unavailable as reason:
                missing.append(f"{name}: {reason}")
                continue
            passes = split or name in PRIVATE
            verdict = judged(guard, everyone if passes else [], domain)
            if told != passes or verdict.complaints:
                wrong.append(f"{name}: {verdict}")
            else:
                good += 1
    return good, wrong, missing


def clients(folder: Path) -> bool:
    """Item 1."""
    kept, wrong, missing = shapes(folder / "refuse", split=False)
    parted, also, _ = shapes(folder / "split", split=True)
    with Guarded(folder / "thousand", "most = 0") as guard:
        everyone = people(1_000, "thousand.example")
        refused = not LEAKING["sendgrid: Mail(to_emails=[...])"](guard, everyone)
        passed = PRIVATE["sendgrid: a personalization each"](guard, everyone)
        verdict = judged(guard, everyone, "thousand.example")
    good = refused and passed and not (wrong or also or verdict.complaints)
    print(
        f"1. clients: {kept} shapes refused or passed as they must, {parted} split into private "
        f"messages; 1,000 in one To refused, 1,000 personalizations: {verdict.messages:,} "
        f"messages, at most {verdict.most_addresses} address in each; "
        f"wrong: {wrong + also or 'none'}; not to be had: {missing or 'none'}"
    )
    return good


def incident(folder: Path) -> bool:
    """Item 6: 23,000 customers, refused, and split."""
    everyone = people(23_000)
    results = []
    for split in (False, True):
        more = 'most = 0\non_leak = "split"' if split else "most = 0"
        with Guarded(folder / f"incident-{split}", more) as guard:
            guard.patience_s = 1_800.0
            customers = guard.root / "script.csv"
            customers.write_text("\n".join(["email", *everyone]))
            settings = {"SENDGRID_API_KEY": KEY, "SENDGRID_HOST": guard.url}
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, SCRIPT, customers],
                capture_output=True,
                env={**environment(), **settings},
            )
            verdict = judged(guard, everyone if split else [], "customer.example")
            results.append((done.returncode, verdict, time.monotonic() - began))
    (stopped, nothing, _), (ended, all_told, took) = results
    print(
        f"6. the script of 2019, 23,000 customers: refused, it ended with {stopped} and "
        f"{nothing.messages} messages left; split, it ended with {ended}: {all_told.messages:,} "
        f"messages for {all_told.recipients:,} recipients in {took:.0f} s, at most "
        f"{all_told.most_addresses} address in each, {len(all_told.complaints)} complaints"
    )
    return (stopped, nothing.messages, ended) == (1, 0, 0) and not all_told.complaints


def main() -> int:
    """0 where everything holds."""
    with tempfile.TemporaryDirectory(prefix="severally-dropin-") as folder:
        return 0 if all([clients(Path(folder)), incident(Path(folder))]) else 1


if __name__ == "__main__":
    sys.exit(main())
