"""Who a simulation tells: so many recipients at each domain, from a file or made up.

Responsible for counts only; no recipient is in sight.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from severally.model.errors import Finding, Refused

_HEADINGS = ["domain", "recipients"]
_MOST = 10_000_000_000
_SHOWN = 20


def made_up(recipients: int, domains: int) -> dict[str, int]:
    """So many people at so many domains, in the shares of spread.toml; the last ones made up.

    They add up to `recipients`; a domain that nobody is left for is not there.
    """
    text = (resources.files("severally.app") / "spread.toml").read_text("utf-8")
    shares: dict[str, float] = tomllib.loads(text)
    shares = dict(list(shares.items())[:domains])
    own = domains - len(shares)
    if own:
        weights = [1 / (k + 3) for k in range(own)]
        scale = (100 - sum(shares.values())) / sum(weights)
        shares |= {f"d{k + 1:05}.example": each * scale for k, each in enumerate(weights)}
    return _apportioned(recipients, shares)


def _apportioned(recipients: int, shares: Mapping[str, float]) -> dict[str, int]:
    """By largest remainder: whole people, nobody lost."""
    total = sum(shares.values())
    exact = {domain: recipients * share / total for domain, share in shares.items()}
    counts = {domain: int(share) for domain, share in exact.items()}
    left = recipients - sum(counts.values())
    for domain in sorted(exact, key=lambda each: counts[each] - exact[each])[:left]:
        counts[domain] += 1
    return {domain: count for domain, count in counts.items() if count}


def read(file: Path) -> dict[str, int]:
    """A CSV with the headings domain,recipients. Raises Refused naming every wrong row."""
    counts: dict[str, int] = {}
    wrong: list[Finding] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            if next(rows, None) != _HEADINGS:
                raise Refused(
                    f"{file.name} is no mix of domains: its first row must be domain,recipients"
                )
            for number, row in _rows(rows, wrong, file.name):
                domain, count = row[0].strip().lower(), row[1].strip()
                problem = _problem(domain, count, counts)
                if problem:
                    wrong.append(Finding(f"{file.name} row {number}", problem))
                else:
                    counts[domain] = int(count)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{file.name} cannot be read: {_why(error)}") from None
    if wrong:
        more = [Finding("", f"and {len(wrong) - _SHOWN:,} more")] if len(wrong) > _SHOWN else []
        raise Refused(f"{file.name} is no mix of domains", wrong[:_SHOWN] + more)
    counts = {domain: count for domain, count in counts.items() if count}
    if not counts:
        raise Refused(f"{file.name} has no recipients")
    return counts


def _rows(
    rows: Iterator[list[str]], wrong: list[Finding], name: str
) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, 2):
        if len(row) == len(_HEADINGS):
            yield number, row
        elif row:
            wrong.append(Finding(f"{name} row {number}", f"has {len(row)} columns, not two"))


def _problem(domain: str, count: str, known: Mapping[str, int]) -> str:
    if not domain or "@" in domain or len(domain) > 253 or " " in domain:
        return "has no domain in its first column"
    if domain in known:
        return "names a domain a second time"
    if not (count.isascii() and count.isdigit()) or int(count) > _MOST:
        return f"needs a whole number of recipients, {_MOST:,} at most"
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "the system says no"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
