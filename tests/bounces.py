"""The corpus of messages that come back, put together from `tests/corpus/bounces`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "corpus" / "bounces"
ORIGINAL = """\
Return-Path: <bounces+@@TOKEN@@@exchange.example>
Message-ID: <@@TOKEN@@@exchange.example>
From: Example Exchange <notices@exchange.example>
To: <@@PERSON@@>
Subject: Index change
Date: Tue, 24 Nov 2026 11:59:00 +0000
List-Unsubscribe: <mailto:out@exchange.example>"""


class Case(NamedTuple):
    """One message: `kind` is what it has to be read as."""

    system: str
    kind: str
    says: str
    frame: str
    status: str

    @property
    def name(self) -> str:
        """For test ids."""
        return f"{self.system}: {self.kind}: {self.says[:60]}"

    def message(self, token: str, person: str, to: str = "bounces") -> bytes:
        """The whole of it about the delivery with this token. `to` is the address, its tag and
        domain left off; empty leaves the token to what is brought back."""
        address = f"{to}+{token}@exchange.example" if to else "feedback@exchange.example"
        text = self.frame.lstrip("\n").replace("@@SAYS@@", self.says)
        text = text.replace("@@STATUS@@", self.status).replace("@@ORIGINAL@@", ORIGINAL)
        for mark, value in (("@@TO@@", address), ("@@TOKEN@@", token), ("@@PERSON@@", person)):
            text = text.replace(mark, value)
        return text.encode()


def corpus() -> Iterator[Case]:
    """Every case."""
    for file in sorted(FOLDER.glob("*.toml")):
        data = tomllib.loads(file.read_text("utf-8"))
        for kind, status, says in data["cases"]:
            yield Case(data["system"], kind, says, data["frame"], status)
