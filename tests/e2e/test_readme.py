"""The README as a new user follows it: from an empty folder to a company's own relay."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from proofs.workspace import SEVERALLY
from tests import oracle
from tests.servers.postfix import Postfix

README = Path(__file__).parents[2] / "README.md"
SECTION = "Your own customers, your own relay"
HEADINGS = "Kundennummer;Vorname;Filiale;E-Mail;Sprache;Konto;Bestand;Notiz"
COLUMNS = {"email": "E-Mail", "locale": "Sprache", "name": "Vorname", "account": "Konto"}
GOOD = [
    "7001;Jürgen;Berlin;juergen.klein@gmx.example;de;AC-1;1250.00 EUR;",
    '7002;Zoë;Wien;zoe@outlook.example;de-AT;AC-2;88.10 EUR;"ruft an; vorsichtig"',
    '7003;"Käthe; die Ältere";Köln;kaethe@t-online.example;de;AC-3;0.0150 BTC;"a;b"',
    "7004;Luc;Genf;Luc.Moreau@gmail.example;fr-CH;AC-4;5.00 CHF;",
    "7005;春斗;Tokio;haruto@yahoo.example;ja;AC-5;250000 JPY;",
    "7006;Mehmet;Bonn;mehmet@yandex.example;tr;AC-6;65.00 USD;",
    "7007;Ann;Bonn;ann@kunde.example;en-GB;AC-7;65.00 GBP;",
]
BAD = [
    "7008;Ohne;Bonn;kein-at-zeichen.example;de;AC-8;1.00 EUR;",
    "7009;Zwei;Bonn;a@kunde.example, b@kunde.example;de;AC-9;1.00 EUR;",
    "7010;Wert;Bonn;wert@kunde.example;de;AC-10;eins;",
]


def blocks(section: str) -> list[tuple[str, str]]:
    """The fenced blocks of a section of the README, in order: language and text."""
    text = README.read_text("utf-8").split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


class Newcomer:
    """Types the README's commands into a shell, and its tables into severally.toml."""

    def __init__(self, folder: Path, typed: str) -> None:
        self.folder = folder
        self.typed = typed
        self.ends: dict[str, int] = {}
        self.saw: dict[str, str] = {}

    def types(self, line: str) -> None:
        """One command; `cd` is remembered, as a shell does."""
        if line.startswith("cd "):
            self.folder /= line.removeprefix("cd ")
            return
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env={
                "PATH": f"{SEVERALLY.parent}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
            },
            input=self.typed,
            text=True,
            capture_output=True,
            check=False,
        )
        self.ends[line], self.saw[line] = done.returncode, done.stdout + done.stderr

    def writes(self, tables: str) -> None:
        """Replace the tables of severally.toml by those of the same name."""
        file = self.folder / "severally.toml"
        text = file.read_text("utf-8")
        for table in filter(None, re.split(r"(?m)^(?=\[)", tables)):
            head = re.escape(table.split("\n", 1)[0])
            text = re.sub(rf"(?ms)^{head}[^\n]*\n.*?(?=^\[|\Z)", "", text) + table + "\n"
        file.write_text(text, "utf-8")

    def follows(self, section: str, relay: Postfix) -> None:
        """Every block of it in order, with the relay's own port."""
        for language, text in blocks(section):
            if language == "toml":
                self.writes(text.replace("port = 587", f"port = {relay.port}"))
            for line in text.splitlines() if language == "sh" else []:
                self.types(line.split("  #", 1)[0].rstrip())
                if line.startswith("cd "):
                    self._has_what_is_theirs(relay)

    def _has_what_is_theirs(self, relay: Postfix) -> None:
        """The export and the authority's certificate, which the README cannot hold."""
        export = "\r\n".join([HEADINGS, *GOOD[:3], *BAD, *GOOD[3:], ""])
        (self.folder / "export.csv").write_bytes(b"\xef\xbb\xbf" + export.encode())
        shutil.copy(relay.ca, self.folder / "keys" / "relay-ca.pem")


@pytest.mark.server("postfix")
def test_a_newcomer_reaches_every_customer_through_a_relay_of_their_own(
    tmp_path: Path, postfix: Postfix
) -> None:
    somebody = Newcomer(tmp_path, postfix.password + "\n")
    somebody.follows(SECTION, postfix)
    place = somebody.folder
    send = "severally send index-change --audience export.csv --accept-rejects 3"
    unsound = {
        "severally audience check export.csv --notice index-change",
        "severally check index-change --audience export.csv",
    }
    assert somebody.ends.pop("severally init newsroom") == 0
    for line, code in somebody.ends.items():
        assert code == (3 if line in unsound else 0), f"{line}: {code}\n{somebody.saw[line]}"
    (rejects,) = (place / ".severally" / "rejects").glob("export*.csv")
    listed = list(csv.reader(rejects.read_text("utf-8").splitlines()))
    assert [row[0] for row in listed[1:]] == ["5", "6", "7"]
    assert "Filiale" in somebody.saw["severally audience check export.csv --notice index-change"]
    assert postfix.settle() == len(GOOD)
    received = list(oracle.maildir(postfix.inbox))
    verdict = judged(place, received)
    assert verdict.complaints == []
    assert (verdict.recipients, verdict.most_addresses) == (len(GOOD), 1)
    assert all(b"with ESMTPSA " in each.raw for each in received)

    somebody.types(send)
    assert somebody.ends[send] == 3
    assert "was sent before" in somebody.saw[send]
    assert postfix.settle() == len(GOOD)
    assert (place / "keys" / "relay.password").stat().st_mode & 0o777 == 0o600
    kept = [file.read_bytes() for file in (place / ".severally").rglob("*") if file.is_file()]
    unasked = ("Köln", "vorsichtig")  # of columns that nobody named
    assert not any(word.encode() in content for content in kept for word in unasked)


def judged(place: Path, received: list[oracle.Received]) -> oracle.Verdict:
    """The oracle's word over the rows that are good."""
    good = place / "good.csv"
    good.write_text("\n".join([HEADINGS, *GOOD, ""]), "utf-8")
    notice = place / "notices" / "index-change"
    return oracle.judge(
        received,
        oracle.audience(good, ";", COLUMNS),
        oracle.headings(notice, "en"),
        "en",
        ours=["exchange.example"],
    )


def test_every_table_of_the_readme_is_toml() -> None:
    tables = [tomllib.loads(text) for language, text in blocks(SECTION) if language == "toml"]
    assert [next(iter(table)) for table in tables] == ["audience", "routes", "workspace"]
