"""`[urgent]`: over which routes urgent messages go, what is kept for them, and what is too many.

Responsible for what is written there, and for how a route's limits are divided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from severally.app.allowed import Allowed
from severally.app.sections import DiscardRoute, MaildirRoute, Route, SmtpRoute
from severally.app.strict import TomlFile
from severally.app.urgent.outbox_settings import OutboxSection, read_outboxes
from severally.model.lane import Limits, Rate
from severally.model.urgent import Caps

UNLIMITED_CONNECTIONS = 8
"""What urgent messages use of a route without a limit (judgement: 5,000 in ten seconds)."""
RELAYS = SmtpRoute | MaildirRoute | DiscardRoute


class UrgentSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[urgent]`, as written. `per_minute` maps an event to its messages a minute."""

    routes: tuple[str, ...] = ()
    share: float = 0.2
    team: tuple[str, ...] = ()
    repeated: str = ""
    few: int = 3
    window: str = "10m"
    tell_after: str = "1m"
    per_person: int = 30
    per_minute: dict[str, int] = {}


@dataclass(frozen=True)
class UrgentSettings:
    """The section, checked. Without routes there are no urgent messages."""

    routes: tuple[str, ...] = ()
    share: float = 0.2
    team: Allowed = field(default_factory=lambda: Allowed((), ()))
    repeated: str = ""
    caps: Caps = field(default_factory=Caps)
    tell_after_s: float = 60.0
    per_minute: Mapping[str, int] = field(default_factory=dict)
    outboxes: Mapping[str, OutboxSection] = field(default_factory=dict)

    def caps_of(self, event: str) -> Caps:
        """What holds for one event."""
        return msgspec.structs.replace(self.caps, per_event=self.per_minute.get(event, 0))

    def kept(self, route: str, whole: Limits) -> Limits:
        """What is kept of a route for urgent messages."""
        return _part(whole, self.share) if route in self.routes else Limits()

    def rest(self, route: str, whole: Limits) -> Limits:
        """What is left of it for everything else."""
        if route not in self.routes:
            return whole
        kept = _part(whole, self.share)
        rate = whole.rate and Rate(whole.rate.count - _count(kept), whole.rate.unit_s)
        connections = whole.connections and whole.connections - (kept.connections or 0)
        return msgspec.structs.replace(whole, rate=rate, connections=connections)


def _count(limits: Limits) -> int:
    return limits.rate.count if limits.rate else 0


def _part(whole: Limits, share: float) -> Limits:
    """A share of it, of each limit one at least."""
    rate = whole.rate and Rate(max(1, int(whole.rate.count * share)), whole.rate.unit_s)
    connections = UNLIMITED_CONNECTIONS
    if whole.connections:
        connections = max(1, int(whole.connections * share))
    return msgspec.structs.replace(whole, rate=rate, connections=connections)


def read_urgent(
    file: TomlFile, routes: Mapping[str, Route], limits: Mapping[str, Limits]
) -> UrgentSettings:
    """What severally.toml says; mistakes are added to its findings."""
    section = file.table("urgent", file.data.get("urgent", {}), UrgentSection) or UrgentSection()
    if not 0.01 <= section.share <= 0.9:
        file.problem("urgent.share", "must be from 0.01 to 0.9")
    if section.few < 1 or section.per_person < 0:
        file.problem("urgent.few", "must be 1 or more, and per_person 0 (no limit) or more")
    for name in section.routes:
        _check_route(file, name, routes, limits)
    return UrgentSettings(
        section.routes,
        section.share,
        _team(file, section),
        section.repeated,
        Caps(section.few, file.duration("urgent.window", section.window), section.per_person),
        file.duration("urgent.tell_after", section.tell_after),
        section.per_minute,
        read_outboxes(file, bool(section.routes)),
    )


def _check_route(
    file: TomlFile, name: str, routes: Mapping[str, Route], limits: Mapping[str, Limits]
) -> None:
    path = "urgent.routes"
    route = routes.get(name)
    if route is None:
        file.problem(path, f"there is no route {name!r}", f"there are {', '.join(routes)}")
        return
    if not isinstance(route, RELAYS):
        file.problem(path, f"{name} is no relay", "urgent messages go over routes of type smtp")
    whole = limits[name]
    if whole.connections == 1 or (whole.rate and whole.rate.count == 1):
        cure = "write 2 or more; a share is kept for urgent messages"
        file.problem(f"routes.{name}", "one connection or message cannot be divided", cure)


def _team(file: TomlFile, section: UrgentSection) -> Allowed:
    try:
        return Allowed(section.team, ())
    except ValueError as error:
        file.problem("urgent.team", str(error).replace("allow_domains", "team"))
        return Allowed((), ())
