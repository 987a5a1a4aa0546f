"""How a run that went wrong ends: text for people, an object under `--json`, and the code.

No stack trace is shown for anything; with SEVERALLY_DEBUG=1 one is, for what nobody expected.
"""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from severally.model.errors import Refused, SeverallyError

if TYPE_CHECKING:
    from severally.app.cli.session import Session

_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")


def wrong(error: SeverallyError | str, code: int, json: bool) -> int:
    """Say what is wrong; returns `code`."""
    if json:
        _print_json(_as_object(error, code))
    sys.stderr.write(f"severally: {error}\n")
    sys.stderr.flush()
    return code


def unexpected(error: BaseException, session: Session) -> int:
    """A mistake of ours: one line, and the details in a file without any address."""
    if os.environ.get("SEVERALLY_DEBUG") == "1":
        traceback.print_exception(error)
    place = _keep_details(error, session)
    where = f"details are in {place}" if place else "run it with SEVERALLY_DEBUG=1 for details"
    return wrong(
        f"something unexpected went wrong ({type(error).__name__}); {where}", 1, session.json
    )


def _as_object(error: SeverallyError | str, code: int) -> dict[str, Any]:
    said: dict[str, Any] = {"error": str(error), "exit_code": code}
    if isinstance(error, Refused):
        said["error"] = error.what
        said["findings"] = [
            {
                "where": finding.where,
                "problem": finding.problem,
                "cure": finding.cure,
                "recipients": finding.recipients,
                "warning": finding.warning,
                "locale": finding.locale,
                "segment": finding.segment,
            }
            for finding in error.findings
        ]
    return said


def _print_json(said: dict[str, Any]) -> None:
    import json

    sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _keep_details(error: BaseException, session: Session) -> Path | None:
    """Append the trace to the workspace's log, every address blotted out."""
    from severally.app.config import STATE, find_root

    try:
        folder = find_root(Path.cwd(), session.root) / STATE
        folder.mkdir(exist_ok=True)
        log = folder / "severally.log"
        text = _ADDRESS.sub("…@…", "".join(traceback.format_exception(error)))
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{stamp}\n{text}\n")
    except (OSError, SeverallyError):
        return None
    return log
