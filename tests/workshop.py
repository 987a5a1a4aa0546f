"""A workspace as `severally init` makes it, sending to a test's own server, and its customers."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from severally.app.cli.main import main
from severally.app.wiring import Wiring
from tests import letters
from tests.smtp_sink import Received

SENDER = "notices@exchange.example"
SUPPORT = "support@exchange.example"
LOCALES = ("en", "de", "ja", "ar", "zh-Hans-CN", "pt-BR")
DOMAINS = ("gmail.example", "yahoo.example", "outlook.example", "gmx.example", "qq.example")
HEADING = ("id", "email", "locale", "timezone", "first_name", "account", "position")

SETTINGS = """\
[workspace]
purpose = "trial"

[senders.notices]
address = "notices@exchange.example"
name = "Example Exchange"
reply_to = "support@exchange.example"
return_path = "bounces@exchange.example"

[routes.main]
type = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
connections = {connections}

[retries]
first = "1s"

[sending]
max_in_doubt = 100
processes = {processes}
"""


@dataclass(frozen=True)
class Ran:
    """How a verb ended. `said` is its JSON object, empty where there is none."""

    code: int
    out: str
    err: str
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def everything(self) -> str:
        return self.out + self.err


def run(*arguments: str | Path, wiring: Wiring | None = None) -> Ran:
    """One verb of the program, called as its command line calls it."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments], wiring)
    said = json.loads(out.getvalue()) if "--json" in arguments and out.getvalue() else {}
    return Ran(code, out.getvalue(), err.getvalue(), said)


class Workshop:
    """A workspace in `root` whose only route leads to `port` on loopback."""

    def __init__(self, root: Path, port: int = 9, connections: int = 4, processes: int = 1) -> None:
        self.root = root
        made = run("init", root)
        assert made.code == 0, made.everything
        text = SETTINGS.format(port=port, connections=connections, processes=processes)
        (root / "severally.toml").write_text(text)

    def run(self, *arguments: str | Path, wiring: Wiring | None = None) -> Ran:
        return run("--workspace", self.root, *arguments, wiring=wiring)

    def send(self, audience: Path, *more: str, wiring: Wiring | None = None) -> Ran:
        """The sample notice to an audience, as JSON."""
        arguments = ("send", "index-change", "--audience", audience, "--json", *more)
        return self.run(*arguments, wiring=wiring)

    def customers(self, rows: Sequence[Sequence[str]], name: str = "customers.csv") -> Path:
        path = self.root / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADING, *rows])
        return path

    def two_languages(self) -> None:
        """The sample notice in English and German alone: everything about it is quicker."""
        notice = "notices/index-change/notice.toml"
        (line,) = re.findall(r"(?m)^locales = .*$", (self.root / notice).read_text("utf-8"))
        self.edit(notice, line, 'locales = ["en", "de"]')

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file of the workspace; what is to be replaced must stand there."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")


def rows(count: int) -> list[list[str]]:
    """Customers in several languages whose every private value is theirs alone."""
    return [
        [
            f"c{n:05}",
            f"user.{n:05}@{DOMAINS[n % len(DOMAINS)]}",
            LOCALES[n % len(LOCALES)],
            "Europe/Berlin",
            f"Name{n:05}",
            f"AC-{n:06}",
            f"{n}.25 USD",
        ]
        for n in range(1, count + 1)
    ]


def complaints(received: Sequence[Received], people: Sequence[Sequence[str]]) -> list[str]:
    """What is wrong with what arrived, judged from the bytes alone: a stranger's address, a
    stranger's values, somebody unknown, anybody twice. Empty where all is well."""
    by_address = {row[1]: row for row in people}
    wrong: list[str] = []
    seen: set[str] = set()
    for each in received:
        if len(each.rcpt_to) != 1 or each.rcpt_to[0] not in by_address:
            wrong.append("an envelope that is not one customer's")
            continue
        own = by_address[each.rcpt_to[0]]
        if own[1] in seen:
            wrong.append(f"{own[0]} was sent it twice")
        seen.add(own[1])
        wrong += [f"{own[0]}: {problem}" for problem in _problems(each, own)]
    return wrong


def _problems(each: Received, own: Sequence[str]) -> list[str]:
    problems: list[str] = []
    shown = {a for a in letters.addresses(each.message) if not _ours(a)}
    if shown - {own[1]}:
        problems.append(f"{len(shown - {own[1]})} foreign addresses")
    if own[1] not in shown:
        problems.append("its own address is missing")
    text = "\n".join(letters.texts(each.message))
    for pattern, value in ((r"AC-\d{6}", own[5]), (r"Name\d{5}", own[4])):
        if set(re.findall(pattern, text)) != {value}:
            problems.append("values that are not the recipient's")
    return problems


def _ours(address: str) -> bool:
    """Message-ID, support and sender: all at the exchange itself."""
    return address.endswith("@exchange.example")
