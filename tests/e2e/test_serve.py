"""`severally serve` as a process: it answers, and SIGTERM lets it end in order."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from severally.app.cli.main import main


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "newsroom"
    assert main(["init", str(folder)]) == 0
    command = [sys.executable, "-m", "severally.app.cli.main", "--workspace", str(folder)]
    with subprocess.Popen(
        [*command, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONUNBUFFERED": "1"},
    ) as server:
        assert server.stdout is not None and server.stderr is not None
        place = re.search(r"http://127\.0\.0\.1:[0-9]+", server.stdout.readline())
        assert place is not None
        with httpx.Client(base_url=place[0], timeout=60) as http:
            assert http.get("/readyz").json() == {"status": "ready"}
        server.send_signal(number)
        assert server.wait(60) == 0
        assert "Traceback" not in server.stderr.read()
