"""What the verbs answer with: plain structs that print as JSON. Never a recipient's address."""

from __future__ import annotations

import msgspec

from severally.app.operations.figure_results import Figures
from severally.app.operations.stage_results import CanaryReport
from severally.model.delivery import OPEN, DeliveryState
from severally.model.errors import Finding
from severally.model.mailing import MailingState


class FoundView(msgspec.Struct, frozen=True):
    """One finding, as JSON. `recipients` are ids; `locale` and `segment` as in a catalogue."""

    where: str
    problem: str
    cure: str = ""
    recipients: tuple[str, ...] = ()
    warning: bool = False
    locale: str = ""
    segment: str = ""


def view_of(finding: Finding) -> FoundView:
    """A finding for output."""
    return FoundView(
        finding.where,
        finding.problem,
        finding.cure,
        finding.recipients,
        finding.warning,
        finding.locale,
        finding.segment,
    )


class RejectedRow(msgspec.Struct, frozen=True):
    """A row of the audience that cannot be told. No reason repeats a value; `id` is empty where
    the row has none that is valid."""

    row: int
    reasons: tuple[str, ...]
    id: str = ""


class AudienceResult(msgspec.Struct, frozen=True):
    """`audience check`. `rejected` counts; `rejects` are the first 100, all in `rejects_file`.

    `suppressed`: how many of the accepted will be left out of a notice of its kind, by reason.
    `missing`: optional variable -> how many of the accepted do not have it.
    """

    file: str
    accepted: int
    rejected: int
    set_aside: int
    locales: dict[str, int]
    receivers: dict[str, int]
    ignored_columns: tuple[str, ...]
    rejects: tuple[RejectedRow, ...]
    rejects_file: str
    findings: tuple[FoundView, ...]
    suppressed: dict[str, int] = {}
    missing: dict[str, int] = {}


class LanguageLine(msgspec.Struct, frozen=True):
    """So many recipients who asked for `wanted` read `read`; `step` is how that was found
    (`model.languages.Step`)."""

    wanted: str
    read: str
    step: str
    recipients: int


class Measure(msgspec.Struct, frozen=True):
    """One locale's message with made-up values: its whole size and its HTML part's in bytes,
    its links, and what a filter of this machine made of it (`rules` as it names them)."""

    locale: str
    message_bytes: int
    html_bytes: int
    links: int
    filter: str = ""
    score: float | None = None
    rules: tuple[str, ...] = ()


class CheckResult(msgspec.Struct, frozen=True):
    """`check`. `sound` where nothing but warnings was found."""

    notice: str
    sound: bool
    locales: tuple[str, ...]
    findings: tuple[FoundView, ...]
    audience: AudienceResult | None = None
    measures: tuple[Measure, ...] = ()
    languages: tuple[LanguageLine, ...] = ()


class PreviewCase(msgspec.Struct, frozen=True):
    """One message: its files begin with `stem`; `recipient` is an id, or empty for made-up
    values; `why` it is shown, without any value."""

    stem: str
    recipient: str
    why: str


class PreviewResult(msgspec.Struct, frozen=True):
    """`preview`: the files that were written, whose messages, what was seen in the pictures."""

    notice: str
    locale: str
    recipient: str
    folder: str
    files: tuple[str, ...]
    cases: tuple[PreviewCase, ...] = ()
    findings: tuple[FoundView, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every picture could be taken that was asked for, or none was possible."""
        return all(finding.warning for finding in self.findings)


class PlanLane(msgspec.Struct, frozen=True):
    """One lane of a plan. `ends_s`: seconds from the start until its last first attempt;
    `longest_s`: the same where receivers take half and put some off. `bound`: the limit it
    would meet first alone."""

    lane: str
    recipients: int
    rate: str
    connections: int | None
    messages_per_connection: int | None
    source: str
    ends_s: float
    longest_s: float
    bound: str


class WhatIf(msgspec.Struct, frozen=True):
    """How long it would take with one thing changed: a `route` instead, a `setting`, or the
    `times` at which it may leave."""

    text: str
    estimate_s: float
    kind: str


class PlanResult(msgspec.Struct, frozen=True):
    """`plan`. Times in seconds; `bottleneck` is the lane that ends last.

    `estimate_s` to `longest_s`, where receivers take half of their limits and put some off.
    `limit` and `limit_of`: what bounds the whole, and whose it is. `what_if`: the quickest
    first. `within_s`: the time there is until the deadline that was asked about, 0.0 for none;
    `direct`: straight to the receiving providers. `curve` holds (seconds, answered). Times count
    from `began` (Unix); nothing leaves before `start` nor outside the `window`, empty for none.
    """

    notice: str
    route: str
    recipients: int
    estimate_s: float
    longest_s: float
    bottleneck: str
    limit: str
    limit_of: str
    lanes: tuple[PlanLane, ...]
    what_if: tuple[WhatIf, ...]
    within_s: float
    direct: bool
    curve: tuple[tuple[float, int], ...]
    audience: AudienceResult
    findings: tuple[FoundView, ...] = ()
    languages: tuple[LanguageLine, ...] = ()
    began: float = 0.0
    start: float = 0.0
    window: str = ""


class SimulatedLane(msgspec.Struct, frozen=True):
    """One lane of a simulation. `bound`: the limit it would meet first alone."""

    lane: str
    recipients: int
    ends_s: float
    bound: str


class SimulateResult(msgspec.Struct, frozen=True):
    """`simulate`. Times in seconds; `speed` is one worker's messages/s.

    `estimate_s` with `workers` of them, `longest_s` where receivers take half of their limits,
    `alone_s` with one worker, `unbounded_s` with any number. `machine_hours`: all of them at work
    together. `limit` and `limit_of`: the bottleneck, and whose it is. `slowest` lanes first;
    `curve` holds (seconds, answered). `computed_s`: what finding all this out took.
    """

    route: str
    recipients: int
    domains: int
    lanes: int
    workers: int
    speed: float
    machine_hours: float
    estimate_s: float
    longest_s: float
    alone_s: float
    unbounded_s: float
    limit: str
    limit_of: str
    slowest: tuple[SimulatedLane, ...]
    curve: tuple[tuple[float, int], ...]
    computed_s: float


class LaneReport(msgspec.Struct, frozen=True):
    """One lane. `first_at`, `last_at` are Unix seconds, 0.0 for never."""

    lane: str
    recipients: int
    counts: dict[str, int]
    first_at: float
    last_at: float
    peak_rate: int
    peak_connections: int


class GuardReport(msgspec.Struct, frozen=True):
    """What the guard did."""

    sealed: int
    refused: int


class Deed(msgspec.Struct, frozen=True):
    """One entry of the mailing's history. `at` is Unix seconds."""

    at: float
    what: str
    detail: str = ""


class Report(msgspec.Struct, frozen=True):
    """`report`, and what `send` and `resume` end with. `counts` sum to `audience`, `excluded` (by
    reason) to the count of that name. `canary`: of what was staged; `figures`: of `report` alone.
    """

    mailing: str
    notice: str
    state: str
    reason: str
    route: str
    digest: str
    audience: int
    counts: dict[str, int]
    lanes: tuple[LaneReport, ...]
    estimate_s: float
    elapsed_s: float
    guard: GuardReport
    in_doubt: tuple[str, ...]
    blocked: tuple[str, ...]
    history: tuple[Deed, ...]
    excluded: dict[str, int] = {}
    figures: Figures | None = None
    canary: CanaryReport | None = None

    @property
    def exit_code(self) -> int:
        """0 all final, 4 halted, 5 some deferred, blocked, in doubt or not yet sent."""
        if self.state == MailingState.HALTED:
            return 4
        unfinished = {*OPEN, DeliveryState.BLOCKED, DeliveryState.IN_DOUBT}
        return 5 if any(self.counts[state.word] for state in unfinished) else 0


class MailingLine(msgspec.Struct, frozen=True):
    """One mailing in `status`. `waits`: what its gate waits for, or asks a person, with figures.
    `left_s`: how long it takes still, planned anew; 0.0 where it is not under way."""

    mailing: str
    notice: str
    state: str
    reason: str
    route: str
    audience: int
    counts: dict[str, int]
    created_at: float
    started_at: float
    ended_at: float
    estimate_s: float
    waits: str = ""
    left_s: float = 0.0


class StatusResult(msgspec.Struct, frozen=True):
    """`status`: newest first. `delivering` says whether a process is at work here now."""

    purpose: str
    delivering: bool
    mailings: tuple[MailingLine, ...]


class CatalogueLine(msgspec.Struct, frozen=True):
    """One locale of `translate status`. `words` of the source are left to translate; for
    `offered` segments the memory has a text; `fallback` is what is read instead for now."""

    locale: str
    translated: int
    missing: int
    stale: int
    words: int = 0
    offered: int = 0
    fallback: str = ""


class TranslateResult(msgspec.Struct, frozen=True):
    """`translate status` and `translate update`. `named`: blocks that got an id."""

    notice: str
    catalogues: tuple[CatalogueLine, ...]
    written: tuple[str, ...] = ()
    named: int = 0


class ExportResult(msgspec.Struct, frozen=True):
    """`translate export`: the files that were written."""

    notice: str
    format: str
    files: tuple[str, ...]


class ImportedFile(msgspec.Struct, frozen=True):
    """One file of `translate import`. `changed` texts are new or other than before; `open` are
    those that nobody confirmed yet."""

    file: str
    locale: str
    changed: int
    same: int
    open: int


class ImportResult(msgspec.Struct, frozen=True):
    """`translate import`, and how far each locale is now."""

    notice: str
    files: tuple[ImportedFile, ...]
    catalogues: tuple[CatalogueLine, ...]


class InitResult(msgspec.Struct, frozen=True):
    """`init`. `new` is false where the workspace was there and only its keys were made."""

    workspace: str
    files: tuple[str, ...]
    new: bool = True


class HaltResult(msgspec.Struct, frozen=True):
    """`halt`: what was stopped."""

    halted: tuple[str, ...]
    reason: str
    guard: bool = False
