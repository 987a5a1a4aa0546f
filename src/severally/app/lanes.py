"""Which lane a recipient's provider is, and what holds on it.

On direct routes each provider has a lane of its own with the shipped limits, each naming its
source; a relay has a quota of its own, and only the limits somebody wrote hold.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources

import msgspec

from severally.app.config import Workspace
from severally.app.sections import MxRoute
from severally.model.lane import Lane, Limits, parse_rate

WRITTEN = "severally.toml"


class ShippedLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table of limits.toml."""

    connections: int
    messages_per_connection: int
    rate: str
    source: str


@functools.cache
def shipped() -> dict[str, ShippedLimits]:
    """Receiver id -> the limits that come with the program; `other` for all else."""
    text = (resources.files("severally.app") / "limits.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, ShippedLimits])


def lane_of(workspace: Workspace, route: str, receiver: str) -> Lane:
    """The lane that mail for this receiver takes on this route."""
    limits, _ = _limits(workspace, route, receiver)
    settings = workspace.routes[route]
    source = settings.source_ip if isinstance(settings, MxRoute) else ""
    return Lane(route, receiver, limits, source)


def source_of(workspace: Workspace, route: str, receiver: str) -> str:
    """Where this lane's limits come from, for people."""
    return _limits(workspace, route, receiver)[1]


def _limits(workspace: Workspace, route: str, receiver: str) -> tuple[Limits, str]:
    written = workspace.limits.get(receiver)
    if written is not None:
        return written, WRITTEN
    if not isinstance(workspace.routes[route], MxRoute):
        return Limits(), ""
    row = shipped().get(receiver) or shipped()["other"]
    limits = Limits(parse_rate(row.rate), row.connections, row.messages_per_connection)
    return limits, f"shipped ({row.source})"
