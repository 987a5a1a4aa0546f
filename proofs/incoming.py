"""What comes back, whole: the corpus, a million damaged messages, a hundred kills of the intake.

Items 2 and 3 of what it must show, `python -m proofs.incoming 3` the last alone. Item 1 is shown
by `proofs/incoming_postfix.py`, 4 by `proofs/unsubscribing.py`, 5 by `tests/e2e/test_preflight.py`
as it stands, 6 by `bench/incoming.py` and `tests/simulation/test_bounces_at_gates.py`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bounces import corpus
from tests.e2e.test_intake import killed_at_random
from tests.property.test_bounce_mutations import BAG, PERSON, TOKEN, WHOLE, damaged, sound

from severally.model.incoming import Came

MUTATIONS = 1_000_000
KILLS, BOUNCES = 100, 10_000


def item_2(mutations: int) -> None:
    """The corpus, and so many damaged messages of it. Raises AssertionError."""
    cases = list(corpus())
    wrong = [
        case.name
        for case in cases
        if BAG.intake.judge(Came("x", case.message(TOKEN, PERSON), 5.0)).word != case.kind
    ]
    systems = len({case.system for case in cases})
    assert not wrong, wrong
    print(f"2. corpus: {len(cases)} messages of {systems} systems, {len(wrong)} read wrongly")
    began = time.perf_counter()
    for seed in range(mutations):
        sound(damaged(WHOLE[seed % len(WHOLE)], seed))
    took = time.perf_counter() - began
    print(
        f"2. {mutations:,} damaged messages in {took:,.0f} s ({mutations / took:,.0f}/s): no "
        "crash, nobody else was meant"
    )


def item_3(folder: Path, kills: int, bounces: int) -> None:
    """Intake killed while bounces arrive. Raises AssertionError."""
    events, repeats = killed_at_random(folder, bounces, kills, seed=1)
    arrived = f"{bounces:,} bounces and {repeats:,} repeats"
    print(f"3. {kills} kills while {arrived} came: {events:,} events")


def main(*items: str) -> int:
    """One line for each of these items, or of all."""
    for item in items or ("2", "3"):
        match item:
            case "2":
                item_2(MUTATIONS)
            case "3":
                with tempfile.TemporaryDirectory() as folder:
                    item_3(Path(folder), KILLS, BOUNCES)
            case _:
                print(f"{item} is not shown here")
                return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
