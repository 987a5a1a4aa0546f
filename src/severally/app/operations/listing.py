"""Every recipient of a mailing in a file: who got it, who did not, and what was said of it."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

from severally.app.office import Office
from severally.model.delivery import DeliveryState
from severally.model.errors import UsageError

HEADING = ("id", "state", "recorded", "code", "said")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(office: Office, mailing_id: str, file: Path) -> int:
    """One line each, streaming; how many. Times are UTC (RFC 3339), ids never addresses.

    Raises UsageError where the file cannot be written.
    """
    count = 0
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(HEADING)
            for name, at, record in office.ledger.everyone(mailing_id, list(DeliveryState)):
                said = record.rule or record.text
                row = (name, record.state.word, utc(at), record.code or "", said)
                writer.writerow([plain(str(cell)) for cell in row])
                count += 1
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    return count


def utc(at: float) -> str:
    """RFC 3339, to the millisecond."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")


def plain(cell: str) -> str:
    """No spreadsheet reads it as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
