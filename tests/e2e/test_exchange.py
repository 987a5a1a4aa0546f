"""The example exchange, as its README says: every event that was committed is told, once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from proofs.newsdesk import Desk
from proofs.workspace import SEVERALLY, severally

EXAMPLE = Path(__file__).parents[2] / "examples" / "exchange"


def test_everything_that_happened_is_told(tmp_path: Path) -> None:
    path = {"PATH": f"{SEVERALLY.parent}:{os.environ['PATH']}"}
    folder = tmp_path / "newsroom"
    subprocess.run(
        [EXAMPLE / "prepare", folder], check=True, capture_output=True, env=os.environ | path
    )
    made = severally(folder, "key", "make", "exchange", "--scope", "live", "--json")
    key = json.loads(made.stdout)["secret"]
    command = [sys.executable, EXAMPLE / "exchange.py", "--database", "exchange.sqlite3"]
    with Desk(folder, key).serving() as (_, url):
        ran = subprocess.run(
            [*command, "--seconds", "1", "--crash", "20", "--url", url],
            cwd=folder, env=os.environ | {"KEY": key}, text=True, capture_output=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counts = dict(re.findall(r"(?m)^([a-z ]+?) +([\d,]+)  ", ran.stdout))
    assert counts["liquidation"] == "20"
    sent = sum(int(count.replace(",", "")) for count in counts.values())
    assert len(list((folder / "outbox" / "new").iterdir())) == sent
