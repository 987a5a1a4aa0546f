"""The composing pool: batches come back, dead processes are replaced, none outlives its feeder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from severally.adapters.pool import BenchLost, PoolBench
from severally.model.delivery import Claim
from severally.model.envelope import Blocked, Checked
from severally.model.errors import SeverallyError


class Echo:
    """Blocks every delivery, saying which process did it."""

    def __init__(self, kit: str) -> None:
        self.kit = kit

    def work(self, claims: list[Claim]) -> list[Checked]:
        if self.kit == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kit == "once" and not Path(os.environ["SEVERALLY_TEST_MARK"]).exists():
            Path(os.environ["SEVERALLY_TEST_MARK"]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kit == "fails":
            raise SeverallyError("the kit does not fit")
        if self.kit == "breaks":
            raise KeyError("anna@gmail.example")
        return [Blocked(claim.delivery, f"{self.kit} {os.getpid()}") for claim in claims]


def make(kit: str) -> Echo:
    return Echo(kit)


def claims(*numbers: int) -> list[Claim]:
    return [Claim(n, n, b"salt", b"box", 0, 0) for n in numbers]


async def ask(kit: str, batches: int, processes: int = 2) -> list[list[Checked]]:
    pool = PoolBench(make, lambda mailing: kit, processes)
    try:
        asked = [pool.work("m-1", claims(n, n + 1)) for n in range(0, batches * 2, 2)]
        return [list(batch) for batch in await asyncio.gather(*asked)]
    finally:
        await pool.close()


def test_each_batch_comes_back_whole_from_another_process() -> None:
    answers = asyncio.run(ask("kit", 6))
    assert [r.delivery for batch in answers for r in batch] == list(range(12))
    reasons = {r.reason for batch in answers for r in batch}
    assert all(reason.startswith("kit ") for reason in reasons)
    assert f"kit {os.getpid()}" not in reasons


def test_a_process_that_dies_is_replaced_and_its_batch_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEVERALLY_TEST_MARK", str(tmp_path / "mark"))
    answers = asyncio.run(ask("once", 3, processes=1))
    assert [r.delivery for batch in answers for r in batch] == list(range(6))


def test_processes_that_keep_dying_are_reported() -> None:
    with pytest.raises(BenchLost, match="died"):
        asyncio.run(ask("deadly", 1, processes=1))


def test_an_error_inside_reaches_the_asker_as_words() -> None:
    with pytest.raises(SeverallyError, match="does not fit"):
        asyncio.run(ask("fails", 1, processes=1))


def test_an_unexpected_error_inside_is_told_without_its_text(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SeverallyError, match=r"unexpectedly \(KeyError in test_pool.py:\d+\)"):
        asyncio.run(ask("breaks", 1, processes=1))
    assert capfd.readouterr().err == ""


def test_no_process_outlives_a_feeder_that_was_killed() -> None:
    program = textwrap.dedent("""
        import time
        from severally.adapters.pool import PoolBench
        from tests.unit.test_pool import make
        if __name__ == "__main__":
            pool = PoolBench(make, lambda mailing: "kit", 2)
            print(*pool.pids, flush=True)
            time.sleep(60)
    """)
    feeder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert feeder.stdout is not None
    pids = [int(pid) for pid in feeder.stdout.readline().split()]
    assert len(pids) == 2
    feeder.kill()
    feeder.wait()
    feeder.stdout.close()
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a composing process lives on"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False
