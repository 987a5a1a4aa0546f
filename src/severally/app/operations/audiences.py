"""Reading an audience's file for a verb: staged, judged, and kept only where the verb says so."""

from __future__ import annotations

import hashlib
import secrets
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from severally.app.allowed import Allowed
from severally.app.config import Workspace
from severally.app.office import Office
from severally.app.operations import locating
from severally.app.operations.results import AudienceResult, RejectedRow, view_of
from severally.audience.importing import Imported, Importer, warnings
from severally.audience.reading import BadRow, GoodRow, Reader, Spec
from severally.audience.rejects import RejectsFile
from severally.model.errors import Finding, Refused, UsageError
from severally.model.notice import Notice, SameAddress, Variable
from severally.model.schedule import Window
from severally.model.staged import StagedRow
from severally.model.suppression import Why
from severally.pace.calendar import zone_groups
from severally.ports import Staging

_SHOWN = 100
_NAMED_IDS = 1_000
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_id(kind: str) -> str:
    """`m-7k2d9x`: short, easily read out, without look-alikes; 31^6 of them."""
    return f"{kind}-" + "".join(secrets.choice(_ALPHABET) for _ in range(6))


@dataclass(frozen=True)
class Reading:
    """A file read to its end. `staging` is discarded by `reading` unless it was frozen. `zones`:
    rows by receiver and time zone; no zone where no window was asked about."""

    id: str
    staging: Staging
    result: AudienceResult
    imported: Imported
    receivers: dict[str, int]
    zones: dict[tuple[str, str], int]


Told = Callable[[GoodRow], bool]
"""Whether this person was told already, and is left out."""


def nobody(row: GoodRow) -> bool:
    """Nobody was told yet."""
    return False


class Watch:
    """Looks at the rows as they pass: who is outside a trial's domains, who does not have an
    `optional` value, and which are bad. Those who were `told` do not pass."""

    def __init__(
        self,
        reader: Reader,
        allowed: Allowed,
        optional: Iterable[Variable] = (),
        told: Told = nobody,
    ) -> None:
        self.heading = reader.heading
        self.outside = 0
        self.outside_ids: list[str] = []
        self.rejects: list[RejectedRow] = []
        self._without = {v.name: array("I") for v in optional}
        self._reader = reader
        self._allowed = allowed
        self._told = told

    def __iter__(self) -> Iterator[GoodRow | BadRow]:
        for row in self._reader:
            if isinstance(row, BadRow):
                if len(self.rejects) < _SHOWN:
                    self.rejects.append(RejectedRow(row.row, row.reasons, row.id))
            elif self._told(row):
                continue
            else:
                self._look(row)
            yield row

    def _look(self, row: GoodRow) -> None:
        for name, rows in self._without.items():
            if name not in row.recipient.values:
                rows.append(row.row)
        if not self._allowed.domain(row.address.domain):
            self.outside += 1
            if self.outside <= _NAMED_IDS:
                self.outside_ids.append(row.recipient.id)

    def missing(self, set_aside: frozenset[int]) -> dict[str, int]:
        """How many of the rows that are left lack each optional value, where any does."""
        counts = {
            name: sum(row not in set_aside for row in rows) for name, rows in self._without.items()
        }
        return {name: count for name, count in counts.items() if count}

    def findings(self, where: str) -> Iterator[Finding]:
        """What stops a send; `where` the allowed domains are listed."""
        if self.outside:
            count = "one recipient is" if self.outside == 1 else f"{self.outside:,} recipients are"
            yield Finding(
                where,
                f"{count} at a domain this trial workspace does not send to",
                "list the domain there if you mean to reach it",
                tuple(self.outside_ids),
            )


class Census:
    """Counts the rows that are staged by locale, six bytes a row, and those that are suppressed.

    `barred`: blind indexes of suppressed addresses, and why.
    """

    def __init__(self, staging: Staging, barred: Mapping[bytes, Why]) -> None:
        self._staging = staging
        self._barred = barred
        self._suppressed: dict[int, Why] = {}
        self._locales: dict[str, int] = {}
        self._rows = array("I")
        self._locale_of = array("H")

    def add(self, rows: Sequence[StagedRow]) -> None:
        """Pass them on."""
        for row in rows:
            self._rows.append(row.row)
            self._locale_of.append(self._locales.setdefault(row.locale, len(self._locales)))
            if (why := self._barred.get(row.blind)) is not None:
                self._suppressed[row.row] = why
        self._staging.add(rows)

    def __getattr__(self, name: str) -> object:
        return getattr(self._staging, name)

    def locales(self, set_aside: frozenset[int]) -> dict[str, int]:
        """How many of the rows that are left have each locale."""
        left: Counter[int] = Counter()
        for row, locale in zip(self._rows, self._locale_of, strict=True):
            if row not in set_aside:
                left[locale] += 1
        return {name: left[at] for name, at in self._locales.items() if left[at]}

    def suppressed(self, set_aside: frozenset[int]) -> dict[str, int]:
        """How many of the rows that are left are suppressed, by reason."""
        left = (why for row, why in self._suppressed.items() if row not in set_aside)
        return dict(sorted(Counter(why.value for why in left).items()))


@contextmanager
def reading(
    office: Office,
    file: Path,
    notice: Notice | None,
    route: str,
    told: Told = nobody,
    window: Window | None = None,
) -> Iterator[Reading]:
    """Read the file for this notice, or for its addresses alone. Nothing of it stays.

    Raises UsageError where there is no such file, Refused where it cannot be read as a whole.
    """
    audience_id = new_id("a")
    staging = office.ledger.stage(audience_id)
    try:
        yield _read(office, file, notice, route, audience_id, staging, told, window)
    finally:
        staging.discard()


def _read(
    office: Office,
    file: Path,
    notice: Notice | None,
    route: str,
    audience_id: str,
    staging: Staging,
    told: Told,
    window: Window | None,
) -> Reading:
    keys, wiring = office.keys, office.wiring
    importer = Importer(
        cast(Staging, census := Census(staging, _barred(office, notice))),
        wiring.row_cipher(keys.audience_key(audience_id), audience_id),
        keys,
        hashlib.sha256(audience_id.encode()).digest(),
        zone_groups(window, wiring.clock.wall()),
    )
    same = notice.same_address if notice else SameAddress.ONCE
    rejects_path = office.workspace.state / "rejects" / file.name
    with opened(file) as source:
        reader = Reader(source, spec(office.workspace, notice), file.name)
        optional = [variable for variable in columns(notice) if variable.optional]
        watch = Watch(reader, office.workspace.allowed, optional, told)
        with RejectsFile(rejects_path, reader.heading.names) as rejects:
            imported = importer.read(cast(Reader, watch), rejects, same)
    set_aside = frozenset(each.row for each in imported.set_aside)
    located = locating.locate(staging, wiring.resolver(office.workspace, route, keys, wiring.clock))
    allowing = office.workspace.where("workspace.allow_domains")
    findings = [*watch.findings(allowing), *_empty(imported, file), *warnings(imported), *located]
    receivers = dict(staging.receivers())
    shown = rejects_path.relative_to(office.workspace.root)
    result = AudienceResult(
        file.name,
        imported.accepted,
        imported.rejected,
        len(imported.set_aside),
        census.locales(set_aside),
        receivers,
        tuple(name for name in imported.ignored if name),
        tuple(watch.rejects),
        str(shown) if imported.rejected else "",
        tuple(view_of(finding) for finding in findings if not _said(finding)),
        census.suppressed(set_aside),
        watch.missing(set_aside),
    )
    zones = {(each, ""): count for each, count in receivers.items()}
    if window is not None:
        zones = dict(staging.zones())
    return Reading(audience_id, staging, result, imported, receivers, zones)


def _barred(office: Office, notice: Notice | None) -> Mapping[bytes, Why]:
    if notice is None:
        return {}
    return office.ledger.barred(notice.kind, office.wiring.clock.wall())


def _said(finding: Finding) -> bool:
    """Ignored columns have a line of their own."""
    return finding.where == "heading"


def _empty(imported: Imported, file: Path) -> Iterator[Finding]:
    if not imported.accepted:
        yield Finding(file.name, "there is nobody in it to tell", "it needs one good row at least")


def columns(notice: Notice | None) -> tuple[Variable, ...]:
    """The variables that need a column of the audience."""
    return tuple(v for v in notice.variables if v.value is None) if notice else ()


def spec(workspace: Workspace, notice: Notice | None) -> Spec:
    """How this workspace's files are read for a notice, or for their addresses alone."""
    section = workspace.audience
    return Spec(
        columns(notice),
        section.delimiter,
        dict(section.columns),
        section.default_locale,
        section.default_timezone,
        notice.link_hosts if notice else (),
    )


def opened(file: Path) -> BinaryIO:
    """The file, to be read. Raises UsageError."""
    try:
        return file.open("rb")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def check(office: Office, file: Path, notice: Notice | None) -> AudienceResult:
    """What would be accepted, and every rejected row with its reason. Nothing is kept."""
    with reading(office, file, notice, "") as read:
        return read.result


def refuse_unsound(result: AudienceResult, accept_rejects: int | None) -> None:
    """What stops a send: findings, and rejected rows unless their number was said.

    Raises Refused with all of it.
    """
    findings = [
        Finding(each.where, each.problem, each.cure, each.recipients)
        for each in result.findings
        if not each.warning
    ]
    if result.rejected != (accept_rejects or 0):
        findings += _rejects(result, accept_rejects)
    if findings:
        raise Refused(f"{result.file} cannot be told as it is; nothing was sent", findings)


def _rejects(result: AudienceResult, accept_rejects: int | None) -> Iterator[Finding]:
    for row in result.rejects[:20]:
        ids = (row.id,) if row.id else ()
        yield Finding(f"row {row.row}", "; ".join(row.reasons), recipients=ids)
    said = f", and --accept-rejects says {accept_rejects:,}" if accept_rejects is not None else ""
    rows = "1 row is" if result.rejected == 1 else f"{result.rejected:,} rows are"
    cure = "leave --accept-rejects away"
    if result.rejected:
        cure = (
            f"mend them (all are in {result.rejects_file}), "
            f"or go on without them: --accept-rejects {result.rejected}"
        )
    yield Finding(result.file, f"{rows} rejected{said}", cure)
