"""Staging's proof: one line for each thing it must show, with what was seen.

    make prove P=staging                       # everything; half an hour
    .venv/bin/python -m proofs.staging 2 5     # some of it

Items: 1 end to end through Postfix and Dovecot, 2 the
planted faults, 3 the gates by simulation, 4 halting, 5 people who would skip others, 6 the record,
7 the drill. Exit code 1 where one fails.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from proofs.main import Shown, last_line, main, module, pytest
from proofs.workspace import severally

ROOT = Path(__file__).parents[1]
STAGING = "tests/e2e/test_staging.py"
STOPPING = "tests/e2e/test_stopping.py"


def tests(what: str, *arguments: str) -> Shown:
    """Tests that show an item whole; a server that is missing is a failure here."""
    done = pytest("-q", *arguments)
    return Shown(done.returncode == 0, f"{what}: {last_line(done)}")


def end_to_end() -> Shown:
    """1: rehearsal, sentinels over IMAP, canary, ramp, done; Postfix and Dovecot are Debian's."""
    return tests(
        "Postfix and Dovecot, 1,500 people, sentinels read back over IMAP",
        f"{STAGING}::test_a_staged_mailing_goes_from_rehearsal_to_everybody",
    )


def faults() -> Shown:
    """2: what a relay does, and what changes between approval and ramp."""
    return tests(
        "five relays that spoil messages; audience, template and program changed",
        f"{STAGING}::test_what_a_relay_spoils_halts_before_the_first_customer",
        "tests/e2e/test_changed.py",
    )


def halting() -> Shown:
    """4: from another process, while the messages leave; who got it; nobody gets the correction."""
    return tests(
        "halted from another process within a second, everybody named, corrected without doubles",
        *(STOPPING, "tests/e2e/test_moving.py"),
        f"{STAGING}::test_the_report_names_everybody_who_got_it",
    )


def people() -> Shown:
    """5: hostile inputs 50 to 52, 54, 55, one credential under two names, expired break-glass."""
    return tests("hostile people", "tests/e2e/test_hostile_people.py")


def record() -> Shown:
    """6: 1,000 tamperings, and last night's ledger put back."""
    tampered = module("proofs.audit")
    restored = tests("last night's ledger", "tests/e2e/test_audit_verbs.py")
    return Shown(tampered.holds and restored.holds, f"{tampered.text}; {restored.text}")


def drill() -> Shown:
    """7: from draft to canary by two people at two terminals, as the drill plays them."""
    said = json.loads(severally(ROOT, "drill", "--json", code=None).stdout)
    took = said["to_canary_s"]
    return Shown(0 < took <= 600, f"draft to canary in {took:.0f} s, played by the program")


ITEMS: Mapping[int, Callable[[], Shown]] = {
    1: end_to_end,
    2: faults,
    3: lambda: module("proofs.gates"),
    4: halting,
    5: people,
    6: record,
    7: drill,
}


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]], ITEMS))
