"""How a workspace stages its mailings: `[staging]`, `[sentinels]` and `[audit]`, checked.

Responsible for what is written there and for the plan that follows for so many people. Not for
who may approve what.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from severally.app.sections import AuditSection, SentinelSection, StagingSection
from severally.app.strict import TomlFile, named_tables
from severally.model.address import AddressError, parse_address
from severally.model.staging import Sentinel, StagingPlan
from severally.stage.steps import ramp

_MOST_APPROVALS = 10


@dataclass(frozen=True)
class Staging:
    """The three sections. Times in seconds."""

    approvals: int = 1
    canary: int = 1_200
    chunk: int = 100
    steps: tuple[float, ...] = (0.05, 0.25, 1.0)
    trickle_s: float = 600.0
    patience_s: float = 6 * 3600.0
    sentinel_patience_s: float = 900.0
    follow_links: bool = False
    staff: frozenset[str] = frozenset()
    sentinels: dict[str, SentinelSection] = field(default_factory=dict)
    checkpoints: tuple[str, ...] = ()

    def plan(self, people: int, locales: tuple[str, ...]) -> StagingPlan:
        """The plan for so many people reading these locales; sentinels of others stay out."""
        sentinels = tuple(
            Sentinel(name, section.address, section.locale)
            for name, section in sorted(self.sentinels.items())
            if section.locale in locales
        )
        return StagingPlan(
            ramp(people, self.canary, self.chunk, self.steps),
            sentinels,
            self.patience_s,
            self.sentinel_patience_s,
            self.trickle_s,
            self.follow_links,
        )


def read_staging(file: TomlFile, live: bool, receivers: Collection[str]) -> Staging:
    """What severally.toml says; mistakes are added to its findings. `receivers`: those it names."""
    section = file.table("staging", file.data.get("staging", {}), StagingSection)
    section = section or StagingSection()
    audit = file.table("audit", file.data.get("audit", {}), AuditSection) or AuditSection()
    _check(file, section, receivers)
    return Staging(
        section.approvals,
        section.canary,
        section.chunk,
        section.steps,
        file.duration("staging.trickle", section.trickle),
        file.duration("staging.patience", section.patience),
        file.duration("staging.sentinel_patience", section.sentinel_patience),
        live if section.follow_links is None else section.follow_links,
        frozenset(section.staff),
        _sentinels(file),
        audit.checkpoints,
    )


def _check(file: TomlFile, section: StagingSection, receivers: Collection[str]) -> None:
    if unknown := sorted(set(section.staff) - set(receivers)):
        cure = f'write [receivers] {unknown[0]} = ["your-own.example"]'
        file.problem("staging.staff", f"{unknown[0]} is no receiver of yours", cure)
    if not 1 <= section.approvals <= _MOST_APPROVALS:
        file.problem("staging.approvals", f"must be from 1 to {_MOST_APPROVALS}")
    if section.canary < 1:
        file.problem("staging.canary", "must be 1 or more")
    if not 1 <= section.chunk <= 1_000:
        file.problem("staging.chunk", "must be from 1 to 1000")
    rising = list(section.steps) == sorted(set(section.steps))
    if not section.steps or not rising or section.steps[0] <= 0 or section.steps[-1] != 1:
        file.problem("staging.steps", "must be rising shares that end with 1", "[0.05, 0.25, 1.0]")


def _sentinels(file: TomlFile) -> dict[str, SentinelSection]:
    sentinels: dict[str, SentinelSection] = {}
    for name, raw in named_tables(file, "sentinels").items():
        path = f"sentinels.{name}"
        section = file.table(path, raw, SentinelSection)
        if section is None:
            continue
        try:
            parse_address(section.address)
        except AddressError as error:
            file.problem(f"{path}.address", f"is no mail address: {error}")
        if bool(section.maildir) == bool(section.imap_host):
            file.problem(path, "is read from one place", "set maildir, or imap_host")
        if section.imap_host and not (section.password_file or section.password_env):
            file.problem(path, "has no password", "set password_file or password_env")
        sentinels[name] = section
    return sentinels
