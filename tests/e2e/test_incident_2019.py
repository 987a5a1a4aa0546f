"""The script of examples/incident-2019, unmodified, against the drop-in guard: nothing leaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import oracle
from tests.guarded import KEY, Guarded, environment, people

SCRIPT = Path(__file__).parents[2] / "examples" / "incident-2019" / "send.py"


def run_script(guard: Guarded, everyone: Sequence[str]) -> subprocess.CompletedProcess[str]:
    customers = guard.root / "script.csv"
    customers.write_text("\n".join(["email", *everyone]))
    settings = {"SENDGRID_API_KEY": KEY, "SENDGRID_HOST": guard.url}
    return subprocess.run(
        [sys.executable, SCRIPT, customers],
        capture_output=True,
        text=True,
        timeout=280,
        env={**environment(), **settings},
    )


def judged(guard: Guarded, everyone: Sequence[str]) -> oracle.Verdict:
    arrived = [oracle.Received(each.rcpt_to[0], each.message) for each in guard.settled()]
    return oracle.judge_letters(arrived, everyone, ["exchange.example"])


def test_it_is_refused_and_nobody_is_sent_anything(tmp_path: Path) -> None:
    with Guarded(tmp_path / "newsroom") as guard:
        done = run_script(guard, people(2_300))
        assert done.returncode == 1 and "HTTP Error 400" in done.stderr
        assert guard.settled() == []
        assert any("1,000 recipients would see 999 others" in line for line in guard.lines)


def test_or_split_held_and_released_with_one_private_message_each(tmp_path: Path) -> None:
    everyone = people(1_200)
    with Guarded(tmp_path / "newsroom", 'on_leak = "split"') as guard:
        done = run_script(guard, everyone)
        assert (done.returncode, done.stdout) == (0, "202\n202\n")
        held = guard.verb("held", "list", "--json").said["held"]
        assert [each["letters"] for each in held] == [1_000, 200]  # more than `most` of one content
        assert guard.settled() == []
        for each in held:
            assert guard.verb("held", "release", each["id"]).code == 0
        verdict = judged(guard, everyone)
        assert verdict.complaints == []
        assert (verdict.messages, verdict.most_addresses) == (1_200, 1)
