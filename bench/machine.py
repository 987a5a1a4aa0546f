"""The machine: what it is, what its processes used, and what one signature costs on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def described() -> str:
    """Processor, cores, kernel and Python, in one line."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.+)", info)
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    assert memory is not None
    return (
        f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, "
        f"{int(memory[1]) / 2**20:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


def signature_us(processes: int = 1, seconds: int = 2) -> float:
    """Processor microseconds of one RSA-2048 signature, as `openssl speed rsa2048` says.

    With several processes it says how many signatures all make in a second together.
    """
    command = ["openssl", "speed", "-seconds", str(seconds)]
    if processes > 1:
        command += ["-multi", str(processes)]
    result = subprocess.run([*command, "rsa2048"], capture_output=True, text=True, check=True)
    found = re.search(r"rsa\s+2048 bits\s+\S+\s+\S+\s+(\S+)", result.stdout)
    assert found is not None, result.stdout
    return 1e6 * processes / float(found[1])


def tree(root: int) -> list[int]:
    """A process and all below it."""
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += [int(each) for each in children.read_text().split()]
            except OSError:
                continue
    return found


def cpu_s(pids: list[int]) -> float:
    """Processor seconds these processes have used so far."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total * _TICK_S


def pss_kib(pids: list[int]) -> int:
    """Proportional set size of these processes together."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        match = re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
        total += int(match[1]) if match else 0
    return total


class Watcher:
    """Samples a process tree while it runs: processor time, and the most memory at once."""

    def __init__(self, pid: int, every_s: float) -> None:
        self.peak_kib = 0
        self.samples: list[tuple[float, int]] = []
        self._pid = pid
        self._every_s = every_s
        self._ended = threading.Event()

    def run(self) -> None:
        """Until it is told to end."""
        start = time.monotonic()
        while not self._ended.wait(self._every_s):
            kib = pss_kib(tree(self._pid))
            self.peak_kib = max(self.peak_kib, kib)
            self.samples.append((time.monotonic() - start, kib))

    def end(self) -> None:
        """No more samples."""
        self._ended.set()


@contextmanager
def watched(pid: int, every_s: float = 0.5) -> Iterator[Watcher]:
    """Sample a process and all below it until leaving."""
    watcher = Watcher(pid, every_s)
    thread = threading.Thread(target=watcher.run, daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        watcher.end()
        thread.join()
