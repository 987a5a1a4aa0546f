"""A workspace to measure in: the shipped sample notice, a made-up audience, one route.

Responsible for what both sides of a comparison send: the texts are the compiled notice's own.
Each recipient has a name, a code, an amount and a date of their own.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NOTICE = "index-change"
SEVERALLY = [sys.executable, "-m", "severally.app.cli.main"]
_DOMAINS = (
    "gmail.example",
    "outlook.example",
    "yahoo.example",
    "icloud.example",
    "gmx.example",
    "web.example",
    "orange.example",
    "mail.example",
    "qq.example",
    "naver.example",
)
_CONFIG = """
[workspace]
purpose = "trial"

[senders.notices]
address = "notices@exchange.example"
name = "Example Exchange"
reply_to = "support@exchange.example"
return_path = "bounces@exchange.example"
{dkim}
[routes.main]
{route}
[sending]
max_in_doubt = {in_doubt}
processes = {processes}
"""
_DKIM = 'dkim = [{ domain = "exchange.example", selector = "s1", key_file = "keys/dkim.pem" }]\n'


@dataclass(frozen=True)
class Bench:
    """A workspace made for measuring."""

    root: Path
    count: int

    @property
    def audience(self) -> Path:
        """The recipients' file."""
        return self.root / "customers.csv"

    def command(self, *words: str) -> list[str]:
        """The program, in this workspace."""
        return [*SEVERALLY, "--workspace", str(self.root), *words]

    def send(self) -> list[str]:
        """`severally send`, as a user types it."""
        return self.command("send", NOTICE, "--audience", str(self.audience), "--json")


def relay(port: int, connections: int) -> str:
    """A route to a sink on loopback."""
    return (
        f'type = "smtp"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
        f"connections = {connections}\n"
    )


def make(
    root: Path,
    count: int,
    route: str,
    *,
    signed: bool = False,
    locales: tuple[str, ...] = ("en",),
    in_doubt: int = 100,
    processes: int = 0,
) -> Bench:
    """`severally init`, then this route, this many recipients, and a key where it is signed."""
    subprocess.run([*SEVERALLY, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
    if signed:
        (root / "keys" / "dkim.pem").write_bytes(dkim_key())
    (root / "severally.toml").write_text(
        _CONFIG.format(
            dkim=_DKIM if signed else "", route=route, in_doubt=in_doubt, processes=processes
        )
    )
    notice = root / "notices" / NOTICE / "notice.toml"
    text = notice.read_text().replace('type = "datetime"', 'type = "date"')
    notice.write_text(re.sub(r"(?m)^value = .*\n", "", text))
    bench = Bench(root, count)
    with bench.audience.open("w") as file:
        file.write("id,email,locale,timezone,first_name,account,position,effective\n")
        for n in range(1, count + 1):
            file.write(_row(n, locales[n % len(locales)]))
    return bench


def _row(n: int, locale: str) -> str:
    name, code, amount, date = values(n)
    return f"c-{n},user{n}@{_DOMAINS[n % 10]},{locale},UTC,{name},{code},{amount},{date}\n"


def values(n: int) -> tuple[str, str, str, str]:
    """Recipient number n's name, code, amount and date."""
    return f"Name {n}", f"EX-{100_000 + n}", f"{n}.50 USD", f"2026-12-{1 + n % 28:02}"


def dkim_key() -> bytes:
    """A fresh RSA-2048 key (PEM)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
