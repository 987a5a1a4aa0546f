"""The only place that chooses adapters. Everything a test may want to replace is a factory here.

Responsible for turning configuration into the objects that `deliver` works with. Not for
what they do.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from severally.adapters.clock import SystemClock
from severally.adapters.pool import PoolBench
from severally.app.config import (
    DiscardRoute,
    MaildirRoute,
    MxRoute,
    SmtpRoute,
    Workspace,
)
from severally.deliver.progress import Progress
from severally.deliver.sending import Deliverer, Settings
from severally.ledger.sqlite import SqliteLedger
from severally.model.errors import Refused, UsageError
from severally.pace.retry import RetryPlan
from severally.pace.scheduler import Settings as Pacing
from severally.ports import Clock, Keys, Ledger, Transport
from severally.transport.discard import DiscardTransport
from severally.transport.maildir import MaildirTransport
from severally.transport.mx import MxTransport
from severally.transport.smtp import Relay, SmtpTransport


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


def _relay(workspace: Workspace, name: str, route: SmtpRoute) -> Relay:
    ca_file = str(workspace.path(route.ca_file)) if route.ca_file else ""
    if ca_file and not Path(ca_file).is_file():
        raise UsageError(f"routes.{name}.ca_file: there is no file {route.ca_file}")
    return Relay(
        route.host,
        route.port,
        route.tls,
        route.username,
        _password(workspace, name, route),
        ca_file,
        route.ehlo,
        route.source_ip,
    )


def _password(workspace: Workspace, name: str, route: SmtpRoute) -> str:
    if route.password_env:
        value = os.environ.get(route.password_env)
        if not value:
            raise UsageError(
                f"routes.{name}.password_env: the environment has no {route.password_env}"
            )
        return value
    if not route.password_file:
        return ""
    try:
        return workspace.path(route.password_file).read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"routes.{name}.password_file: {route.password_file} cannot be read; "
            "write the password into it, on one line, and make it readable to you alone"
        ) from None
