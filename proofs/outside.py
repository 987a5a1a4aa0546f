"""Servers from outside as a route, and the oracle asked about what they received."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests import oracle
from tests.servers.postfix import Postfix

from severally.sim.process import WorldProcess
from severally.sim.providers import RELAY

SENDER_DOMAIN = "exchange.example"


def relay(server: Postfix, keep: Path, more: str = "") -> str:
    """What stands below `[routes.main]` for it; its password goes into a file in `keep`."""
    password = keep / "relay.password"
    password.touch(mode=0o600)
    password.write_text(server.password + "\n")
    return (
        f'type = "smtp"\nhost = "127.0.0.1"\nport = {server.port}\ntls = "starttls"\n'
        f'ca_file = "{server.ca}"\nusername = "{server.username}"\n'
        f'password_file = "{password}"\n{more}'
    )


def judged(place: Path, received: Iterable[oracle.Received]) -> oracle.Verdict:
    """The oracle's verdict over a workspace made by `proofs.workspace`."""
    columns = {name: name for name in ("email", "locale", "first_name", "account")}
    return oracle.judge(
        received,
        oracle.audience(place / "customers.csv", ",", columns),
        oracle.headings(place / "notices" / "index-change", "en"),
        "en",
        ours=[SENDER_DOMAIN],
    )


def world_route(world: WorldProcess, more: str = "") -> str:
    """What stands below `[routes.main]` for the world's relay."""
    host = world.hosts[RELAY.id]
    return f'type = "smtp"\nhost = "{host}"\nport = {world.port}\ntls = "none"\n{more}'
