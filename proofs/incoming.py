"""What comes back, whole: the corpus, a million damaged messages, a hundred kills of the intake.

Items 2 and 3 of what it must show; the others are shown by `tests/e2e/test_unsubscribe.py` and
`tests/e2e/test_preflight.py` as they stand.
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


def main(mutations: int = MUTATIONS, kills: int = KILLS, bounces: int = BOUNCES) -> int:
    """One line for each item."""
    cases = list(corpus())
    wrong = [
        case.name
        for case in cases
        if BAG.intake.judge(Came("x", case.message(TOKEN, PERSON), 5.0)).word != case.kind
    ]
    systems = len({case.system for case in cases})
    print(
        f"2. corpus: {len(cases)} messages of {systems} systems, {len(wrong)} read wrongly {wrong}"
    )
    began = time.perf_counter()
    for seed in range(mutations):
        sound(damaged(WHOLE[seed % len(WHOLE)], seed))
    took = time.perf_counter() - began
    print(f"2. {mutations:,} damaged messages in {took:,.0f} s: no crash, nobody else was meant")
    with tempfile.TemporaryDirectory() as folder:
        events, repeats = killed_at_random(Path(folder), bounces, kills, seed=1)
    arrived = f"{bounces:,} bounces and {repeats:,} repeats"
    print(f"3. {kills} kills while {arrived} came: {events:,} events")
    return int(bool(wrong) or events != bounces)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
