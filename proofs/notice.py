"""Rendering and translation, whole: one line for each thing they must show, with its figures.

    make prove P=notice
    .venv/bin/python -m proofs.notice 2 3 7

Each item runs what proves it alone and says so in one line. Exit code 1 where one fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import notice as bench
from tests.servers import judges
from tests.workshop import Workshop, run

ROOT = Path(__file__).parents[1]


def ran(*arguments: str) -> tuple[bool, str]:
    """A part of the tests: whether it holds, and how many passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    counts = re.findall(r"\d+ (?:passed|failed|skipped)", done.stdout)
    return done.returncode == 0 and "skipped" not in str(counts), ", ".join(counts)


def examples() -> tuple[bool, str]:
    """1: the examples check clean."""
    names = sorted(path.parent.name for path in (ROOT / "examples").glob("notices/*/notice.toml"))
    checked = [
        run("--workspace", ROOT / "examples", "check", name, "--json").said for name in names
    ]
    locales = {len(each["locales"]) for each in checked}
    clean = all(each["sound"] and not each["findings"] for each in checked)
    text = f"{len(names)} examples in {locales} locales check clean: {clean}"
    return clean and len(names) >= 5 and locales == {12}, text


def one_sentence() -> tuple[bool, str]:
    """2: one stale segment in each locale, refused, and counted in words."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(Path(folder) / "shop")
        body = "notices/index-change/body.md"
        shop.edit(body, "every eight hours", "every single hour")
        lines = shop.run("translate", "status", "index-change", "--json").said["catalogues"]
        refused = shop.run("check", "index-change", "--json")
    stale = [line["stale"] for line in lines]
    words = {line["words"] for line in lines}
    holds = set(stale) == {1} and refused.code == 3 and len(words) == 1
    return holds, f"{sum(stale)} stale in {len(lines)} locales, refused, words left {words}"


def outside_tools() -> tuple[bool, str]:
    """3: msgfmt, the schemas of OASIS, the translate-toolkit."""
    missing = judges.without_gettext() or judges.without_schemas() or judges.without_toolkit()
    holds, counts = ran("tests/e2e/test_translate.py")
    tools = "msgfmt --check, OASIS' schemas 1.2 strict and 2.0, gettext and translate-toolkit edits"
    return holds and not missing, f"{tools}: {counts} {missing}"


def hostile() -> tuple[bool, str]:
    """4: hostile translations, and inputs 40, 45 and 46."""
    holds, counts = ran(
        "tests/unit/test_translations.py",
        "tests/e2e/test_hostile_notices.py",
        "tests/property/test_notice_values.py::test_a_small_amount_of_a_crypto_asset_is_never_nothing",
    )
    return holds, f"hostile translations and inputs refused by name; 0.0001 BTC shown: {counts}"


def properties() -> tuple[bool, str]:
    """5: whatever the values."""
    holds, counts = ran("tests/property/test_notice_values.py", "tests/property/test_marking.py")
    return holds, f"well formed, no markup, both parts alike, everything reads back: {counts}"


def speed() -> tuple[bool, str]:
    """6: compiling, and rendering against the commit before."""
    seconds, locales = bench.compile_s(ROOT / "examples", "index-change")
    composing, sealing = bench.ratios(bench.BEFORE)
    text = f"{locales} locales in {seconds:.3f} s; composing {composing:.2f}, sealing {sealing:.2f}"
    return locales >= 12 and seconds < 1 and composing < 1.05 and sealing < 1.05, text


def corpus() -> tuple[bool, str]:
    """7: exactly what is wrong with each broken notice."""
    holds, counts = ran("tests/e2e/test_corpus_notices.py")
    return holds, f"broken notices with their exact findings: {counts}"


ITEMS: tuple[Callable[[], tuple[bool, str]], ...] = (
    examples,
    one_sentence,
    outside_tools,
    hostile,
    properties,
    speed,
    corpus,
)


def main() -> int:
    """Run what was asked for, or everything."""
    chosen = [int(each) for each in sys.argv[1:]] or list(range(1, len(ITEMS) + 1))
    failed = 0
    for number in chosen:
        holds, text = ITEMS[number - 1]()
        failed += not holds
        print(f"{number}  {'holds' if holds else 'FAILS'}  {text}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
