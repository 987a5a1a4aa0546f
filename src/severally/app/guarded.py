"""`[guard]` of severally.toml: the drop-in guard's settings, read and checked."""

from __future__ import annotations

import ipaddress
from typing import Literal

import msgspec

from severally.app.sections import ApiRoute
from severally.app.strict import TomlFile
from severally.model.address import AddressError, parse_address


class GuardSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[guard]`, as written."""

    http: str = "127.0.0.1:8026"
    smtp: str = "127.0.0.1:2587"
    keys_file: str = ""
    keys_env: str = ""
    route: str = ""
    on_leak: Literal["refuse", "split"] = "refuse"
    most: int = 500
    window: str = "1h"
    may_show: tuple[str, ...] = ()
    return_path: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    most_bytes: int = 30_000_000


class Place(msgspec.Struct, frozen=True):
    """Where to listen. Port 0: any that is free."""

    host: str
    port: int


class GuardSettings(msgspec.Struct, frozen=True):
    """`[guard]`, checked."""

    http: Place
    smtp: Place
    keys_file: str
    keys_env: str
    route: str
    split: bool
    most: int
    window_s: float
    may_show: tuple[str, ...]
    return_path: str
    tls_cert: str
    tls_key: str
    most_bytes: int


def read_guard(file: TomlFile, routes: dict[str, object]) -> GuardSettings | None:
    """None where there is no `[guard]`; what is wrong becomes findings of the file."""
    if "guard" not in file.data:
        return None
    section = file.table("guard", file.data["guard"], GuardSection)
    if section is None:
        return None
    _check(file, section, routes)
    return GuardSettings(
        _place(file, "http", section),
        _place(file, "smtp", section),
        section.keys_file,
        section.keys_env,
        section.route,
        section.on_leak == "split",
        section.most,
        file.duration("guard.window", section.window),
        tuple(each.lower() for each in section.may_show),
        section.return_path,
        section.tls_cert,
        section.tls_key,
        section.most_bytes,
    )


def _check(file: TomlFile, section: GuardSection, routes: dict[str, object]) -> None:
    if bool(section.keys_file) == bool(section.keys_env):
        cure = "name the file with the keys that programs show, one a line"
        file.problem("guard.keys_file", "needs keys_file or keys_env, and not both", cure)
    if section.route and section.route not in routes:
        file.problem("guard.route", f"there is no route {section.route!r}")
    only = next(iter(routes)) if len(routes) == 1 else "main"
    if isinstance(routes.get(section.route or only), ApiRoute):
        file.problem(
            "guard.route",
            "leads to a provider's API, which writes messages of its own",
            "name a route that keeps what programs hand in: smtp, mx or maildir",
        )
    if section.most < 0:
        file.problem("guard.most", "must be 0 (no limit) or more")
    if not 1_000 <= section.most_bytes <= 100_000_000:
        file.problem("guard.most_bytes", "must be from 1000 to 100000000")
    if bool(section.tls_cert) != bool(section.tls_key):
        file.problem("guard.tls_cert", "needs tls_key beside it", "name both files")
    if section.return_path and not _is_address(section.return_path):
        file.problem("guard.return_path", "is not one mail address")


def _is_address(text: str) -> bool:
    try:
        return bool(parse_address(text))
    except AddressError:
        return False


def _place(file: TomlFile, name: str, section: GuardSection) -> Place:
    """An IP address and a port; beyond this machine only with TLS, because keys are shown."""
    host, _, port = getattr(section, name).rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(port)
        if not 0 <= number <= 65_535:
            raise ValueError
    except ValueError:
        cure = 'write an address and a port: "127.0.0.1:8026"'
        file.problem(f"guard.{name}", "is no place to listen", cure)
        return Place("127.0.0.1", 0)
    if not address.is_loopback and not section.tls_cert:
        cure = "set tls_cert and tls_key, or listen on 127.0.0.1"
        file.problem(f"guard.{name}", "would take keys from other machines unencrypted", cure)
    return Place(str(address), number)
