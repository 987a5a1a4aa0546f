"""The ways out and back, and the keys for them: transports, sentinels' mailboxes, key files.

A part of wiring: like it, chooses adapters. Not responsible for what they do.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

from severally.adapters.clock import SystemClock
from severally.adapters.dns import Dns
from severally.adapters.dns_cache import DnsCache
from severally.adapters.exchanges import DnsExchanges
from severally.adapters.keys import FileKeys
from severally.adapters.mailboxes import Imap, ImapMailbox, MaildirMailbox
from severally.adapters.mta_sts import Https, StsReader
from severally.adapters.outbox_sqlite import SqliteOutbox
from severally.adapters.spool import ImapSource, MaildirSource
from severally.app.allowed import Allowed
from severally.app.config import Workspace
from severally.app.providers import make_api
from severally.app.sections import (
    ApiRoute,
    DiscardRoute,
    IncomingSection,
    MaildirRoute,
    MxRoute,
    SentinelSection,
    SmtpRoute,
)
from severally.app.urgent.outbox_settings import PostgresqlOutboxSection, SqliteOutboxSection
from severally.model.destination import Destination, MailHost
from severally.model.errors import Refused, UsageError
from severally.ports import Exchanges, Keys, Links, Mailbox, Transport
from severally.ports.incoming import Incoming
from severally.ports.outbox import Outbox
from severally.transport.discard import DiscardTransport
from severally.transport.maildir import MaildirTransport
from severally.transport.mx import MxTransport
from severally.transport.smtp import Relay, SmtpTransport

_Guarded = SmtpRoute | SentinelSection | IncomingSection | PostgresqlOutboxSection
"""What has a password_file and a password_env."""


def open_keys(workspace: Workspace) -> Keys:
    """The workspace's secrets. Raises UsageError where they are missing or not private."""
    files = [key.key_file for sender in workspace.senders.values() for key in sender.dkim]
    return FileKeys(workspace.root / "keys", [workspace.path(file) for file in files])


def make_links(workspace: Workspace) -> Links:
    """Where links of notices lead; a trial workspace reaches what it may send to."""
    from severally.adapters.links import WebLinks  # an HTTP client that most verbs do without

    return WebLinks(workspace.allowed.host, SystemClock().monotonic)


def make_transport(workspace: Workspace, name: str) -> Transport:
    """The way out called `name`. Raises UsageError where its password cannot be read."""
    match workspace.routes[name]:
        case SmtpRoute() as route:
            return SmtpTransport(_relay(workspace, name, route))
        case MaildirRoute() as route:
            return MaildirTransport(workspace.path(route.path))
        case DiscardRoute():
            return DiscardTransport()
        case MxRoute() as route:
            return _mx(workspace, name, route)
        case ApiRoute() as route:
            return make_api(route, name, workspace.path, SystemClock().wall)


def _relay(workspace: Workspace, name: str, route: SmtpRoute) -> Relay:
    ca_file = _authority(workspace, name, route.ca_file)
    return Relay(
        route.host,
        route.port,
        route.tls,
        route.username,
        _password(workspace, f"routes.{name}", route),
        ca_file,
        route.ehlo,
        route.source_ip,
    )


def _authority(workspace: Workspace, name: str, file: str) -> str:
    path = str(workspace.path(file)) if file else ""
    if path and not Path(path).is_file():
        raise UsageError(f"routes.{name}.ca_file: there is no file {file}")
    return path


def _password(workspace: Workspace, path: str, section: _Guarded) -> str:
    """`path` is the section's, for errors: `routes.main`."""
    if section.password_env:
        value = os.environ.get(section.password_env)
        if not value:
            raise UsageError(f"{path}.password_env: the environment has no {section.password_env}")
        return value
    if not section.password_file:
        return ""
    try:
        return workspace.path(section.password_file).read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"{path}.password_file: {section.password_file} cannot be read; "
            "write the password into it, on one line, and make it readable to you alone"
        ) from None


def make_mailbox(workspace: Workspace, name: str) -> Mailbox:
    """The sentinel's mailbox. Raises UsageError where its password cannot be read."""
    section = workspace.staging.sentinels[name]
    if section.maildir:
        return MaildirMailbox(workspace.path(section.maildir))
    return ImapMailbox(_imap(workspace, f"sentinels.{name}", section, section.address))


def _imap(
    workspace: Workspace, path: str, section: SentinelSection | IncomingSection, username: str
) -> Imap:
    return Imap(
        section.imap_host,
        section.imap_port,
        section.username or username,
        _password(workspace, path, section),
        section.imap_tls,
        str(workspace.path(section.ca_file)) if section.ca_file else "",
        section.folders,
    )


def make_sources(workspace: Workspace) -> dict[str, Incoming]:
    """Every place that what comes back is read from, by name. Raises UsageError."""
    sources: dict[str, Incoming] = {"listener": open_spool(workspace)}
    for name, sender in workspace.senders.items():
        section = sender.incoming
        if section is not None and section.maildir:
            sources[f"{name}: maildir"] = MaildirSource(workspace.path(section.maildir))
        if section is not None and section.imap_host:
            path = f"senders.{name}.incoming"
            imap = _imap(workspace, path, section, sender.return_path or sender.address)
            sources[f"{name}: imap"] = ImapSource(imap)
    return sources


def open_spool(workspace: Workspace) -> MaildirSource:
    """Where the listener keeps what it took until its event is committed."""
    return MaildirSource(workspace.state / "incoming", remove=True)


def make_outboxes(workspace: Workspace) -> dict[str, Outbox]:
    """The tables whose rows are sent, by name. Raises UsageError where a password is not there."""
    return {name: _outbox(workspace, name) for name in workspace.urgent.outboxes}


def _outbox(workspace: Workspace, name: str) -> Outbox:
    section = workspace.urgent.outboxes[name]
    if isinstance(section, SqliteOutboxSection):
        return SqliteOutbox(workspace.path(section.file), section.table)
    from severally.adapters.outbox_postgresql import PostgresqlOutbox

    password = _password(workspace, f"outboxes.{name}", section)
    return PostgresqlOutbox(section.database, section.table, password)


def _mx(workspace: Workspace, name: str, route: MxRoute) -> Transport:
    clock = SystemClock()
    dns = Dns(route.resolver)
    cache = DnsCache(workspace.state / "dns.sqlite3", open_keys(workspace).blind)
    ca_file = _authority(workspace, name, route.ca_file)
    sts = StsReader(dns, cache, clock.wall, Https(route.sts_port, ca_file))
    exchanges = DnsExchanges(dns, sts, route.port, random.Random(), clock.monotonic)
    return MxTransport(
        AllowedExchanges(exchanges, workspace.allowed, name),
        clock.monotonic,
        route.port,
        route.ehlo,
        route.source_ip,
        ca_file,
    )


class AllowedExchanges:
    """`ports.Exchanges` within what the workspace may reach."""

    def __init__(self, inner: Exchanges, allowed: Allowed, route: str) -> None:
        self._inner = inner
        self._allowed = allowed
        self._route = route

    async def destination(self, domain: str) -> Destination:
        """As DNS says."""
        return await self._inner.destination(domain)

    async def host(self, name: str, secure: bool) -> MailHost:
        """Raises Refused where an address is not among the allowed hosts."""
        host = await self._inner.host(name, secure)
        for address in host.addresses:
            if not self._allowed.host(address):
                raise Refused(
                    f"route {self._route} leads to the host {name} ({address}), which this trial "
                    "workspace does not send to; list it under allow_hosts if you mean to reach it"
                )
        return host
