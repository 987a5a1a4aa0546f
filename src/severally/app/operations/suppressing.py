"""`suppression list|add|remove|import|export`: who is not to be written to, by hand.

Addresses are read and written here and nowhere else; results name a suppression by its key,
the blind index in hexadecimal.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from severally.app.office import Office
from severally.app.operations.feedback_results import (
    SuppressionChange,
    SuppressionFile,
    SuppressionLine,
    SuppressionList,
)
from severally.app.operations.listing import plain, utc
from severally.app.operations.signing import act_as, on_record
from severally.deliver import parties
from severally.model.address import Address, AddressError, parse_address
from severally.model.entries import Act
from severally.model.errors import Finding, Refused, UsageError
from severally.model.event import Party
from severally.model.operator import Role
from severally.model.suppression import DAY_S, SCOPES, Suppression, Why

_ROLES = (Role.OPERATOR, Role.APPROVER)
_BATCH = 1_000
_SHOWN = 1_000
_KEY_BYTES = 16
HEADING = ("email", "key", "scope", "why", "source", "at", "expires")


def party_of(office: Office, address: Address) -> Party:
    """The address as the ledger may know it."""
    return parties.party_of(office.keys, office.wiring.row_cipher, str(address))


def address_in(office: Office, party: Party) -> str:
    """The address itself; empty where only its index is known."""
    return parties.address_in(office.keys, office.wiring.row_cipher, party)


def listed(office: Office) -> SuppressionList:
    """How many, by scope and reason, and the first thousand."""
    now = office.wiring.clock.wall()
    counts: Counter[str] = Counter()
    lines: list[SuppressionLine] = []
    for one in office.ledger.suppressions():
        counts[f"{one.scope}: {one.why.value}" if one.holds(now) else "run out"] += 1
        if len(lines) < _SHOWN:
            lines.append(_line(one))
    return SuppressionList(counts.total(), dict(sorted(counts.items())), tuple(lines))


def _line(one: Suppression) -> SuppressionLine:
    return SuppressionLine(
        one.party.blind.hex(), one.scope, one.why.value, one.source, one.at, one.expires
    )


def add(office: Office, address: str, scope: str, reason: str, days: float) -> SuppressionChange:
    """Bar one address. `days` 0 means for ever. Raises UsageError, Refused."""
    party = party_of(office, _address(address))
    with on_record(office, "", "suppression add"):
        who = act_as(office, "suppression", *_ROLES).name
        now = office.wiring.clock.wall()
        until = now + days * DAY_S if days else 0.0
        new = Suppression(party, checked_scope(scope), Why.PERSON, reason, now, until)
        changed = office.ledger.suppress([new], now)
        _note(office, "suppression added", f"{party.blind.hex()} {scope}: {reason}", who)
    return SuppressionChange(party.blind.hex(), scope, changed)


def remove(office: Office, named: str, scope: str | None, reason: str) -> SuppressionChange:
    """Lift what bars an address, or a key. Raises UsageError where nothing does."""
    blind = _named(office, named)
    with on_record(office, "", "suppression remove"):
        who = act_as(office, "suppression", *_ROLES).name
        changed = office.ledger.lift(blind, checked_scope(scope) if scope else None)
        if not changed:
            raise UsageError("nothing bars that address; `severally suppression list` shows all")
        detail = f"{blind.hex()} {scope or 'every scope'}: {reason}"
        _note(office, "suppression removed", detail, who)
    return SuppressionChange(blind.hex(), scope or "", changed)


def _named(office: Office, named: str) -> bytes:
    if "@" not in named:
        return _key(named)
    return office.keys.blind(_address(named).folded)


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise UsageError("that is neither an address nor a key (32 hexadecimal digits)")
    return key


def _address(text: str) -> Address:
    try:
        return parse_address(text.strip())
    except AddressError as error:
        raise UsageError(f"that is no mail address: {error}") from None


def checked_scope(scope: str) -> str:
    """The scope, if there is one of that name. Raises UsageError."""
    if scope not in SCOPES:
        raise UsageError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
    return scope


def import_file(office: Office, file: Path, scope: str, reason: str) -> SuppressionFile:
    """Take in a CSV file with `email` or `key`, and `scope`, `source`, `expires` where it has
    them. Nothing is taken in where one row is bad. Raises Refused naming the rows."""
    checked_scope(scope)
    with on_record(office, "", "suppression import"):
        who = act_as(office, "suppression", *_ROLES).name
        now = office.wiring.clock.wall()
        rows, bad = _rows(office, file, scope, reason, now)
        if bad:
            raise Refused(f"{file.name} has {len(bad):,} bad rows; nothing was taken in", bad)
        changed = sum(
            office.ledger.suppress(rows[first : first + _BATCH], now)
            for first in range(0, len(rows), _BATCH)
        )
        _note(office, "suppressions imported", f"{file.name}: {len(rows)} rows: {reason}", who)
    return SuppressionFile(file.name, len(rows), changed)


def _rows(
    office: Office, file: Path, scope: str, reason: str, now: float
) -> tuple[list[Suppression], list[Finding]]:
    rows: list[Suppression] = []
    bad: list[Finding] = []
    for number, fields in _read(file):
        try:
            rows.append(_suppression(office, fields, scope, reason, now))
        except UsageError as error:
            bad.append(Finding(f"row {number}", str(error)))
    return rows, bad


def _read(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            if not {"email", "key"} & set(reader.fieldnames or ()):
                raise UsageError(f"{file.name} has neither a column email nor a column key")
            for fields in reader:
                yield reader.line_num, {k: (v or "").strip() for k, v in fields.items() if k}
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise UsageError(f"{file.name} is no CSV file in UTF-8") from None


def _suppression(
    office: Office, fields: dict[str, str], scope: str, reason: str, now: float
) -> Suppression:
    address = fields.get("email", "").removeprefix("'")
    party = party_of(office, _address(address)) if address else Party(_key(fields.get("key", "")))
    expires = _moment(fields.get("expires", ""))
    source = fields.get("source") or reason
    own_scope = checked_scope(fields.get("scope") or scope)
    return Suppression(party, own_scope, Why.IMPORT, source, now, expires)


def _moment(text: str) -> float:
    if not text:
        return 0.0
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC).timestamp()
    except ValueError:
        raise UsageError("expires is no time such as 2026-12-01T12:00:00Z") from None


def export(office: Office, file: Path, hashed: bool, key_file: Path | None) -> SuppressionFile:
    """Everything into a new CSV file (mode 0600).

    `hashed` leaves the addresses out and keeps their keys, which mean something only in a
    workspace with the same `keys/index.key`. With `key_file` the keys are HMAC-SHA256 of the
    lower-case address under that file's bytes, for whoever else holds it; what is known by its
    index alone is left out then. Raises UsageError where the file is there already.
    """
    with on_record(office, "", "suppression export"):
        who = act_as(office, "suppression", *_ROLES).name
        shared = _shared_key(key_file) if key_file else None
        count = left_out = 0
        with _new(file) as out:
            writer = csv.writer(out)
            writer.writerow(HEADING)
            for one in office.ledger.suppressions():
                row = _exported(office, one, hashed, shared)
                if row is None:
                    left_out += 1
                    continue
                writer.writerow(row)
                count += 1
        how = "as keyed hashes" if hashed or shared else "with addresses"
        _note(office, "suppressions exported", f"{file.name}: {count} rows {how}", who)
    return SuppressionFile(file.name, count, count, left_out)


def _exported(
    office: Office, one: Suppression, hashed: bool, shared: bytes | None
) -> tuple[str, ...] | None:
    address, key = "", one.party.blind.hex()
    if shared is not None:
        known = address_in(office, one.party)
        if not known:
            return None
        key = hmac.digest(shared, parse_address(known).folded.encode(), hashlib.sha256).hex()
    elif not hashed:
        address = plain(address_in(office, one.party))
    until = utc(one.expires) if one.expires else ""
    return address, key, one.scope, one.why.value, plain(one.source), utc(one.at), until


def _shared_key(file: Path) -> bytes:
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    if len(key) < _KEY_BYTES:
        raise UsageError(f"{file} holds fewer than {_KEY_BYTES} bytes; make a key nobody guesses")
    return key


def _new(file: Path) -> TextIO:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{file} cannot be made: {error.strerror}") from None
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def _note(office: Office, what: str, detail: str, who: str) -> None:
    office.ledger.add_act(Act(office.wiring.clock.wall(), "", what, detail, who))
