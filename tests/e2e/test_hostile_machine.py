"""Hostile circumstances: killed processes, two senders, a full disk, clocks that jump. By number.

Every judgement is the receiving server's record and what `report` says afterwards.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from tests.smtp_sink import Conduct, Conversation, Received, Sink, accept
from tests.workshop import Workshop, complaints, rows

from severally.adapters.clock import SystemClock
from severally.app.wiring import Wiring

ROOT = Path(__file__).parents[2]


def sender(shop: Workshop, *arguments: str, program: str = "") -> subprocess.Popen[str]:
    """The program in a process of its own; `program` instead where something is to break."""
    start = ["-c", textwrap.dedent(program)] if program else ["-m", "severally.app.cli.main"]
    return subprocess.Popen(
        [sys.executable, *start, "--workspace", str(shop.root), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def twice(sink: Sink) -> list[str]:
    counts = Counter(address for each in sink.received for address in each.rcpt_to)
    return [address for address, count in counts.items() if count > 1]


@pytest.mark.parametrize("message", [1, 7])
def test_hostile_20_killed_between_the_dot_and_its_record(message: int, tmp_path: Path) -> None:
    people = rows(40)
    started: list[subprocess.Popen[str]] = []

    async def answer(talk: Conversation, received: Received) -> bool:
        if len(sink.received) == message:
            os.kill(started[0].pid, signal.SIGKILL)
            return False
        return await accept(talk, received)

    with Sink(Conduct(at_dot=answer)) as sink:
        shop = Workshop(tmp_path / "shop", sink.port, connections=2)
        file = shop.customers(people)
        started.append(sender(shop, "send", "index-change", "--audience", str(file)))
        started[0].communicate(timeout=60)
        assert started[0].returncode == -signal.SIGKILL
        killed_at = sink.received[message - 1].rcpt_to[0]
        ended = shop.run(
            "resume", shop.run("status", "--json").said["mailings"][0]["mailing"], "--json"
        )
    assert ended.code == 5, ended.everything
    (row,) = [row for row in people if row[1] == killed_at]
    assert row[0] in ended.said["in_doubt"]
    assert twice(sink) == []
    assert complaints(sink.received, people) == []
    doubtful = {row[1] for row in people if row[0] in ended.said["in_doubt"]}
    arrived = {each.rcpt_to[0] for each in sink.received}
    assert arrived | doubtful == {row[1] for row in people}
    assert len(doubtful) <= 100
    counts = ended.said["counts"]
    assert counts["accepted"] + counts["in_doubt"] == sum(counts.values()) == len(people)


def test_hostile_21_two_senders_of_one_mailing(tmp_path: Path) -> None:
    people = rows(150)
    with Sink() as sink:
        shop = Workshop(tmp_path / "shop", sink.port)
        shop.edit("severally.toml", "connections = 4", 'connections = 4\nrate = "60/s"')
        file = shop.customers(people)
        first = sender(shop, "send", "index-change", "--audience", str(file), "--json")
        while not sink.received:
            assert first.poll() is None
            time.sleep(0.01)
        mailing = shop.run("status", "--json").said["mailings"][0]["mailing"]
        second = sender(shop, "resume", mailing, "--json")
        third = sender(shop, "send", "index-change", "--audience", str(file), "--json")
        codes = [each.wait(60) for each in (first, second, third)]
        for each in (first, second, third):
            each.communicate()
        report = shop.run("report", mailing, "--json").said
    assert codes == [0, 0, 3]
    assert twice(sink) == []
    assert complaints(sink.received, people) == []
    assert (report["counts"]["accepted"], len(sink.received)) == (len(people), len(people))


FULL_DISK = """
    import dataclasses
    import resource
    import sys

    from severally.app.cli.main import main
    from severally.app.wiring import Wiring, open_ledger


    class FillingUp:
        '''The real ledger; from its fourth turn on the kernel lets no file grow.'''

        def __init__(self, path):
            self._ledger = open_ledger(path)
            self._path = path
            self._turns = 0

        def __getattr__(self, name):
            return getattr(self._ledger, name)

        def turn(self, turn):
            self._turns += 1
            if self._turns == 4:
                wal = self._path.with_name(self._path.name + "-wal")
                limit = wal.stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            return self._ledger.turn(turn)


    if __name__ == "__main__":
        sys.exit(main(sys.argv[1:], Wiring(open_ledger=FillingUp)))
"""


def test_hostile_22_a_disk_that_is_full(tmp_path: Path) -> None:
    people = rows(120)
    with Sink() as sink:
        shop = Workshop(tmp_path / "shop", sink.port)
        shop.edit("severally.toml", "connections = 4", 'connections = 4\nrate = "200/s"')
        file = shop.customers(people)
        arguments = ("send", "index-change", "--audience", str(file), "--json")
        full = sender(shop, *arguments, program=FULL_DISK)
        out, err = full.communicate(timeout=60)
        before = len(sink.received)
        assert full.returncode == 1, out + err
        assert "disk" in err
        assert "Traceback" not in err
        assert before < len(people)
        mailing = shop.run("status", "--json").said["mailings"][0]["mailing"]
        ended = shop.run("resume", mailing, "--json")
    assert ended.code in (0, 5), ended.everything
    assert twice(sink) == []
    assert complaints(sink.received, people) == []
    counts = ended.said["counts"]
    assert counts["accepted"] + counts["in_doubt"] == len(people)
    arrived = {each.rcpt_to[0] for each in sink.received}
    accepted = {row[1] for row in people if row[0] not in ended.said["in_doubt"]}
    assert accepted <= arrived


def test_hostile_22_a_disk_that_is_full_before_anything_is_sent(tmp_path: Path) -> None:
    program = FULL_DISK.replace("self._turns == 4", "self._turns == 1")
    people = rows(20)
    with Sink() as sink:
        shop = Workshop(tmp_path / "shop", sink.port)
        arguments = ("send", "index-change", "--audience", str(shop.customers(people)))
        full = sender(shop, *arguments, program=program)
        _, err = full.communicate(timeout=60)
        assert (full.returncode, sink.received) == (1, []), err
        assert "Traceback" not in err


class JumpyClock(SystemClock):
    """Wall time that is set an hour ahead or back each second, as daylight saving or a bad NTP
    server would; time since start goes on as it must."""

    def __init__(self, hours: float) -> None:
        self._jump = hours * 3600.0
        self._start = self.monotonic()

    def wall(self) -> float:
        odd = int(self.monotonic() - self._start) % 2
        return super().wall() + odd * self._jump


@pytest.mark.parametrize("hours", [1.0, -1.0, -9600.0])
def test_hostile_23_a_clock_that_jumps(hours: float, tmp_path: Path) -> None:
    people = rows(100)
    arrivals: list[float] = []

    async def answer(talk: Conversation, received: Received) -> bool:
        arrivals.append(time.monotonic())
        return await accept(talk, received)

    with Sink(Conduct(at_dot=answer)) as sink:
        shop = Workshop(tmp_path / "shop", sink.port)
        shop.edit("severally.toml", "connections = 4", 'connections = 4\nrate = "40/s"')
        ran = shop.send(shop.customers(people), wiring=Wiring(clock=JumpyClock(hours)))
    assert (ran.code, ran.said["counts"]["accepted"]) == (0, len(people)), ran.everything
    assert complaints(sink.received, people) == []
    assert twice(sink) == []
    window = [sum(start <= at < start + 1.0 for at in arrivals) for start in arrivals]
    assert max(window) <= 50  # no burst; that 40 are kept to exactly, the virtual clock shows
    assert arrivals[-1] - arrivals[0] >= 99 / 40 - 0.05
    assert max(after - before for before, after in pairwise(arrivals)) < 2.0
