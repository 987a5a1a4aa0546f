"""How fast a notice compiles, and whether rendering a message costs what it cost before.

    make bench B=notice                 # against the commit before plurals came
    .venv/bin/python -m bench.notice --before COMMIT

Compiling is measured in this process, after a first run that loads CLDR's data. Rendering is
measured in two processes that take turns, in seconds of the processor, one of them on the older
commit in a worktree of its own, both composing and sealing the same recipients of the same notice
without any choice in it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEFORE = "082bb3c"
"""The last commit before notices were translated by segments and looked as they do today. The
HTML that is composed today from the same notice is larger; 286c020 is the last without choices."""
ROUNDS = 7
_COMPOSE = """
import json, sys, time
from pathlib import Path
from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.delivery import Ticket
from severally.model.mailing import Frozen
from severally.model.recipient import Recipient, row_of
from severally.model.sender import Sender
from severally.notice.compiling import compile_notice
from severally.transport.build import build_smtp

root = Path(sys.argv[1])
made = compile_notice(root / "notices" / "index-change", root / "layouts")
sender = Sender("notices", "notices@exchange.example", "Example", "b@exchange.example")
frozen = Frozen(made.notice, sender, made.stencils, "main")
locales = list(made.stencils)
people = [
    Recipient(f"c{n}", f"c{n}@customer.example", locales[n % len(locales)], "UTC",
              {"first_name": f"Name{n}", "account": f"AC-{n}", "position": f"{n}.25 USD"})
    for n in range(1_000)
]
compositor, guard = Compositor(frozen), Guard(frozen)
ticket = Ticket(0, "a" * 26, 1_764_000_000)
for line in sys.stdin:
    at = time.process_time()
    for person in people:
        compositor.compose(person, ticket)
    composed = time.process_time() - at
    at = time.process_time()
    for person in people:
        guard.seal(build_smtp(compositor.compose(person, ticket)), 0, row_of(person), ticket)
    sealed = time.process_time() - at
    print(json.dumps([composed / len(people) * 1e6, sealed / len(people) * 1e6]), flush=True)
"""


def compile_s(root: Path, name: str) -> tuple[float, int]:
    """Seconds to compile all locales of a notice, the median; and how many locales."""
    from severally.notice.compiling import compile_notice

    times: list[float] = []
    locales = 0
    for _ in range(ROUNDS + 1):
        at = time.perf_counter()
        locales = len(compile_notice(root / "notices" / name, root / "layouts").stencils)
        times.append(time.perf_counter() - at)
    return statistics.median(times[1:]), locales


def ratios(before: str) -> tuple[float, float]:
    """Composing, and composing and sealing: microseconds a message now over those before; the
    medians of rounds measured in turn."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        subprocess.run(
            ["git", "-C", str(ROOT), "worktree", "add", "-q", "--detach", str(tree), before],
            check=True,
        )
        try:
            shop = Path(folder) / "shop"
            shutil.copytree(tree / "src/severally/app/sample", shop)
            return _in_turn(shop, tree / "src")
        finally:
            subprocess.run(
                ["git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree)], check=True
            )


def _in_turn(shop: Path, old: Path) -> tuple[float, float]:
    sides = [_side(ROOT / "src", shop), _side(old, shop)]
    rounds: list[list[list[float]]] = []
    for _ in range(ROUNDS):
        row: list[list[float]] = []
        for side in sides:
            assert side.stdin and side.stdout
            side.stdin.write("go\n")
            side.stdin.flush()
            row.append(json.loads(side.stdout.readline()))
        rounds.append(row)
    for side in sides:
        side.communicate()
    composing, sealing = (
        statistics.median(now[at] / then[at] for now, then in rounds) for at in (0, 1)
    )
    return composing, sealing


def _side(source: Path, shop: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(source)!r})\n{_COMPOSE}"]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, str(shop)], stdin=pipe, stdout=pipe, text=True, cwd=shop)


def main() -> int:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE, help="the commit to compare with")
    chosen = parser.parse_args()
    seconds, locales = compile_s(ROOT / "examples", "index-change")
    print(f"compiling {locales} locales: {seconds:.3f} s")
    composing, sealing = ratios(chosen.before)
    print(f"composing a message: {composing:.2f} of what it cost at {chosen.before}")
    print(f"composing and sealing it: {sealing:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
