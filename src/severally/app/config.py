"""The workspace: where it is and what its severally.toml says, checked.

Responsible for finding, reading and checking the file. Not for opening what it names
(keys, passwords, the ledger): that is wiring's.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from severally.app.allowed import DEFAULT_DOMAINS, DEFAULT_HOSTS, Allowed
from severally.app.guarded import GuardSettings, read_guard
from severally.app.incoming import checked_incoming
from severally.app.providers import batch_of, check_api
from severally.app.sections import (
    ROUTES,
    ApiRoute,
    AudienceSection,
    LimitsSection,
    MxRoute,
    PreflightSection,
    RetriesSection,
    Route,
    SenderSection,
    SendingSection,
    ServeSection,
    SmtpRoute,
    WorkspaceSection,
)
from severally.app.staging import Staging, read_staging
from severally.app.strict import TomlFile, named_tables
from severally.app.urgent.settings import UrgentSettings, read_urgent
from severally.app.windows import Windows, read_windows
from severally.model.destination import parse_nameserver
from severally.model.errors import UsageError
from severally.model.lane import Limits, Rate, parse_rate
from severally.model.notice import Kind

FILE = "severally.toml"
_PROCESSES_MOST = 8
"""More composing processes than this make more than one sender hands over (signed: a signature
costs a process four times what the message costs the sender); they would only take memory."""
STATE = ".severally"


class Retries(msgspec.Struct, frozen=True):
    """When a deferred delivery is tried again. In seconds. `give_up_of`: by kind of notice."""

    first_s: float
    factor: float
    most_s: float
    give_up_s: float
    give_up_of: dict[Kind, float]


LIMITS = ("rate", "connections", "messages_per_connection")


class WrittenLimits(msgspec.Struct, frozen=True):
    """One table of `[limits]`. `names` are those written there; 0 was a limit taken off."""

    limits: Limits
    names: frozenset[str]


@dataclass(frozen=True)
class Workspace:
    """A workspace's configuration, checked; paths in it are relative to `root`."""

    root: Path
    purpose: Literal["trial", "live"]
    allowed: Allowed
    audience: AudienceSection
    senders: dict[str, SenderSection]
    routes: dict[str, Route]
    limits: dict[str, WrittenLimits]
    receivers: dict[str, tuple[str, ...]]
    retries: Retries
    staging: Staging
    max_in_doubt: int = 100
    processes: int = 1
    serve: ServeSection = field(default_factory=ServeSection)
    urgent: UrgentSettings = field(default_factory=UrgentSettings)
    _route_limits: dict[str, Limits] = field(default_factory=dict)
    where: Callable[[str], str] = f"{FILE} ({{}})".format
    """`severally.toml:12 (senders.notices)` for a setting."""
    guard: GuardSettings | None = None
    preflight: PreflightSection = field(default_factory=PreflightSection)
    windows: Windows = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """Where the program keeps its own: ledger, lock, rejects, log."""
        return self.root / STATE

    def path(self, name: str) -> Path:
        """A path written in the file."""
        return self.root / Path(name).expanduser()

    def route_limits(self, name: str) -> Limits:
        """What holds for the whole of a route; what is kept for urgent messages is not in it."""
        return self.urgent.rest(name, self._route_limits[name])

    def urgent_limits(self, name: str) -> Limits:
        """What of a route is kept for urgent messages."""
        return self.urgent.kept(name, self._route_limits[name])

    def choose_route(self, name: str | None) -> str:
        """The route called `name`; without it the only one, or the one called main."""
        if name is not None:
            if name not in self.routes:
                raise UsageError(f"there is no route {name!r}; {_known(self.routes)}")
            return name
        if len(self.routes) == 1:
            return next(iter(self.routes))
        if "main" in self.routes:
            return "main"
        if not self.routes:
            raise UsageError(f"{FILE} has no route; write [routes.main] with a type")
        raise UsageError(f"say which route with --route NAME; {_known(self.routes)}")


def find_root(start: Path, given: Path | None) -> Path:
    """The folder with severally.toml: `given`, or `start` or the nearest one above it.

    Raises UsageError where there is none.
    """
    if given is not None:
        root = given.expanduser().resolve()
        if (root / FILE).is_file():
            return root
        raise UsageError(
            f"{given} is no workspace: it has no {FILE}; make one with: severally init {given}"
        )
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise UsageError(
        f"there is no {FILE} here or in any folder above; go to a workspace, "
        "name one with --workspace DIR, or make one with: severally init DIR"
    )


def load(root: Path) -> Workspace:
    """Read and check `root`'s severally.toml. Raises UsageError naming every mistake."""
    file = TomlFile(root / FILE, FILE)
    file.sections(
        (
            "workspace",
            "audience",
            "senders",
            "routes",
            "limits",
            "receivers",
            "retries",
            "sending",
            "windows",
            "staging",
            "sentinels",
            "audit",
            "preflight",
            "serve",
            "guard",
            "urgent",
            "outboxes",
        )
    )
    workspace = file.table("workspace", file.data.get("workspace", {}), WorkspaceSection)
    audience = file.table("audience", file.data.get("audience", {}), AudienceSection)
    retries = file.table("retries", file.data.get("retries", {}), RetriesSection)
    sending = file.table("sending", file.data.get("sending", {}), SendingSection)
    serve = file.table("serve", file.data.get("serve", {}), ServeSection)
    senders = {
        name: checked_incoming(file, name, sender)
        for name, raw in named_tables(file, "senders").items()
        if (sender := file.table(f"senders.{name}", raw, SenderSection)) is not None
    }
    routes, route_limits = _routes(file)
    limits = _limits(file)
    receivers = _receivers(file)
    allowed = _allowed(file, workspace or WorkspaceSection())
    timing = _retries(file, retries or RetriesSection())
    live = workspace is not None and workspace.purpose == "live"
    staging = read_staging(file, live, receivers)
    windows = read_windows(file)
    guard = read_guard(file, {**routes})
    urgent = read_urgent(file, routes, route_limits)
    _check_audience(file, audience or AudienceSection())
    _check_sending(file, sending or SendingSection())
    _check_serve(file, serve or ServeSection())
    preflight = file.table("preflight", file.data.get("preflight", {}), PreflightSection)
    _check_preflight(file, preflight or PreflightSection())
    file.raise_findings()
    assert workspace is not None and audience is not None and sending is not None
    assert serve is not None
    return Workspace(
        root,
        workspace.purpose,
        allowed,
        audience,
        senders,
        routes,
        limits,
        receivers,
        timing,
        staging,
        sending.max_in_doubt,
        sending.processes or min(_PROCESSES_MOST, os.cpu_count() or 1),
        serve,
        urgent,
        route_limits,
        file.where,
        guard,
        preflight or PreflightSection(),
        windows,
    )


def _routes(file: TomlFile) -> tuple[dict[str, Route], dict[str, Limits]]:
    routes: dict[str, Route] = {}
    limits: dict[str, Limits] = {}
    for name, raw in named_tables(file, "routes").items():
        path = f"routes.{name}"
        if not _NAME.fullmatch(name):
            file.problem(path, "a route's name is letters, digits and -", "rename it")
        kind = raw.get("type") if isinstance(raw, dict) else None
        if kind not in ROUTES:
            said = "type is missing" if kind is None else f"there is no route type {kind!r}"
            file.problem(f"{path}.type", said, _ROUTE_CURE)
        else:
            route = file.table(path, raw, ROUTES[kind], ignore=("type",))
            if route is not None:
                routes[name] = route
                limits[name] = _route_limits(file, path, route)
    return routes, limits


def _route_limits(file: TomlFile, path: str, route: Route) -> Limits:
    per_connection = getattr(route, "messages_per_connection", 0)
    _check_numbers(file, path, route.connections, per_connection)
    if isinstance(route, SmtpRoute | MxRoute) and not 1 <= route.port <= 65535:
        file.problem(f"{path}.port", f"{route.port} is no port", "write one from 1 to 65535")
    if isinstance(route, MxRoute):
        _check_direct(file, path, route)
    if isinstance(route, SmtpRoute):
        _check_login(file, path, route)
    if isinstance(route, ApiRoute):
        check_api(file, path, route)
    rate = _rate(file, f"{path}.rate", route.rate)
    return Limits(rate, route.connections or None, per_connection or None, batch_of(route))


def _check_direct(file: TomlFile, path: str, route: MxRoute) -> None:
    if not 1 <= route.sts_port <= 65535:
        file.problem(
            f"{path}.sts_port", f"{route.sts_port} is no port", "write one from 1 to 65535"
        )
    try:
        if route.resolver:
            parse_nameserver(route.resolver)
    except ValueError:
        cure = 'write an address and a port: "127.0.0.1:53" or "[::1]:53"'
        file.problem(f"{path}.resolver", f"{route.resolver!r} is no name server", cure)
    if route.source_ip and not _is_address(route.source_ip):
        file.problem(f"{path}.source_ip", f"{route.source_ip!r} is no address of this machine")


def _check_preflight(file: TomlFile, section: PreflightSection) -> None:
    for address in section.addresses:
        if not _is_address(address):
            file.problem("preflight.addresses", f"{address!r} is no address")


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _check_login(file: TomlFile, path: str, route: SmtpRoute) -> None:
    secret = route.password_file or route.password_env
    if route.password_file and route.password_env:
        file.problem(path, "has both password_file and password_env", "keep one")
    if bool(route.username) != bool(secret):
        missing = "username" if secret else "password_file or password_env"
        file.problem(path, f"{missing} is missing", "logging in needs a name and a password")
    if secret and route.tls == "none" and not Allowed((), DEFAULT_HOSTS).host(route.host):
        file.problem(f"{path}.tls", "would send the password unencrypted", 'write tls = "starttls"')


def _limits(file: TomlFile) -> dict[str, WrittenLimits]:
    limits: dict[str, WrittenLimits] = {}
    for name, raw in named_tables(file, "limits").items():
        path = f"limits.{name}"
        section = file.table(path, raw, LimitsSection)
        if section is not None:
            connections, per_connection = section.connections, section.messages_per_connection
            _check_numbers(file, path, connections or 0, per_connection or 0)
            rate = _rate(file, f"{path}.rate", section.rate or "0")
            names = {each for each in LIMITS if getattr(section, each) is not None}
            limits[name] = WrittenLimits(
                Limits(rate, connections or None, per_connection or None), frozenset(names)
            )
    return limits


def _receivers(file: TomlFile) -> dict[str, tuple[str, ...]]:
    receivers: dict[str, tuple[str, ...]] = {}
    for name, domains in named_tables(file, "receivers").items():
        path = f"receivers.{name}"
        if not isinstance(domains, list) or not all(isinstance(each, str) for each in domains):
            file.problem(path, "must be a list of domains", f'{name} = ["gmail.com"]')
        elif not _RECEIVER.fullmatch(name) or not domains:
            file.problem(path, "needs a name of a-z, 0-9 and _, and one domain at least")
        else:
            receivers[name] = tuple(domain.lower() for domain in domains)
    return receivers


def _check_numbers(file: TomlFile, path: str, connections: int, per_connection: int) -> None:
    if connections < 0:
        file.problem(f"{path}.connections", "must be 0 (no limit) or more")
    if per_connection < 0:
        file.problem(f"{path}.messages_per_connection", "must be 0 (no limit) or more")


def _rate(file: TomlFile, path: str, text: str) -> Rate | None:
    try:
        return parse_rate(text)
    except ValueError as error:
        file.problem(path, str(error))
        return None


def _allowed(file: TomlFile, section: WorkspaceSection) -> Allowed:
    domains = section.allow_domains if section.allow_domains is not None else DEFAULT_DOMAINS
    hosts = section.allow_hosts if section.allow_hosts is not None else DEFAULT_HOSTS
    try:
        return Allowed(tuple(domains), tuple(hosts), everything=section.purpose == "live")
    except ValueError as error:
        file.problem("workspace", str(error))
        return Allowed((), ())


def _retries(file: TomlFile, section: RetriesSection) -> Retries:
    times = {
        name: file.duration(f"retries.{name}", getattr(section, name))
        for name in ("first", "most", "give_up")
    }
    if not 1 <= section.factor <= 100:
        file.problem("retries.factor", "must be from 1 to 100")
    by_kind: dict[Kind, float] = {}
    for kind, text in section.give_up_of.items():
        path = f"retries.give_up_of.{kind}"
        if kind in list(Kind):
            by_kind[Kind(kind)] = file.duration(path, text)
        else:
            file.problem(path, f"there is no kind {kind!r}", f"kinds are {', '.join(Kind)}")
    return Retries(times["first"], section.factor, times["most"], times["give_up"], by_kind)


def _check_audience(file: TomlFile, section: AudienceSection) -> None:
    if len(section.delimiter) != 1 or section.delimiter in '"\r\n':
        file.problem("audience.delimiter", "must be one character", 'for example "," or ";"')


def _check_sending(file: TomlFile, section: SendingSection) -> None:
    if not 1 <= section.max_in_doubt <= 100_000:
        file.problem("sending.max_in_doubt", "must be from 1 to 100000")
    if not 0 <= section.processes <= 256:
        file.problem("sending.processes", "must be from 0 (chosen by the program) to 256")


def _check_serve(file: TomlFile, section: ServeSection) -> None:
    if not 0 <= section.port <= 65535:
        file.problem("serve.port", f"{section.port} is no port", "write one from 1 to 65535")
    if not 1_024 <= section.max_body <= 10_000_000:
        file.problem("serve.max_body", "must be from 1024 to 10000000 bytes")


def _known(names: dict[str, Route]) -> str:
    return f"there are {', '.join(sorted(names))}" if names else "there is none yet"


_ROUTE_CURE = f"available are {', '.join(ROUTES)}"
_RECEIVER = re.compile(r"[a-z0-9_]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
