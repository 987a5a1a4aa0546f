"""One million recipients: time and memory of the import, of sending, of `status`.

`make bench B=memory`. Memory is the proportional set size (PSS) of the program and every
process below it, sampled twice a second from the first row read to the last message accepted.
Arguments: recipients (1000000), and after what time to give up (6h). The last line is JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, workspace
from bench.sink import smtp_sink


def main() -> None:
    """Import, send, look."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    most = sys.argv[2] if len(sys.argv) > 2 else "6h"
    print(machine.described())
    print(f"severally --help: {_fastest([*workspace.SEVERALLY, '--help']):.2f} s (best of 5)")
    with tempfile.TemporaryDirectory(prefix="severally-bench-") as folder, smtp_sink() as port:
        bench = workspace.make(Path(folder) / "w", count, workspace.relay(port, 20))
        size = bench.audience.stat().st_size / 2**20
        print(f"{count:,} recipients, a file of {size:.0f} MiB", flush=True)
        accepted, peak_kib = _send(bench, most)
        print(f"status: {_fastest(bench.command('status')):.2f} s (best of 5)")
    print(json.dumps({"recipients": count, "accepted": accepted, "peak_mb": peak_kib / 1e6 * 1024}))


def _send(bench: workspace.Bench, most: str) -> tuple[int, int]:
    """How many were accepted, and the most memory at once (KiB) from beginning to end."""
    start = time.monotonic()
    command = [*bench.send(), "--until", f"+{most}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    imported_s, imported_kib = 0.0, 0
    with machine.watched(process.pid) as watcher:
        for line in process.stderr:
            if "recipients on route" in line:
                imported_s = time.monotonic() - start
                print(
                    f"checked, frozen and numbered in {imported_s:.0f} s, "
                    f"at most {watcher.peak_kib / 1024:.0f} MiB",
                    flush=True,
                )
                imported_kib, watcher.peak_kib = watcher.peak_kib, 0
        report = json.loads(process.stdout.read())
    process.stdout.close()
    process.stderr.close()
    process.wait()
    accepted = report["counts"]["accepted"]
    print(
        f"{accepted:,} accepted in {time.monotonic() - start - imported_s:.0f} s; sending took at "
        f"most {watcher.peak_kib / 1024:.0f} MiB in all processes together (PSS)"
    )
    return accepted, max(imported_kib, watcher.peak_kib)


def _fastest(command: list[str]) -> float:
    """Seconds of the fastest of five runs."""
    took: list[float] = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.monotonic() - start)
    return min(took)


if __name__ == "__main__":
    main()
