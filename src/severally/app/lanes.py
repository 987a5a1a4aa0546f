"""Which lane a recipient's provider is, and what holds on it.

On direct routes each provider has a lane of its own with the shipped limits, each naming its
source; a relay has a quota of its own, and only the limits somebody wrote hold.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources

import msgspec

from severally.app.config import LIMITS, Workspace
from severally.app.sections import MxRoute
from severally.model.destination import NO_MAIL
from severally.model.lane import Lane, Limits, parse_rate

WRITTEN = "severally.toml"
OTHER = "other"


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
    """What was written for the receiver; what was not is as shipped, where that holds at all."""
    base, source = Limits(), ""
    if receiver == NO_MAIL:
        return base, "no connection is made"
    if isinstance(workspace.routes[route], MxRoute):
        row = shipped().get(receiver) or shipped()[OTHER]
        base = Limits(parse_rate(row.rate), row.connections, row.messages_per_connection)
        source = f"shipped ({row.source})"
        if receiver not in shipped() and receiver not in workspace.limits:
            receiver = OTHER
    written = workspace.limits.get(receiver)
    if written is None:
        return base, source
    values = {name: getattr(written.limits, name) for name in written.names}
    limits = msgspec.structs.replace(base, **values)
    if not source or len(written.names) == len(LIMITS):
        return limits, WRITTEN
    names = ", ".join(name for name in LIMITS if name in written.names)
    return limits, f"{names}: {WRITTEN}; else {source}"
