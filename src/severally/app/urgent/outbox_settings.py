"""`[outboxes.NAME]`: tables of the user's own whose rows are sent as urgent messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from severally.app.strict import TomlFile, named_tables

TABLE = "severally_outbox"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?")
_PASSWORD = re.compile(r"\bpassword\s*=|://[^/@\s]*:[^/@\s]*@")


class SqliteOutboxSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`type = "sqlite"`."""

    file: str
    table: str = TABLE


class PostgresqlOutboxSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`type = "postgresql"`. `database` is a connection string (host, port, dbname, user, …)."""

    database: str
    table: str = TABLE
    password_file: str = ""
    password_env: str = ""


OutboxSection = SqliteOutboxSection | PostgresqlOutboxSection
_TYPES: Mapping[str, Any] = {"sqlite": SqliteOutboxSection, "postgresql": PostgresqlOutboxSection}


def read_outboxes(file: TomlFile, urgent: bool) -> dict[str, OutboxSection]:
    """What severally.toml says; mistakes are added to its findings. `urgent`: whether the
    workspace sends urgent messages at all."""
    found: dict[str, OutboxSection] = {}
    for name, raw in named_tables(file, "outboxes").items():
        path = f"outboxes.{name}"
        kind = str(raw.get("type")) if isinstance(raw, dict) else ""
        if not _NAME.fullmatch(name):
            file.problem(path, "an outbox's name is letters, digits and -", "rename it")
        if not urgent:
            file.problem(path, "nothing would be sent", "[urgent] routes is missing")
        if kind not in _TYPES:
            cure = f"write type = one of {', '.join(_TYPES)}"
            file.problem(f"{path}.type", "type is missing, or is none there is", cure)
            continue
        section = file.table(path, raw, _TYPES[kind], ignore=("type",))
        if section is not None:
            _check(file, path, section)
            found[name] = section
    return found


def _check(file: TomlFile, path: str, section: OutboxSection) -> None:
    if not _TABLE.fullmatch(section.table):
        cure = "letters, digits and _, in PostgreSQL with its schema before a dot"
        file.problem(f"{path}.table", "is no table's name", cure)
    if isinstance(section, PostgresqlOutboxSection) and _PASSWORD.search(section.database):
        cure = "leave it out, and write password_file or password_env"
        file.problem(f"{path}.database", "a password does not belong into this file", cure)
